//! What may be promised of an object where linearizability is not: to sessions, and by a server that may lie.

use stormglass_checker::consistency::{self, Forks, Sessions, SessionsOpen};
use stormglass_checker::format::Recorded;
use stormglass_checker::format::fields::Lines;
use stormglass_checker::{Budget, Why};

use super::judged::Judged;
use super::level::Level;
use super::objects::operations;

/// Does every client get what a session is promised?
pub(super) fn sessions<M: Lines>(model: &M, file: &str, level: Level, recorded: &Recorded<M>) -> Judged {
    let judged = match consistency::sessions(model, &recorded.operations, level.guarantees()) {
        Sessions::Hold => Judged::holds(file, level, Vec::new()),
        Sessions::Violated(found) => {
            let judged = Judged::violated(file, level, found.sentence);
            contradicts(judged, recorded, found.operations)
        }
        Sessions::Undecided(open) => Judged::undecided(file, level, unsettled(&open, recorded)),
    };
    Judged { remark: operations(recorded.operations.len()), ..judged }
}

/// As the judge says it, but by the lines of the file.
fn unsettled<M: Lines>(open: &SessionsOpen, recorded: &Recorded<M>) -> String {
    let line = |index: usize| recorded.lines[index];
    match *open {
        SessionsOpen::Malformed { operation } => malformed(line(operation)),
        SessionsOpen::Overlapping { operations } => overlapping(operations.map(line)),
        SessionsOpen::NotAReadOrWrite { operation } => {
            format!("line {} is no read and no write; sessions are judged by these alone", line(operation))
        }
        SessionsOpen::Repeated { operations: [one, other] } => {
            format!("lines {} and {} write the same value; each must be new", line(one), line(other))
        }
        SessionsOpen::TooMany { .. } => open.to_string(),
    }
}

/// Why what asks for the order of a client's operations is undecided.
pub(super) fn overlapping([one, other]: [u64; 2]) -> String {
    format!("lines {one} and {other} are of one client and overlap: nobody knows which came first")
}

fn malformed(line: u64) -> String {
    format!("line {line} returned before it was called; all times must come from one clock")
}

/// Has the server at least kept apart the worlds that it showed?
pub(super) fn forks<M: Lines>(model: &M, file: &str, recorded: &Recorded<M>, budget: Budget) -> Judged {
    let (history, level) = (&recorded.operations, Level::ForkLinearizable);
    let mut worlds = None;
    let judged = match consistency::fork_linearizable(model, history, budget) {
        Forks::Hold { views } => {
            let mut views: Vec<Vec<usize>> = views.into_values().collect();
            views.sort_unstable();
            // The view of a client that was shown less may be the beginning of another's.
            views.dedup_by(|later, earlier| {
                later.starts_with(earlier) && {
                    std::mem::swap(later, earlier);
                    true
                }
            });
            worlds = Some(views.len());
            Judged::holds(
                file,
                level,
                if let [only] = &mut views[..] { std::mem::take(only) } else { Vec::new() },
            )
        }
        Forks::Violated { operations, minimal } => {
            let words = operations.iter().map(|index| {
                let operation = &history[*index];
                let phrase = model.describe(&operation.input, operation.output());
                format!("c{}'s {phrase} (line {})", operation.client, recorded.lines[*index])
            });
            let words: Vec<String> = words.collect();
            let smallest = if minimal { "" } else { "\nfewer of them may do" };
            let sentence = format!(
                "no views of the clients that part and never join explain together: {}{smallest}",
                words.join(", ")
            );
            contradicts(Judged::violated(file, level, sentence), recorded, operations)
        }
        Forks::Undecided { why: Why::Malformed { operation }, .. } => {
            Judged::undecided(file, level, malformed(recorded.lines[operation]))
        }
        Forks::Undecided { explored, why } => {
            Judged::undecided(file, level, format!("{why} ({explored} states explored)"))
        }
        Forks::TooManyClients { clients } => {
            Judged::undecided(file, level, format!("{clients} clients; at most 64 can be judged"))
        }
    };
    let worlds = match worlds {
        Some(0 | 1) => ", one world".to_owned(),
        Some(several) => format!(", {several} worlds"),
        None => String::new(),
    };
    Judged { remark: format!("{}{worlds}", operations(history.len())), ..judged }
}

fn contradicts<M: Lines>(judged: Judged, recorded: &Recorded<M>, operations: Vec<usize>) -> Judged {
    let lines = operations.iter().map(|index| recorded.lines[*index]).collect();
    Judged { lines, contradiction: operations, ..judged }
}
