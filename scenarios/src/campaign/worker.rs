//! The worker's side: reads units from stdin, answers on stdout, dies alone.
#![expect(clippy::disallowed_types, reason = "its threads stand outside of every world")]

use std::fs::File;
use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use stormglass_sim::chance::Witness;

use super::unit::{BEGINS, HUNG, MARK, READY, Unit};
use crate::outcome::{Fall, Outcome, Verdict};
use crate::run;
use crate::story::Story;
use crate::wall::cpu_time;

/// How often the watch looks at the clock.
const TICK: Duration = Duration::from_millis(50);

/// The run in progress, by its place among the units this worker was given, and how far the processor time of this process
/// may get with it.
type InProgress = Mutex<Option<(u64, Duration)>>;

/// Serves until stdin ends; tells the parent of a run that takes more than `patience` of the cores.
///
/// Reading, running and watching have a thread each: when the parent is gone the process ends at once, even in the midst
/// of a run that never would.
pub(crate) fn serve(stories: &[Story], patience: Duration) -> ExitCode {
    if say(READY).is_err() {
        return ExitCode::SUCCESS;
    }
    let (units, queue) = channel();
    let stories = stories.to_vec();
    let begun = Arc::new(InProgress::default());
    let watched = begun.clone();
    let thread = |name: &str| std::thread::Builder::new().name(name.into());
    let started = thread("watch")
        .spawn(move || watch(&watched))
        .and_then(|_| thread("runner").spawn(move || work(&stories, &queue, &begun, patience)));
    if let Err(error) = started {
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

/// Processor time, not real time: a run that waits for a core on a busy machine has not hung.
fn watch(run: &InProgress) -> ! {
    loop {
        std::thread::park_timeout(TICK);
        let hung = run.lock().unwrap_or_else(PoisonError::into_inner).take_if(|(_, most)| cpu_time() > *most);
        if let Some((nth, _)) = hung {
            // Without a parent the reader ends the process.
            _ = say(&format!("{HUNG}{nth}"));
        }
    }
}

fn work(stories: &[Story], queue: &Receiver<Unit>, run: &InProgress, patience: Duration) {
    let set = |progress| *run.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    for (nth, unit) in (0..).zip(queue) {
        let before = cpu_time();
        set(Some((nth, before.saturating_add(patience))));
        // Node code may have closed it.
        _ = io::stderr().write_all(format!("{BEGINS}\n").as_bytes());
        let answer = catch_unwind(AssertUnwindSafe(|| answer(stories, &unit))).unwrap_or_else(|panic| {
            let fall = Fall::new("harness", "Stormglass panicked", run::panic_message(&*panic));
            unit.lost(Verdict::Broken, fall)
        });
        set(None);
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
    let unwritten =
        |claim: &str, path: &Path, error: &io::Error| broken(claim, format!("{}: {error}", path.display()));
    let trouble = Arc::new(Mutex::new(None));
    let witness = match unit.decisions.as_deref().map(|path| (path, File::create(path))) {
        None => None,
        Some((_, Ok(file))) => Some(writes_to(file, trouble.clone())),
        Some((path, Err(error))) => return unwritten("the decisions are written", path, &error),
    };
    let ran = run::on_fresh_thread(story, unit, witness);
    let trouble = trouble.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Some(path), Some(error)) = (&unit.decisions, trouble) {
        return unwritten("the decisions are written", path, &error);
    }
    if let (Some(path), Some(bytes)) = (&unit.trace, ran.trace)
        && let Err(error) = std::fs::write(path, bytes)
    {
        return unwritten("the trace is written", path, &error);
    }
    ran.outcome
}

/// A line a decision, each written at once: the next may be the last.
fn writes_to(file: File, trouble: Arc<Mutex<Option<io::Error>>>) -> Witness {
    Witness::new(move |decision| {
        let written = serde_json::to_vec(decision).map_err(io::Error::from).and_then(|mut line| {
            line.push(b'\n');
            (&file).write_all(&line)
        });
        if let Err(error) = written {
            trouble.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    })
}

fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(format!("{MARK}{text}\n").as_bytes())?;
    out.flush()
}
