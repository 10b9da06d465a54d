//! An application of one's own, run for real: coordinator, store and two workers in this one process.
//!
//! `cargo run --release -p stormglass-systems --example mapreduce_own -- FILE…` prints the longest line of each file. On
//! several machines each worker is a process of its own; nothing else changes.

use std::net::TcpListener;
use std::process::ExitCode;
use std::rc::Rc;

use stormglass_sim::rand::random_u64;
use stormglass_sim::real;
use stormglass_sim::task::spawn;
use stormglass_systems::mapreduce::app::{Application, Emit, Record};
use stormglass_systems::mapreduce::client;
use stormglass_systems::mapreduce::message::{Bytes, Input, Split};
use stormglass_systems::mapreduce::protocol::{Job, splits};
use stormglass_systems::mapreduce::server::{self, store};

/// For every file its longest line; of several, the last by bytes.
struct LongestLine;

impl Application for LongestLine {
    fn map(&self, record: &Record<'_>, out: &mut dyn Emit) {
        out.emit(record.file.as_bytes(), record.line);
    }

    fn reduce(&self, _file: &[u8], line: &[u8], longest: &mut Vec<u8>, _out: &mut Vec<u8>) {
        if (line.len(), line) > (longest.len(), longest.as_slice()) {
            longest.clear();
            longest.extend_from_slice(line);
        }
    }

    fn finish(&self, file: &[u8], longest: &[u8], out: &mut Vec<u8>) {
        out.extend([file, b": ", longest, b"\n"].concat());
    }

    // The longest of the longest is the longest: what a worker has seen of a file so far is one line.
    fn combines(&self) -> bool {
        true
    }

    fn combine(&self, file: &[u8], longest: &mut Vec<u8>, line: &[u8]) {
        self.reduce(file, line, longest, &mut Vec::new());
    }
}

fn find(_name: &str, _args: &[Bytes]) -> Result<Rc<dyn Application>, String> {
    Ok(Rc::new(LongestLine))
}

fn main() -> ExitCode {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        eprintln!("usage: mapreduce_own FILE…");
        return ExitCode::from(64);
    }
    match run(files) {
        Ok(output) => {
            print!("{output}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(files: Vec<String>) -> Result<String, Box<dyn std::error::Error>> {
    let directory = std::env::temp_dir().join(format!("mapreduce-own-{}", std::process::id()));
    let job = job(&files)?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let output = directory.join("out");
    let store = store::Config {
        inputs: files,
        output: output.clone(),
        bugs: Default::default(),
        probe: Default::default(),
    };
    let coordinator =
        server::Config { address: address.clone(), store: Some(store), ..server::Config::new(job) };
    real::block_on(async move {
        for number in 0..2 {
            let config = client::Config {
                listen: "127.0.0.1:0".into(),
                directory: directory.join(format!("worker-{number}")),
                near_store: true,
                find,
                ..client::Config::of(address.clone())
            };
            drop(spawn(client::run(config)));
        }
        let ended = server::run(coordinator).await;
        let lines = std::fs::read_to_string(output.join(store::name(0)));
        // Temporary files; what cannot be removed does no harm.
        _ = std::fs::remove_dir_all(&directory);
        ended?;
        Ok(lines?)
    })?
}

fn job(files: &[String]) -> std::io::Result<Job> {
    let inputs: Vec<Input> = files
        .iter()
        .map(|path| {
            Ok(Input {
                path: path.clone(),
                length: std::fs::metadata(path)?.len(),
                version: 0,
                copies: vec![],
            })
        })
        .collect::<std::io::Result<_>>()?;
    let cut = (0..).zip(&inputs).flat_map(|(input, file)| {
        splits(file.length, 4 << 20).map(move |(offset, length)| Split { input, offset, length })
    });
    let (id, app) = (random_u64(), "longest-line".into());
    Ok(Job { id, app, args: vec![], splits: cut.collect(), inputs, reduces: 1 })
}
