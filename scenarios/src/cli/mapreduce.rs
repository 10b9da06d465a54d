//! `stormglass mapreduce`: the arguments, and what can be said of them before anything is touched.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::{Args, Subcommand};
use stormglass_sim::rand::random_u64;
use stormglass_systems::mapreduce::app::{alike, boundaries};
use stormglass_systems::mapreduce::message::{Bytes, Input, Split};
use stormglass_systems::mapreduce::protocol::{Job, Policy, splits};

use super::args::duration;
use super::mapreduce_coordinator::Work;
use super::mapreduce_worker::Worker;
use super::{Answer, Complaint};

const AFTER: &str = "The output is DIR/mr-out-0 to DIR/mr-out-(R-1), one file a reduce task, each sorted by key. The same \
                     command again takes up a job that was interrupted.\n\n\
                     Exit codes: 0 done, 1 the job failed or was interrupted, 64 usage, 70 an error of Stormglass itself.";

/// Map and reduce over files, with worker processes
#[derive(Subcommand)]
pub(crate) enum MapReduce {
    /// Counts words: runs of ASCII letters
    #[command(after_help = AFTER)]
    Wc(Given),
    /// For every word the files it is in
    #[command(after_help = AFTER)]
    Indexer(Given),
    /// The lines that contain a text
    #[command(after_help = AFTER)]
    Grep(Grep),
    /// All lines sorted by their bytes; the output files in a row
    #[command(after_help = AFTER)]
    Sort(Given),
    /// Works for a coordinator, on this machine or another
    Worker(Worker),
}

/// The lines that contain a text
#[derive(Args)]
pub(crate) struct Grep {
    /// What to look for, byte by byte
    text: String,
    #[command(flatten)]
    given: Given,
}

/// What every application takes.
#[derive(Args)]
pub(crate) struct Given {
    /// Files of lines
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<PathBuf>,
    /// How many reduce tasks, and so output files
    #[arg(long, value_name = "R", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    reduce: u32,
    /// How many worker processes on this machine; one for each core unless said. With 0, only those that join
    #[arg(long, value_name = "W", value_parser = clap::value_parser!(u32).range(0..=1024))]
    workers: Option<u32>,
    /// A new directory for the output, or that of an interrupted job
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Where workers on other machines join: an address of this machine, as 192.168.1.7:7070
    #[arg(long, value_name = "ADDR", value_parser = listen)]
    listen: Option<SocketAddr>,
    /// About how much input a map task reads
    #[arg(long, value_name = "SIZE", default_value = "32M", value_parser = size)]
    split: u64,
    /// About how many bytes of pairs a worker holds in memory
    #[arg(long, value_name = "SIZE", default_value = "64M", value_parser = size)]
    memory: u64,
    /// Leave out records and keys on which the application has failed twice
    #[arg(long)]
    skip_bad_records: bool,
    /// A worker that is silent for so long is given up
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    dead_after: Duration,
    /// The result as JSON
    #[arg(long)]
    json: bool,
}

impl MapReduce {
    pub(crate) fn answer(self) -> Answer {
        match self {
            MapReduce::Worker(worker) => worker.answer(),
            MapReduce::Wc(given) => given.work("wc", |_, _| Ok(Vec::new())),
            MapReduce::Indexer(given) => {
                given.work("indexer", |inputs, _| Ok(alike(inputs.iter().map(|input| input.path.as_str()))))
            }
            MapReduce::Sort(given) => given.work("sort", sample),
            MapReduce::Grep(Grep { text, given }) if !text.is_empty() => {
                given.work("grep", |_, _| Ok(vec![Bytes(text.into_bytes())]))
            }
            MapReduce::Grep(_) => Err(Complaint::usage("TEXT is empty: grep needs a text to look for")),
        }
    }
}

impl Given {
    /// `args` makes the application's arguments of the inputs and the number of reduce tasks.
    fn work(self, app: &str, args: impl FnOnce(&[Input], u32) -> Result<Vec<Bytes>, Complaint>) -> Answer {
        let inputs: Vec<Input> = self.inputs.iter().map(|path| input(path)).collect::<Result<_, _>>()?;
        let cut = (0..).zip(&inputs).flat_map(|(input, file)| {
            splits(file.length, self.split).map(move |(offset, length)| Split { input, offset, length })
        });
        let job = Job {
            id: random_u64(),
            app: app.to_owned(),
            args: args(&inputs, self.reduce)?,
            splits: cut.collect(),
            inputs,
            reduces: self.reduce,
        };
        let policy = Policy {
            dead_after: self.dead_after,
            ping_every: (self.dead_after / 5).min(Duration::from_secs(1)),
            skip_after: self.skip_bad_records.then_some(2),
            ..Policy::default()
        };
        let workers = self.workers.unwrap_or_else(|| u32::try_from(super::args::cores()).unwrap_or(1));
        let work = Work {
            job,
            policy,
            output: self.output,
            listen: self.listen,
            workers,
            memory: self.memory,
            json: self.json,
        };
        work.answer()
    }
}

fn input(path: &Path) -> Result<Input, Complaint> {
    let shown = path.display();
    let wrong = |error: std::io::Error| Complaint::usage(format!("INPUT {shown}: {error}"));
    let name =
        path.to_str().ok_or_else(|| Complaint::usage(format!("INPUT {shown}: its name is not UTF-8")))?;
    let found = fs::metadata(path).map_err(wrong)?;
    if !found.is_file() {
        return Err(Complaint::usage(format!("INPUT {shown}: not a file; name the files in it")));
    }
    File::open(path).map_err(wrong)?;
    Ok(Input {
        path: name.to_owned(),
        length: found.len(),
        version: version(&found).map_err(wrong)?,
        copies: Vec::new(),
    })
}

/// Which file it is, and when it was last written: an edit need not change its length.
fn version(found: &fs::Metadata) -> std::io::Result<u64> {
    let written = found.modified()?.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // Nanoseconds since 1970 have 61 bits, of which the upper half says little.
    Ok(written.as_nanos() as u64 ^ found.ino().rotate_right(16))
}

/// Where the parts of a sort begin, by the lines at some places of all inputs in a row: the same places each time, so
/// that an interrupted job has the same parts.
fn sample(inputs: &[Input], parts: u32) -> Result<Vec<Bytes>, Complaint> {
    /// Together they bound what is read, 16 MiB, and how many lines are kept.
    const PLACES: u64 = 1024;
    const BLOCK: u64 = 16 << 10;
    const LINES: usize = 256;
    let total: u64 = inputs.iter().map(|input| input.length).sum();
    let apart = total.div_ceil(PLACES).max(1);
    let (mut lines, mut before) = (Vec::new(), 0_u64);
    for input in inputs {
        let wrong = |error: std::io::Error| Complaint::usage(format!("INPUT {}: {error}", input.path));
        // The first place at or behind the file's beginning.
        let mut offset = before.div_ceil(apart) * apart - before;
        before += input.length;
        if offset >= input.length {
            continue;
        }
        let mut file = File::open(&input.path).map_err(wrong)?;
        while offset < input.length {
            file.seek(SeekFrom::Start(offset)).map_err(wrong)?;
            let mut block = Vec::new();
            Read::by_ref(&mut file).take(BLOCK.min(apart + 256)).read_to_end(&mut block).map_err(wrong)?;
            // The first and the last may be cut.
            let mut whole: Vec<&[u8]> =
                block.split(|byte| *byte == b'\n').skip(usize::from(offset > 0)).collect();
            whole.pop();
            let step = whole.len().div_ceil(LINES).max(1);
            lines.extend(whole.into_iter().step_by(step).map(<[u8]>::to_vec));
            offset += apart;
        }
    }
    Ok(boundaries(lines, parts))
}

/// `64M`, `1G`, `4096`, `32K`: bytes, at least one.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("'{text}' is not a size: write 4096, 32K, 64M or 1G");
    let (digits, shift) = match text.char_indices().next_back() {
        Some((at, 'K' | 'k')) => (&text[..at], 10),
        Some((at, 'M' | 'm')) => (&text[..at], 20),
        Some((at, 'G' | 'g')) => (&text[..at], 30),
        _ => (text, 0),
    };
    let number: u64 = digits.parse().map_err(|_| wrong())?;
    number.checked_mul(1 << shift).filter(|bytes| (1..=1 << 50).contains(bytes)).ok_or_else(wrong)
}

/// An address that workers can be told.
fn listen(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| format!("'{text}' is no address: write IP:PORT, as 192.168.1.7:7070"))?;
    if address.ip().is_unspecified() {
        return Err(format!("'{text}' names no machine: write the address by which workers reach this one"));
    }
    Ok(address)
}

/// A port of this address that is free now. Below those that the system gives to outgoing connections: who calls the port
/// of a process that has died could be given that very port, and be connected to himself.
pub(super) fn free_port(ip: IpAddr) -> std::io::Result<SocketAddr> {
    let first = std::process::id().wrapping_mul(61);
    let ports = (0..12_000).map(|step| 20_000 + (first.wrapping_add(step) % 12_000) as u16);
    let mut failed = None;
    for port in ports {
        match TcpListener::bind((ip, port)) {
            Ok(listener) => return listener.local_addr(),
            Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => failed = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(failed.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_with_their_units() {
        assert_eq!(
            (size("4096"), size("32K"), size("64M"), size("1g")),
            (Ok(4096), Ok(32 << 10), Ok(64 << 20), Ok(1 << 30))
        );
        for bad in ["", "0", "M", "1T", "-1", "1.5M", "99999999999999G", "é"] {
            assert!(size(bad).unwrap_err().contains(&format!("'{bad}'")), "{bad}");
        }
    }

    #[test]
    fn a_sample_of_many_files_is_small_and_cuts_well() {
        let folder = tempfile::tempdir().unwrap();
        let lines: String = (0..2000).map(|n| format!("{:04}\n", n * 7 % 2000)).collect();
        let inputs: Vec<Input> = (0..300)
            .map(|n| {
                let path = folder.path().join(n.to_string());
                fs::write(&path, &lines).unwrap();
                input(&path).unwrap()
            })
            .collect();
        let number = |Bytes(line): &Bytes| String::from_utf8_lossy(line).parse::<i64>().unwrap();
        let cuts: Vec<i64> = sample(&inputs, 4).unwrap().iter().map(number).collect();
        let near = |(cut, wanted): (&i64, i64)| (cut - wanted).abs() < 200;
        assert!(cuts.len() == 3 && cuts.iter().zip([500, 1000, 1500]).all(near), "{cuts:?}");
        // More places than bytes: a line is a line.
        assert_eq!(sample(&inputs[..1], 2).unwrap().len(), 1);
    }

    #[test]
    fn an_address_names_a_machine() {
        assert!(listen("127.0.0.1:7070").is_ok());
        assert!(listen("0.0.0.0:7070").unwrap_err().contains("names no machine"));
        assert!(listen("localhost").unwrap_err().contains("IP:PORT"));
    }
}
