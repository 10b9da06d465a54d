//! What a history is judged against: a sequential object.

use crate::direct::Role;
use std::fmt::{Debug, Display, Formatter};
use std::hash::Hash;

/// One operation as a model sees it: what was asked, and what was answered if that was seen.
pub type Seen<'a, M> = (&'a <M as Model>::Input, Option<&'a <M as Model>::Output>);

/// A sequential object: the states it can be in and what each operation may do in each.
///
/// Only [`init`](Model::init) and [`step`](Model::step) are needed. The rest makes the search faster or its
/// answer easier to read; each optional promise states what must hold, and a promise that is not kept makes
/// verdicts wrong.
pub trait Model {
    /// A state of the object (of one partition of it, if [`key`](Model::key) splits). Cloned and hashed often.
    type State: Clone + Eq + Hash + Debug;
    /// What a client asks.
    type Input: Debug;
    /// What a client is answered.
    type Output: Debug;

    /// The state before the first operation.
    fn init(&self) -> Self::State;

    /// Every state that may follow when the operation takes effect in `state`; none if it cannot have given
    /// this output there. `output` is `None` when the reply was never seen: the states that may follow under
    /// any output. "It never took effect" need not be among them, the search adds that.
    fn step(
        &self,
        state: &Self::State,
        input: &Self::Input,
        output: Option<&Self::Output>,
    ) -> Next<Self::State>;

    /// The bytes that a state takes beyond its own size and shares with no other, about. A budget of memory counts them:
    /// of use where states have no bound and are copied, such as those of a bank.
    fn weight(&self, state: &Self::State) -> usize {
        let _ = state;
        0
    }

    /// Splits the object into independent ones (Herlihy & Wing 1990, theorem 1: linearizability is local; the
    /// P-compositionality of Horn & Kroening 2015). Operations of different keys must share no state, and
    /// `init` must be the initial state of each part.
    fn key<'a>(&self, input: &'a Self::Input) -> Option<&'a str> {
        let _ = input;
        None
    }

    /// Promise: with this output (if `None`: with any) the operation never changes any state, so that `step`
    /// yields either nothing or exactly the state it was given. "Changes nothing in this state" is not enough.
    fn read_only(&self, input: &Self::Input, output: Option<&Self::Output>) -> bool {
        let _ = (input, output);
        false
    }

    /// Promise: wherever the operation is legal with this output, one and the same state follows. A put and a
    /// read of the whole state settle it, an append does not.
    fn settles(&self, input: &Self::Input, output: &Self::Output) -> bool {
        let _ = (input, output);
        false
    }

    /// For each of `unknown`, operations of unknown outcome: may it be needed to explain the others of its
    /// partition? Answering `false` is a promise: taking it out of a legal sequence, together with any others of
    /// unknown outcome, leaves a legal sequence; and that stays so when more replies become unknown.
    /// `others` are all operations of the partition, `unknown` among them.
    fn needed(&self, unknown: &[&Self::Input], others: &[Seen<'_, Self>]) -> Vec<bool>
    where
        Self: Sized,
    {
        let _ = others;
        vec![true; unknown.len()]
    }

    /// For each of `unknown`, as in [`needed`](Model::needed), a guess that promises nothing: is it likely to be needed?
    /// The others are left out at first, and tried when no order is found without them. `None`: no guess.
    fn likely(&self, unknown: &[&Self::Input], others: &[Seen<'_, Self>]) -> Option<Vec<bool>>
    where
        Self: Sized,
    {
        let _ = (unknown, others);
        None
    }

    /// For each of `others`, all operations of a partition: is it a bound, that is, may
    /// [`outgrown`](Model::outgrown) be asked about it? Of use where states only grow: in a list, a counter that
    /// never sinks, a version.
    fn bounds(&self, others: &[Seen<'_, Self>]) -> Vec<bool>
    where
        Self: Sized,
    {
        vec![false; others.len()]
    }

    /// Asked about bounds only. Answering `true` is a promise: the operation cannot have given this output in
    /// `state`, nor in any state that operations of its partition lead to from there; but for a [`Role::Write`] of a
    /// text that its own role, a [`Role::Read`], begins with. So where no such write is left, whatever comes to
    /// `state` before it is hopeless: once a list is `[b]`, nobody reads `[a, b]` any more.
    fn outgrown(&self, state: &Self::State, input: &Self::Input, output: &Self::Output) -> bool {
        let _ = (state, input, output);
        false
    }

    /// What the operation does, in words that the polynomial decisions understand. Answering anything but
    /// [`Role::Other`] is a promise: `step` does just that and nothing that the role does not say, and the initial
    /// value is `None`.
    fn role<'a>(&self, input: &'a Self::Input, output: Option<&'a Self::Output>) -> Role<'a> {
        let _ = (input, output);
        Role::Other
    }

    /// The operation in words, for explanations.
    fn describe(&self, input: &Self::Input, output: Option<&Self::Output>) -> Phrase {
        let rest = match output {
            Some(output) => format!("{input:?} -> {output:?}"),
            None => format!("{input:?}"),
        };
        Phrase { verb: "operation", past: "did", rest }
    }

    /// A state in words. `key` is the partition's.
    fn show(&self, key: Option<&str>, state: &Self::State) -> String {
        match key {
            Some(key) => format!("{key} = {state:?}"),
            None => format!("{state:?}"),
        }
    }
}

/// The states that may follow a step. Deterministic models use the first two and allocate nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next<S> {
    /// The operation is not legal here.
    Nowhere,
    /// Exactly this state follows.
    One(S),
    /// Any of these may follow.
    Any(Vec<S>),
}

impl<S> Next<S> {
    /// `state` if the operation is legal.
    pub fn when(legal: bool, state: impl FnOnce() -> S) -> Self {
        if legal { Next::One(state()) } else { Next::Nowhere }
    }
}

/// An operation in words: `verb` and `past` are one verb in two tenses, `rest` is the object.
/// `write`, `wrote`, `x = 2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    /// As a noun: "c1's write …", "before the write began".
    pub verb: &'static str,
    /// In the past: "c1 wrote …".
    pub past: &'static str,
    /// What it was done to, and the outcome.
    pub rest: String,
}

impl Display for Phrase {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.verb, self.rest)
    }
}
