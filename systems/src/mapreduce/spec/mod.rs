//! What a job promises, one function per property.
//!
//! A [`Probe`] outlives coordinator, workers and store and sees what they do. Each property judges one more observation
//! against all that was seen before, so that the first one that breaks a promise is reported, with its values.
//!
//! What a job owes besides, its end, is a story's affair: `live`.

mod ghost;
#[cfg(test)]
mod tests;

pub use ghost::{Counts, Expected, Ghost, Observation};

use super::message::Task;
use super::protocol::Log;

/// The observer of this system.
pub type Probe = crate::probe::Probe<Ghost>;

/// Judges the next observation, given the past. An error says what was seen that must not be.
pub type Property = fn(&Ghost, &Observation) -> Result<(), String>;

/// Every safety property. Of several that one observation breaks, the first is reported: the one that says most.
pub const ALL: [(&str, Property); 9] = [
    ("I1 output_is_sequential", output_is_sequential),
    ("I3 one_winner", one_winner),
    ("I4 full_shuffle", full_shuffle),
    ("I5 work_is_called_for", work_is_called_for),
    ("I6 done_means_published", done_means_published),
    ("I7 temporary_names_stay_temporary", temporary_names_stay_temporary),
    ("I2 atomic_publish", atomic_publish),
    ("I8 counted_once", counted_once),
    ("I9 only_the_silent_are_dead", only_the_silent_are_dead),
];

/// I1: when the job is done, its output is that of a sequential run (§3.3, for functions that are functions).
pub fn output_is_sequential(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let (Observation::JobDone { .. }, Some(expected)) = (seen, past.expected()) else { return Ok(()) };
    expected.output.iter().try_for_each(|(reduce, expected)| {
        // One that is missing is I6's affair.
        let found = past.visible(*reduce).unwrap_or(expected);
        ensure(found == expected, || {
            let (found, expected) = (String::from_utf8_lossy(found), String::from_utf8_lossy(expected));
            let differs = found.lines().zip(expected.lines()).find(|(a, b)| a != b);
            let (found, expected) = differs.unwrap_or((found.trim_end(), expected.trim_end()));
            format!("output {reduce} has {found:?} where a sequential run has {expected:?}")
        })
    })
}

/// I2: at every instant an output is absent, or whole: what one attempt wrote, every byte of it and nothing else. Once its
/// task is completed it is there.
pub fn atomic_publish(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Visible { reduce, content: Some(content) } => {
            ensure(past.was_made(*reduce, content), || {
                let text = String::from_utf8_lossy(&content[..content.len().min(40)]);
                format!(
                    "output {reduce} shows {} bytes, {text:?}…: no attempt wrote just that",
                    content.len()
                )
            })
        }
        Observation::Visible { reduce, content: None } => {
            ensure(past.winner(Task::Reduce(*reduce)).is_none(), || {
                format!("output {reduce} is completed, and was there, and vanished")
            })
        }
        _ => Ok(()),
    }
}

/// I3: of a task's attempts one wins, and it is one that the coordinator had given out and not taken back; from then on
/// until it is void, reducers are told of that one alone. A later start believes only what had been carried out.
pub fn one_winner(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Recorded(Log::Completed { task, attempt, .. }) => {
            ensure(past.is_running(*task, *attempt), || {
                format!("attempt {attempt} of {task} won, which nobody was to carry out any more")
            })
        }
        Observation::Located { map, attempt } => {
            let winner = past.winner(Task::Map(*map));
            ensure(winner == Some(*attempt), || {
                let winner = winner.map_or("nobody".to_owned(), |winner| format!("attempt {winner}"));
                format!("a reducer was sent to attempt {attempt} of map {map}, but {winner} has won")
            })
        }
        Observation::Started { memory, .. } => memory.winners.iter().try_for_each(|(task, attempt, _)| {
            ensure(past.was_carried_out(*task, *attempt), || {
                format!(
                    "the coordinator started and takes attempt {attempt} of {task} for completed: it is not"
                )
            })
        }),
        _ => Ok(()),
    }
}

/// I4: what a reducer merged is one part of every map, each once.
pub fn full_shuffle(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::CarriedOut { task: Task::Reduce(reduce), attempt, consumed, .. } = seen else {
        return Ok(());
    };
    let mut maps: Vec<u32> = consumed.iter().map(|(map, _)| *map).collect();
    maps.sort_unstable();
    let all: Vec<u32> = (0..past.maps()).collect();
    ensure(maps == all, || {
        format!(
            "attempt {attempt} of reduce {reduce} merged the parts of maps {maps:?}, of {} maps",
            all.len()
        )
    })?;
    consumed.iter().try_for_each(|(map, attempt)| {
        ensure(past.was_carried_out(Task::Map(*map), *attempt), || {
            format!("reduce {reduce} took the part of attempt {attempt} of map {map} for empty: it was never carried out")
        })
    })
}

/// I5: a task is handed out when it is idle, or once more as a backup. A completed map becomes idle only with the death
/// of its worker, a completed reduce never (§3.3); not over a restart of the coordinator either. So there are no more
/// executions than tasks, maps that died with their workers, attempts that failed, died or were taken back, and backups.
pub fn work_is_called_for(past: &Ghost, seen: &Observation) -> Result<(), String> {
    if let Observation::Started { memory, .. } = seen {
        return past.winners().try_for_each(|(task, attempt, worker)| {
            let dead = matches!(task, Task::Map(_)) && memory.buried.contains(&worker);
            ensure(dead || memory.winners.contains(&(task, attempt, worker)), || {
                format!(
                    "the coordinator started and has forgotten that attempt {attempt} of {task} was completed"
                )
            })
        });
    }
    let Observation::Recorded(Log::Assigned { task, .. }) = seen else { return Ok(()) };
    ensure(past.winner(*task).is_none(), || format!("{task} was handed out although it is completed"))?;
    let running = past.running(*task);
    ensure(running < 2, || format!("{task} was handed out a third time while two attempts run"))?;
    ensure(running == 0 || past.may_back_up(), || {
        format!("{task} was handed out a second time; there were to be no backup tasks")
    })
}

/// I6: when the coordinator says that the job is done, every output is there.
pub fn done_means_published(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::JobDone { .. } = seen else { return Ok(()) };
    let missing = (0..past.reduces()).find(|reduce| past.visible(*reduce).is_none());
    ensure(missing.is_none(), || {
        format!("the job is done, and output {} is missing", missing.unwrap_or_default())
    })
}

/// I7: nothing stands under a final name that no attempt has committed.
pub fn temporary_names_stay_temporary(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Visible { reduce, content: Some(content) } = seen else { return Ok(()) };
    ensure(past.was_committed(*reduce), || {
        format!("output {reduce} shows {} bytes, although no attempt has committed", content.len())
    })
}

/// I8: the job's counters are those of a sequential run, however often tasks were carried out (§4.9).
pub fn counted_once(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let (Observation::JobDone { counters }, Some(expected)) = (seen, past.expected()) else { return Ok(()) };
    expected.counters.iter().try_for_each(|(name, expected)| {
        let found = counters.get(name).copied().unwrap_or(0);
        ensure(found == *expected, || format!("`{name}` was counted {found} times, and there are {expected}"))
    })
}

/// I9: a worker is declared dead only when its time is up by the coordinator's monotonic clock.
pub fn only_the_silent_are_dead(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::GivenUp { worker, at } = seen else { return Ok(()) };
    let silent = past.heard(*worker).map(|heard| at.saturating_sub(heard));
    ensure(silent.is_none_or(|silent| silent >= past.dead_after()), || {
        let silent = silent.unwrap_or_default();
        format!(
            "worker {worker:016x} was declared dead {silent:?} after it was heard, before {:?}",
            past.dead_after()
        )
    })
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
