//! The worker's side: reads units from stdin, answers on stdout, dies alone.

use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};

use super::unit::{MARK, READY, Unit};
use crate::outcome::{Fall, Outcome, Verdict};
use crate::run;
use crate::story::Story;
use crate::wall::cpu_time;

/// Serves until stdin ends.
///
/// Reading and running have a thread each: when the parent is gone the process ends at once, even in the midst of a run
/// that never would.
pub(crate) fn serve(stories: &[Story]) -> ExitCode {
    if say(READY).is_err() {
        return ExitCode::SUCCESS;
    }
    let (units, queue) = channel();
    let stories = stories.to_vec();
    let runner = std::thread::Builder::new().name("runner".into()).spawn(move || work(&stories, &queue));
    if let Err(error) = runner {
        eprintln!("stormglass: a worker could not start its thread: {error}");
        return ExitCode::from(70);
    }
    for line in io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        match serde_json::from_str::<Unit>(&line) {
            Ok(unit) => {
                if units.send(unit).is_err() {
                    break;
                }
            }
            Err(error) => {
                eprintln!("stormglass: a worker was given a line it cannot read ({error}): {line}");
                std::process::exit(70);
            }
        }
    }
    std::process::exit(0)
}

fn work(stories: &[Story], queue: &Receiver<Unit>) {
    for unit in queue {
        let before = cpu_time();
        let answer = catch_unwind(AssertUnwindSafe(|| answer(stories, &unit))).unwrap_or_else(|panic| {
            let fall = Fall::new("harness", "Stormglass panicked", run::panic_message(&*panic));
            unit.lost(Verdict::Broken, fall)
        });
        let spent = (cpu_time() - before).as_secs_f64();
        let text = serde_json::to_string(&(spent, answer))
            .unwrap_or_else(|error| format!("{{\"unwritable\":\"{error}\"}}"));
        if say(&text).is_err() {
            std::process::exit(0);
        }
    }
}

fn answer(stories: &[Story], unit: &Unit) -> Outcome {
    let broken = |claim: &str, witness: String| {
        let fall = Fall::new("harness", claim, witness);
        unit.lost(Verdict::Broken, fall)
    };
    let Some(story) = stories.iter().find(|story| story.name() == unit.story) else {
        return broken(
            "the worker knows the story",
            format!("no story is called `{}` in this process", unit.story),
        );
    };
    let ran = run::on_fresh_thread(story, unit);
    let decisions = ran.decisions.map(|decisions| serde_json::to_vec(&decisions).unwrap_or_default());
    for (claim, path, bytes) in [
        ("the trace is written", &unit.trace, ran.trace),
        ("the decisions are written", &unit.decisions, decisions),
    ] {
        if let (Some(path), Some(bytes)) = (path, bytes)
            && let Err(error) = std::fs::write(path, bytes)
        {
            return broken(claim, format!("{}: {error}", path.display()));
        }
    }
    ran.outcome
}

fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(format!("{MARK}{text}\n").as_bytes())?;
    out.flush()
}
