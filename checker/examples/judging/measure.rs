//! Judging with a clock beside it.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};

use stormglass_checker::format::fields::Lines;
use stormglass_checker::format::jsonl::{self, OperationOf};
use stormglass_checker::format::read;
use stormglass_checker::models::append_list::AppendList;
use stormglass_checker::models::cas_register::CasRegister;
use stormglass_checker::models::counter::Counter;
use stormglass_checker::models::kv::Kv;
use stormglass_checker::models::lock::Lock;
use stormglass_checker::models::priority_queue::PriorityQueue;
use stormglass_checker::models::queue::Queue;
use stormglass_checker::models::register::Register;
use stormglass_checker::models::set::Set;
use stormglass_checker::models::stack::Stack;
use stormglass_checker::models::versioned_kv::VersionedKv;
use stormglass_checker::{
    Budget, Judge, Judgement, Model, Paths, Verdict, holds, holds_by, judge_by, judge_on,
};

use crate::elements::{Counters, Locks, Queues, Stacks};
use crate::generate::{Object, Plan, generate};
use crate::values::{APPENDS, Maps, PUTS, Registers, SWAPS, VersionedMaps};

/// No more than these, and none is begun after so many milliseconds.
const RUNS: usize = 5;
/// What takes fewer milliseconds is done so often between two looks at the clock that it takes as many.
const LEAST: f64 = 5.0;
const ENOUGH: f64 = 2000.0;
/// Runs beyond those that are counted go on until the kernel has counted so many ticks, to tell user from system time.
const ENOUGH_TICKS: f64 = 20.0;

/// Judges all files, as one piece of work. `false`: there is no such model.
pub(crate) fn files(model: &str, files: &[&str]) -> Result<bool, String> {
    let (model, way) = match model.split_once(':') {
        None => (model, Way::All),
        Some((model, "search")) => (model, Way::Search),
        Some((model, "bare")) => (model, Way::Bare),
        Some((model, "search-bare")) => (model, Way::SearchBare),
        Some((model, "again")) => (model, Way::Again),
        Some((model, "cores")) => (model, Way::Cores),
        Some((model, "parse")) => (model, Way::Parse),
        Some((_, other)) => {
            return Err(format!(":{other} is none of :search, :bare, :search-bare, :again, :cores, :parse"));
        }
    };
    match model {
        "register" => files_of(&Register, files, way),
        "cas-register" => files_of(&CasRegister, files, way),
        "kv" => files_of(&Kv::default(), files, way),
        "kv-lab" => files_of(&Kv::lab(), files, way),
        "versioned-kv" => files_of(&VersionedKv, files, way),
        "append-list" => files_of(&AppendList, files, way),
        "set" => files_of(&Set, files, way),
        "counter" => files_of(&Counter, files, way),
        "queue" => files_of(&Queue, files, way),
        "stack" => files_of(&Stack, files, way),
        "priority-queue" => files_of(&PriorityQueue, files, way),
        "lock" => files_of(&Lock, files, way),
        _ => return Ok(false),
    }?;
    Ok(true)
}

fn files_of<M>(model: &M, files: &[&str], way: Way) -> Result<(), String>
where
    M: Lines<Input: Sync, Output: Sync> + Copy + Sync,
{
    let read_all = || {
        let recorded = files.iter().map(|file| {
            let input = File::open(file).map_err(|error| format!("{file}: {error}"))?;
            let recorded = read::<M>(file, None, BufReader::with_capacity(1 << 18, input));
            recorded.map(|recorded| recorded.operations).map_err(|error| error.to_string())
        });
        recorded.collect::<Result<Vec<_>, String>>()
    };
    let histories = read_all()?;
    if way == Way::Parse {
        let operations = histories.iter().map(Vec::len).sum();
        drop(histories);
        return repeat(operations, RUNS, || [read_all().map_or(0, |histories| histories.len()), 0, 0]);
    }
    report(model, &histories, way, RUNS)
}

/// Judges a history of ten clients once.
pub(crate) fn growth(name: &str, operations: usize) -> Result<bool, String> {
    let plan = |keys: usize| Plan { clients: 10, keys: keys.max(1), operations, values: 0 };
    match name {
        "register" => grown::<Registers>(plan(1)),
        "kv" => grown::<Maps<PUTS>>(plan(operations / 1000)),
        "versioned-kv" => grown::<VersionedMaps>(plan(operations / 1000)),
        "append" => grown::<Maps<APPENDS>>(plan(operations / 100)),
        "queue" => grown::<Queues>(plan(1)),
        "stack" => grown::<Stacks>(plan(1)),
        "lock" => grown::<Locks>(plan(1)),
        _ => return Ok(false),
    }?;
    Ok(true)
}

fn grown<O>(plan: Plan) -> Result<(), String>
where
    O: Object<Model: Default + Copy + Sync + Model<Input: Sync, Output: Sync>>,
{
    report(&O::Model::default(), &[generate::<O>(plan)], Way::All, 1)
}

/// Prints a history.
pub(crate) fn print(name: &str, numbers: &[&str]) -> Result<bool, String> {
    let read: Vec<usize> = numbers.iter().filter_map(|number| number.parse().ok()).collect();
    let [clients, keys, operations, values] = read[..] else {
        return Err("expected CLIENTS KEYS OPERATIONS VALUES".to_owned());
    };
    let plan = Plan { clients: clients.max(1), keys: keys.max(1), operations, values: values as u64 };
    let mut output = BufWriter::new(std::io::stdout().lock());
    let printed = match name {
        "register" => printed::<Registers>(&mut output, plan),
        "kv" => printed::<Maps<PUTS>>(&mut output, plan),
        "cas" => printed::<Maps<SWAPS>>(&mut output, plan),
        "append" => printed::<Maps<APPENDS>>(&mut output, plan),
        "versioned-kv" => printed::<VersionedMaps>(&mut output, plan),
        "queue" => printed::<Queues>(&mut output, plan),
        "stack" => printed::<Stacks>(&mut output, plan),
        "counter" => printed::<Counters>(&mut output, plan),
        "lock" => printed::<Locks>(&mut output, plan),
        _ => return Ok(false),
    };
    printed.map_err(|error| error.to_string())?;
    Ok(true)
}

fn printed<O: Object>(output: &mut impl Write, plan: Plan) -> std::io::Result<()> {
    jsonl::write::<O::Model>(output, &generate::<O>(plan))?;
    output.flush()
}

fn report<M>(model: &M, histories: &[Vec<OperationOf<M>>], way: Way, runs: usize) -> Result<(), String>
where
    M: Model<Input: Sync, Output: Sync> + Copy + Sync,
{
    let budget = Budget { states: 400_000_000, memo: 100_000_000 };
    let mut judge = Judge::new(*model, budget);
    let operations = histories.iter().map(Vec::len).sum();
    repeat(operations, runs, || {
        let mut counts = [0_usize; 3];
        for history in histories {
            let verdict = match way {
                Way::All | Way::Parse => kind(&judge_by(model, history, budget, Paths::All)),
                Way::Search => kind(&judge_by(model, history, budget, Paths::SearchOnly)),
                Way::Bare => answer(holds(model, history, budget)),
                Way::SearchBare => answer(holds_by(model, history, budget, Paths::SearchOnly)),
                Way::Again => kind(judge.judge(history)),
                Way::Cores => kind(&judge_on(2, model, history, budget)),
            };
            counts[verdict] += 1;
        }
        counts
    })
}

/// Works again and again, and prints what one time took and came to.
fn repeat(operations: usize, runs: usize, mut work: impl FnMut() -> [usize; 3]) -> Result<(), String> {
    let mut times: Vec<f64> = Vec::new();
    let mut walls: Vec<f64> = Vec::new();
    let mut verdict = String::new();
    let mut rounds = 1;
    let begun_ticks = ticks()?;
    while times.len() < runs && times.iter().sum::<f64>() < ENOUGH
        || runs > 1 && user_share(begun_ticks)?.is_none()
    {
        let (before, begun) = (cpu_ms()?, now());
        let mut counts = [0_usize; 3];
        (0..rounds).for_each(|_| counts = work());
        times.push((cpu_ms()? - before) / rounds as f64);
        walls.push(begun.elapsed().as_secs_f64() * 1000.0 / rounds as f64);
        verdict = counts.map(|count| count.to_string()).join("/");
        if rounds == 1 && runs > 1 && times[0] < LEAST {
            rounds = (LEAST / times[0].max(1e-4)).ceil() as usize;
            times.clear();
            walls.clear();
        }
    }
    let share = user_share(begun_ticks)?.unwrap_or(1.0);
    times.iter_mut().for_each(|time| *time *= share);
    times.sort_by(f64::total_cmp);
    walls.sort_by(f64::total_cmp);
    println!(
        "RESULT cpu_ms={:.5} wall_ms={:.5} rss_mb={:.1} operations={operations} verdict={verdict}",
        times[times.len() / 2],
        walls[walls.len() / 2],
        peak_kb()? / 1024.0
    );
    Ok(())
}

fn answer(holds: Option<bool>) -> usize {
    holds.map_or(2, |holds| usize::from(!holds))
}

fn kind(judgement: &Judgement) -> usize {
    match judgement.verdict {
        Verdict::Linearizable { .. } => 0,
        Verdict::NotLinearizable(_) => 1,
        Verdict::Undecided { .. } => 2,
    }
}

/// Which of the judge's ways is measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    All,
    /// The general search alone.
    Search,
    /// Without a reason for what is wrong.
    Bare,
    SearchBare,
    /// One judge that keeps its room, each history many times.
    Again,
    /// Reads the files and judges nothing.
    Parse,
    /// Two threads; only the wall clock says anything then.
    Cores,
}

#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "this measures real time")]
fn now() -> std::time::Instant {
    std::time::Instant::now()
}

/// The part of a process's time that was spent in user mode, since it had spent `before`: what the kernel counts in
/// ticks. `None` if there were too few to tell.
fn user_share(before: (f64, f64)) -> Result<Option<f64>, String> {
    let (user, system) = ticks()?;
    let (user, all) = (user - before.0, user + system - before.0 - before.1);
    Ok((all >= ENOUGH_TICKS).then(|| user / all))
}

/// Ticks in user and in system mode.
fn ticks() -> Result<(f64, f64), String> {
    let word =
        |at| number("/proc/self/stat", move |text| text.rsplit(')').next()?.split_ascii_whitespace().nth(at));
    Ok((word(11)?, word(12)?))
}

/// What this thread has cost, in milliseconds: the first number of Linux's schedstat, in nanoseconds. The kernel brings
/// it up to date when a thread yields, and else at its ticks only.
fn cpu_ms() -> Result<f64, String> {
    std::thread::yield_now();
    number("/proc/thread-self/schedstat", |text| text.split(' ').next()).map(|nanos| nanos / 1e6)
}

fn peak_kb() -> Result<f64, String> {
    let line = |text: &'static str| move |line: &&str| line.starts_with(text);
    number("/proc/self/status", |text| text.lines().find(line("VmHWM:"))?.split_ascii_whitespace().nth(1))
}

fn number(file: &str, find: impl for<'a> Fn(&'a str) -> Option<&'a str>) -> Result<f64, String> {
    let text = fs::read_to_string(file).map_err(|error| format!("{file}: {error}; this needs Linux"))?;
    find(&text).and_then(|word| word.parse().ok()).ok_or_else(|| format!("{file}: unreadable: {text}"))
}
