//! `cargo xtask bench sim`: the simulator on its workloads.

use std::collections::BTreeMap;
use std::path::Path;

use super::{Peer, example, median, result_line};

/// The workloads W1 to W6: calls, heartbeats, timers, yields, faults, whole worlds
#[derive(clap::Args)]
pub(super) struct Sim {
    /// How often each workload runs; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Only these workloads: w1, w2, …
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// Another program to run in turn with ours: one that takes a workload's name and numbers and prints a RESULT
    /// line, such as ours does
    #[arg(long, value_name = "NAME=PATH")]
    beside: Vec<Peer>,
}

/// A workload: its name, its numbers for us, and for programs of which a run would take too long with them.
struct Workload {
    title: &'static str,
    name: &'static str,
    ours: &'static [&'static str],
    theirs: &'static [&'static str],
}

const WORKLOADS: [Workload; 12] = [
    workload("W1 calls", "w1", &["1000000"], &["200000"]),
    workload("W1 datagrams", "w1d", &["1000000"], &["200000"]),
    workload("W2 5 nodes", "w2", &["5", "3000"], &["5", "600"]),
    workload("W2 100 nodes", "w2", &["100", "10"], &["100", "10"]),
    workload("W3 timers", "w3", &["10000", "120"], &["10000", "60"]),
    workload("W4 yields", "w4y", &["1000", "10000"], &["1000", "1000"]),
    workload("W4 random yields", "w4r", &["1000", "10000"], &["1000", "1000"]),
    workload("W4 spawn and join", "w4s", &["5000000"], &["1000000"]),
    workload("W4 spawn all", "w4b", &["1000000"], &["1000000"]),
    workload("W5 faults", "w5", &["5", "3000"], &["5", "600"]),
    workload("W6 worlds", "w6", &["50000"], &["5000"]),
    workload("W6 worlds, threads", "w6t", &["5000"], &["5000"]),
];

const fn workload(
    title: &'static str,
    name: &'static str,
    ours: &'static [&'static str],
    theirs: &'static [&'static str],
) -> Workload {
    Workload { title, name, ours, theirs }
}

impl Sim {
    pub(super) fn run(&self) -> Result<(), String> {
        let ours = example("stormglass-sim", "workloads")?;
        let columns: String =
            self.beside.iter().map(|peer| format!("{:>14} {:>7}", peer.name, "ratio")).collect();
        println!("median of {} runs, nanoseconds per operation\n", self.runs);
        println!("{:<20} {:>12}{columns}", "", "stormglass");
        for workload in &WORKLOADS {
            if self.only.is_empty() || self.only.iter().any(|only| only == workload.name) {
                println!("{}", self.measure(workload, &ours)?);
            }
        }
        Ok(())
    }

    /// One line of the table. The programs take turns, so that a machine that slows down does so for all.
    fn measure(&self, workload: &Workload, ours: &Path) -> Result<String, String> {
        let mut times: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        let mut checks = BTreeMap::new();
        for _ in 0..self.runs {
            let peers = self.beside.iter().map(|peer| (peer.path.as_path(), workload.theirs));
            for (place, (program, numbers)) in [(ours, workload.ours)].into_iter().chain(peers).enumerate() {
                let Some(result) = result(program, workload.name, numbers)? else { continue };
                times.entry(place).or_default().push(result.nanos);
                let check = checks.entry(place).or_insert_with(|| result.check.clone());
                if *check != result.check {
                    let numbers = numbers.join(" ");
                    return Err(format!(
                        "{} {} {numbers}: two runs differ",
                        program.display(),
                        workload.name
                    ));
                }
            }
        }
        let median = |place| times.get(&place).cloned().map(median);
        let own = median(0).ok_or_else(|| format!("{} has no result", workload.name))?;
        let others = (1..=self.beside.len()).map(|place| match median(place) {
            Some(other) => format!("{other:>14.1} {:>6.1}×", other / own),
            None => format!("{:>14} {:>7}", "—", ""),
        });
        Ok(format!("{:<20} {own:>12.1}{}", workload.title, others.collect::<String>()))
    }
}

struct Measured {
    nanos: f64,
    check: String,
}

/// Runs a workload once; `None` when the program does not have it.
fn result(program: &Path, workload: &str, numbers: &[&str]) -> Result<Option<Measured>, String> {
    let Some(line) = result_line(program, &[&[workload], numbers].concat())? else { return Ok(None) };
    match (line.number("ns_op"), line.word("check")) {
        (Some(nanos), Some(check)) => Ok(Some(Measured { nanos, check: check.to_owned() })),
        _ => Err(format!("{} {workload}: no ns_op and check in its RESULT line", program.display())),
    }
}
