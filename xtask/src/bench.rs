//! `cargo xtask bench`: how fast it is, beside other programs of the same workloads.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::root;

/// Measures the simulator on its workloads, in release
#[derive(clap::Args)]
pub(crate) struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// The workloads W1 to W6: calls, heartbeats, timers, yields, faults, whole worlds
    Sim(Sim),
    /// Five raft servers under the load of sixteen clients
    Raft(Load),
}

#[derive(clap::Args)]
struct Load {
    /// How often it runs; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,
    /// Virtual seconds a run
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    seconds: u32,
    /// The program, built already; else it is built in release
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Sim {
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

/// Another program.
#[derive(Clone)]
struct Peer {
    name: String,
    path: PathBuf,
}

impl std::str::FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (name, path) = text.split_once('=').ok_or_else(|| format!("'{text}' is not NAME=PATH"))?;
        let path = PathBuf::from(path);
        match path.is_file() {
            true => Ok(Peer { name: name.to_owned(), path }),
            false => Err(format!("there is no program at {}", path.display())),
        }
    }
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

impl Bench {
    pub(crate) fn run(&self) -> Result<(), String> {
        match &self.what {
            What::Sim(sim) => sim.run(),
            What::Raft(load) => load.run(),
        }
    }
}

impl Load {
    fn run(&self) -> Result<(), String> {
        let program = match &self.program {
            Some(program) => program.clone(),
            None => example("stormglass-systems", "raft")?,
        };
        let (mut seconds, mut entries) = (Vec::new(), Vec::new());
        for _ in 0..self.runs {
            let output = Command::new(&program).args(["load", &self.seconds.to_string()]).output();
            let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
            let text = String::from_utf8_lossy(&output.stdout);
            let line = text.lines().find(|line| line.starts_with("RESULT ")).unwrap_or_default();
            let field = |key: &str| -> Option<f64> {
                line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='))?.parse().ok()
            };
            let (Some(virtually), Some(wall), Some(committed)) =
                (field("virtual"), field("wall").filter(|wall| *wall > 0.0), field("committed"))
            else {
                return Err(format!("{}: no RESULT line, {}", program.display(), output.status));
            };
            seconds.push(virtually / wall);
            entries.push(committed / wall);
        }
        println!("five raft servers, sixteen clients, median of {} runs\n", self.runs);
        println!("virtual seconds a wall second  {:>10.1}", median(seconds));
        println!("committed entries a wall second {:>9.0}", median(entries));
        Ok(())
    }
}

/// Builds an example in release: the path of its program.
pub(crate) fn example(package: &str, name: &str) -> Result<PathBuf, String> {
    let build = ["build", "--release", "--package", package, "--example", name];
    let built = Command::new(env!("CARGO")).args(build).current_dir(root()).status();
    if !built.is_ok_and(|status| status.success()) {
        return Err(format!("the example {name} could not be built"));
    }
    Ok(target_directory().join("release/examples").join(name))
}

impl Sim {
    fn run(&self) -> Result<(), String> {
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
    let output = Command::new(program).arg(workload).args(numbers).output();
    let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
    if output.status.code() == Some(3) {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find(|line| line.starts_with("RESULT "));
    let field = |key: &str| line?.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    match (field("ns_op").and_then(|nanos| nanos.parse().ok()), field("check")) {
        (Some(nanos), Some(check)) => Ok(Some(Measured { nanos, check: check.to_owned() })),
        _ => Err(format!("{} {workload}: no RESULT line, {}", program.display(), output.status)),
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

pub(crate) fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
