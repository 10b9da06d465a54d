//! Long, wide and costly histories.

use stormglass_checker::models::register::{Input, Output, Register};
use stormglass_checker::online::{Online, Standing};
use stormglass_checker::{Budget, Why};

fn read(value: &str) -> Output {
    Output::Value(Some(value.into()))
}

/// What is held does not grow with the length.
#[test]
fn a_long_history_needs_no_more_memory_than_a_short_one() {
    let mut online = Online::new(Register, Budget::default());
    let mut most = 0;
    for round in 0..20_000_u64 {
        let value = (round % 5).to_string();
        let writes: Vec<_> = (0..3).map(|client| online.call(client, Input::write("x", &value))).collect();
        let reading = online.call(3, Input::read("x"));
        for ticket in writes {
            online.returned(ticket, Output::Done);
            most = most.max(online.configurations());
        }
        assert_eq!(online.returned(reading, read(&value)), Standing::Explained, "round {round}");
    }
    assert!(most < 20, "{most} configurations");
    let late = online.call(0, Input::read("x"));
    let Standing::Refuted(refusal) = online.returned(late, read("0")) else { panic!("4 was last") };
    assert_eq!((refusal.key.as_deref(), refusal.operation), (Some("x"), 80_000));
    assert_eq!(
        refusal.sentence,
        "c0 read x = 0, which fits none of the orders that explain what came before; they lead to x = 4"
    );
    // It stays refuted, and takes no more room.
    let after = online.call(0, Input::read("x"));
    assert!(matches!(online.returned(after, read("4")), Standing::Refuted(_)));
    assert_eq!(online.configurations(), 0);
}

/// Reads of all values at once fix nothing, so that every subset of the writes remains.
#[test]
fn a_budget_that_runs_out_is_no_pass_and_hides_no_other_key() {
    for (budget, expected) in [
        (Budget { states: 1_000, ..Budget::default() }, Why::States),
        (Budget { memo: 1_000, ..Budget::default() }, Why::Memo),
    ] {
        let mut online = Online::new(Register, budget);
        let writes: Vec<_> = (0..24).map(|n| online.call(n, Input::write("x", &n.to_string()))).collect();
        for ticket in writes {
            online.returned(ticket, Output::Done);
            assert!(online.configurations() <= 1_001, "{}", online.configurations());
        }
        assert_eq!(online.standing(), Standing::Undecided(expected));
        let later = online.call(0, Input::read("x"));
        assert_eq!(online.returned(later, read("nobody wrote it")), Standing::Undecided(expected));
        let other = online.call(0, Input::read("y"));
        assert!(matches!(online.returned(other, read("1")), Standing::Refuted(_)));
    }
}

/// A lost write may come late; one that certainly had no effect may not.
#[test]
fn lost_and_withdrawn_differ() {
    for (lost, explained) in [(true, true), (false, false)] {
        let mut online = Online::new(Register, Budget::default());
        let write = online.call(0, Input::write("x", "1"));
        if lost {
            online.lost(write)
        } else {
            online.withdrawn(write)
        };
        let seen = online.call(1, Input::read("x"));
        assert_eq!(online.returned(seen, read("1")) == Standing::Explained, explained);
    }
    // Somebody saw it, and then it is said that it had no effect.
    let mut online = Online::new(Register, Budget::default());
    let write = online.call(0, Input::write("x", "1"));
    let seen = online.call(1, Input::read("x"));
    assert_eq!(online.returned(seen, read("1")), Standing::Explained);
    let Standing::Refuted(refusal) = online.withdrawn(write) else { panic!("it was seen") };
    assert!(refusal.sentence.starts_with("c0's write x = 1 had no effect, though"), "{}", refusal.sentence);
}
