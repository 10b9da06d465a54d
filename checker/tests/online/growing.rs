//! A history as it grows, told to the online judge event by event.

use super::cases::Case;
use super::oracle::OperationOf;
use stormglass_checker::online::{Fault, Online, Standing, Ticket};
use stormglass_checker::{Budget, Operation};

/// An operation by its index, and whether it returns or is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) operation: usize,
    pub(crate) returns: bool,
}

/// Closed intervals: at one instant, calls come first.
pub(crate) fn events<C: Case>(history: &[OperationOf<C>]) -> Vec<Event> {
    let mut events = Vec::new();
    for (index, operation) in history.iter().enumerate() {
        events.push((operation.call, Event { operation: index, returns: false }));
        events.extend(operation.returned_at().map(|at| (at, Event { operation: index, returns: true })));
    }
    events.sort_by_key(|(at, event)| (*at, event.returns, event.operation));
    events.into_iter().map(|(_, event)| event).collect()
}

/// What was known after those events.
pub(crate) fn known<C: Case>(history: &[OperationOf<C>], events: &[Event]) -> Vec<OperationOf<C>> {
    let called = events.iter().filter(|event| !event.returns);
    let known = called.map(|event| {
        let operation = history[event.operation].clone();
        let returns = events.contains(&Event { returns: true, ..*event });
        Operation { returned: operation.returned.filter(|_| returns), ..operation }
    });
    known.collect()
}

/// The first event after which no order is left, if there is one, and the most configurations that were held. Panics if
/// the budget runs out. What never returns is given up at once if `gives_up` says so, or else left open.
pub(crate) fn refuted_at<C: Case>(
    history: &[OperationOf<C>],
    fault: Fault,
    gives_up: impl Fn(usize) -> bool,
) -> (Option<usize>, usize) {
    let mut online = Online::with_fault(C::model(), Budget::default(), fault);
    let mut tickets: Vec<Option<Ticket>> = history.iter().map(|_| None).collect();
    let mut most = 0;
    for (at, event) in events::<C>(history).into_iter().enumerate() {
        let operation = &history[event.operation];
        if event.returns {
            let ticket = tickets[event.operation].take().expect("called before");
            online.returned(ticket, operation.output().expect("it returns").clone());
        } else {
            let ticket = online.call(operation.client, operation.input.clone());
            if operation.returned.is_none() && gives_up(event.operation) {
                online.lost(ticket);
            } else {
                tickets[event.operation] = Some(ticket);
            }
        }
        most = most.max(online.configurations());
        match online.standing() {
            Standing::Explained => {}
            Standing::Refuted(refusal) => {
                assert!(refusal.sentence.contains("order"), "{}", refusal.sentence);
                return (Some(at), most);
            }
            Standing::Undecided(why) => panic!("{}: {why}\n{history:#?}", C::NAME),
        }
    }
    (None, most)
}
