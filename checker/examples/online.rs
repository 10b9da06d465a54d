//! A history judged while it grows: the test stops at the first answer that nothing explains.
//!
//! ```text
//! cargo run -p stormglass-checker --example online
//! ```
//!
//! A store with a cache for reads. The cache is brought up to date with every third write, so that sooner or later
//! somebody reads what had been overwritten before. Each client tells the judge when it calls and what it was answered;
//! nothing of the past is kept, however long that takes.

use stormglass_checker::models::register::{Input, Output, Register};
use stormglass_checker::online::{Online, Standing};

/// Answers reads from the cache.
#[derive(Default)]
struct Store {
    value: Option<String>,
    cached: Option<String>,
    writes: u64,
}

impl Store {
    fn write(&mut self, value: &str) -> Output {
        self.value = Some(value.to_owned());
        self.writes += 1;
        if self.writes.is_multiple_of(3) {
            self.cached.clone_from(&self.value);
        }
        Output::Done
    }

    fn read(&self) -> Output {
        Output::Value(self.cached.as_deref().map(Into::into))
    }
}

/// How many operations it took to find out, and what was wrong.
fn watch(mut store: Store, write_first: u64) -> (u64, String) {
    let mut online = Online::new(Register, Default::default());
    for round in 0.. {
        let writes = round < write_first || round % 4 == 0;
        let value = round.to_string();
        let input = if writes { Input::write("x", &value) } else { Input::read("x") };
        let ticket = online.call(round % 3, input);
        let output = if writes { store.write(&value) } else { store.read() };
        match online.returned(ticket, output) {
            Standing::Explained => {}
            Standing::Refuted(why) => return (round + 1, why.sentence.clone()),
            Standing::Undecided(why) => return (round + 1, why.to_string()),
        }
    }
    unreachable!("rounds do not end")
}

pub(crate) fn main() {
    // After 300 writes the cache is fresh; the next write is one too many.
    let (operations, sentence) = watch(Store::default(), 300);
    println!("after {operations} operations: {sentence}");
    assert_eq!(operations, 302);
    assert_eq!(
        sentence,
        "c1 read x = 299, which fits none of the orders that explain what came before; they lead to x = 300"
    );
}
