//! Cases with many owners, elements and priorities, or steps of one size: what the polynomial paths ask for.

use super::cases::{Case, InputOf, Locks, OutputOf, World};
use stormglass_checker::models::lock::{self, Lock};

/// Locks with an owner for nearly every operation.
pub(crate) struct ManyOwners;

impl Case for ManyOwners {
    type Model = Lock;
    const NAME: &'static str = "lock of many owners";

    fn model() -> Lock {
        Lock
    }

    fn run(world: &mut World, input: &InputOf<Self>) -> OutputOf<Self> {
        Locks::run(world, input)
    }

    fn completed() -> Vec<(InputOf<Self>, OutputOf<Self>)> {
        use lock::Output;
        let done = || Self::pending().into_iter().map(|input| (input, Output::Done));
        let refused = Self::pending().into_iter().step_by(3).map(|input| (input, Output::Refused));
        done().chain(done()).chain(refused).collect()
    }

    fn pending() -> Vec<InputOf<Self>> {
        use lock::Input;
        let both = |owner| {
            let key = || "x".into();
            [Input::Acquire { key: key(), owner }, Input::Release { key: key(), owner }]
        };
        [1, 2, 3].into_iter().flat_map(both).collect()
    }
}
