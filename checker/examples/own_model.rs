//! A model of one's own, in twenty lines: a dispenser of numbered tickets.
//!
//! ```text
//! cargo run -p stormglass-checker --example own_model
//! ```
//!
//! Two things make a model: the state to begin with, and what each operation may do in a state. Everything else
//! has a default. Here nobody asks for anything in particular (the input is `()`), and the answer is a number.

use stormglass_checker::{Budget, Model, Next, Operation, check, draw};

/// Gives out 0, 1, 2 …, each once. Twenty lines from here:
#[derive(Debug)]
struct Tickets;

impl Model for Tickets {
    type State = u64;
    type Input = ();
    type Output = u64;

    fn init(&self) -> u64 {
        0
    }

    fn step(&self, next: &u64, (): &(), ticket: Option<&u64>) -> Next<u64> {
        match ticket {
            // Legal if the ticket is the one that was due; then the next one is due.
            Some(ticket) => Next::when(ticket == next, || next + 1),
            // The reply was lost. If the dispenser did give a ticket, it was the one that was due.
            None => Next::One(next + 1),
        }
    }
}

/// Client, call, ticket, return: three clients, the second of whom calls twice. Times are nanoseconds.
fn history(last: u64) -> Vec<Operation<(), u64>> {
    vec![
        Operation::completed(0, (), 0, 1, 30),
        Operation::completed(1, (), 10, 0, 20),
        Operation::pending(2, (), 15),
        Operation::completed(1, (), 40, last, 50),
    ]
}

pub(crate) fn main() {
    // The one whose reply was lost took ticket 2, or none.
    for last in [2, 3] {
        assert!(check(&Tickets, &history(last), Budget::default()).is_linearizable());
    }
    // Ticket 1 was given before this call began: twice is wrong.
    let history = history(1);
    let verdict = check(&Tickets, &history, Budget::default());
    let wrong = verdict.counterexample().expect("a ticket was given twice");
    println!("{}\n{}", wrong.sentence, draw(&Tickets, &history, wrong, 100));
}
