//! A worker for real: its sockets, its threads and its disk.

use std::path::Path;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use stormglass_sim::real;

use super::super::app::{self, Application, Emit, Record};
use super::super::message::{Bytes, Input, Split};
use super::super::protocol::{Job, Policy};
use super::super::server::{self, store};
use super::{Config, run};

const DEAD_AFTER: Duration = Duration::from_millis(800);

/// Takes two and a half times as long for a record, and for a key, as a worker may be silent.
struct Slow;

impl Application for Slow {
    fn map(&self, record: &Record<'_>, out: &mut dyn Emit) {
        compute();
        out.emit(record.line, b"");
    }

    fn reduce(&self, key: &[u8], _value: &[u8], _state: &mut Vec<u8>, out: &mut Vec<u8>) {
        compute();
        out.extend_from_slice(key);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "user code that computes and never awaits, outside every world"
)]
fn compute() {
    thread::sleep(DEAD_AFTER * 5 / 2);
}

fn slow(_: &str, _: &[Bytes]) -> Result<Rc<dyn Application>, String> {
    Ok(Rc::new(Slow))
}

/// Does not know where to put a key.
struct Partless;

impl Application for Partless {
    fn map(&self, record: &Record<'_>, out: &mut dyn Emit) {
        out.emit(record.line, b"");
    }

    fn reduce(&self, _: &[u8], _: &[u8], _: &mut Vec<u8>, _: &mut Vec<u8>) {}

    fn partition(&self, _: &[u8], _: u32) -> u32 {
        // As a panic does, without its noise.
        std::panic::resume_unwind(Box::new("no idea"));
    }
}

fn partless(_: &str, _: &[Bytes]) -> Result<Rc<dyn Application>, String> {
    Ok(Rc::new(Partless))
}

/// Makes ten thousand bytes of every record, and looks how much of it has gone to its worker's disk by then.
struct Expanding(String);

impl Application for Expanding {
    fn map(&self, _: &Record<'_>, out: &mut dyn Emit) {
        let files = std::fs::read_dir(&self.0).unwrap().flatten();
        let spills = files.filter(|file| file.file_name().to_string_lossy().contains("-spill-")).count();
        out.count("spills seen", spills as u64);
        (0..100_u8).for_each(|n| out.emit(&[n; 100], b""));
    }

    fn reduce(&self, _: &[u8], _: &[u8], _: &mut Vec<u8>, _: &mut Vec<u8>) {}
}

fn expanding(_: &str, args: &[Bytes]) -> Result<Rc<dyn Application>, String> {
    Ok(Rc::new(Expanding(String::from_utf8(args[0].0.clone()).unwrap())))
}

/// One file, one split, one output.
fn coordinator(folder: &Path, address: String, content: &str) -> server::Config {
    let input = folder.join("in").to_str().unwrap().to_owned();
    std::fs::write(&input, content).unwrap();
    let length = content.len() as u64;
    let job = Job {
        id: 7,
        app: "slow".into(),
        args: vec![Bytes(folder.join("worker").to_str().unwrap().into())],
        inputs: vec![Input { path: input.clone(), length, version: 0, copies: vec![] }],
        splits: vec![Split { input: 0, offset: 0, length }],
        reduces: 1,
    };
    let store = store::Config {
        inputs: vec![input],
        output: folder.join("out"),
        bugs: Default::default(),
        probe: Default::default(),
    };
    let policy =
        Policy { dead_after: DEAD_AFTER, ping_every: DEAD_AFTER / 8, backups: None, ..Policy::default() };
    server::Config { address, policy, store: Some(store), ..server::Config::new(job) }
}

/// What a job of one worker over these lines comes to, and its output.
fn outcome(
    name: &str,
    find: app::Find,
    lines: &'static str,
) -> (Result<server::Summary, server::Error>, Vec<u8>) {
    let folder = std::env::temp_dir().join(format!("stormglass-{name}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let (path, at) = (folder.clone(), address.clone());
    // Not on the worker's thread, which computes.
    let coordinator = thread::Builder::new()
        .spawn(move || real::block_on(server::run(coordinator(&path, at, lines))).unwrap())
        .unwrap();
    let worker = Config {
        listen: "127.0.0.1:0".into(),
        directory: folder.join("worker"),
        memory: 20_000,
        find,
        ..Config::of(address)
    };
    real::block_on(run(worker)).unwrap().unwrap();
    let output = std::fs::read(folder.join("out/mr-out-0")).unwrap_or_default();
    std::fs::remove_dir_all(&folder).unwrap();
    (coordinator.join().unwrap(), output)
}

#[test]
fn who_computes_for_long_without_awaiting_is_not_dead() {
    let (summary, output) = outcome("slow", slow, "x");
    let progress = summary.unwrap().progress;
    assert_eq!((progress.buried, progress.retries, output.as_slice()), (0, 0, &b"x"[..]));
}

#[test]
fn a_partition_function_is_code_too() {
    let (ended, _) = outcome("partless", partless, "x");
    let why = ended.unwrap_err();
    assert!(matches!(why, server::Error::Job(_)), "{why}");
    assert!(why.to_string().ends_with("the application panicked on the key \"x\": no idea"), "{why}");
}

#[test]
fn what_a_chunk_of_records_expands_to_is_written_as_it_comes() {
    let (summary, _) = outcome("expanding", expanding, "1\n2\n3\n4\n5\n6\n");
    // A pair counts for its bytes and for its place: after two records at the latest the memory is full.
    let seen = summary.unwrap().counters["spills seen"];
    assert!(seen >= 1 + 1 + 2 + 2, "{seen} spills seen by six records");
}
