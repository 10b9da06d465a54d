//! What is on a disk, and how much of it may be believed.

use std::collections::VecDeque;
use std::path::Path;

use stormglass_sim::fs::{self, File};

use super::super::bugs::{Bug, Bugs};
use super::super::message::Index;
use super::super::protocol::Recovered;
use super::record::{self, Content, Record, Replay};
use super::segments::{self, Sealed, Segments};
use super::snapshot;
use super::{Config, Found, Storage, StorageError, damaged, io_error};

/// Opens a disk, see [`Storage::open`].
pub(super) async fn open(config: Config, bugs: Bugs) -> Result<(Storage, Found), StorageError> {
    let directory = &config.directory;
    fs::create_dir_all(directory).await.map_err(io_error("make the directory", directory))?;
    let names = fs::read_dir(directory).await.map_err(io_error("list", directory))?;
    let numbers = |of: fn(&str) -> Option<u64>| {
        let mut numbers: Vec<u64> = names.iter().filter_map(|entry| of(&entry.name)).collect();
        numbers.sort_unstable();
        numbers
    };
    let mut snapshots = numbers(snapshot::index_of);
    let snapshot = match snapshots.last() {
        Some(&index) => Some(snapshot::read(&config, index).await?),
        None => None,
    };
    let log = read_log(directory, &numbers(segments::number_of), bugs).await?;
    let Log { mut replay, .. } = log;
    if log.segments.is_empty() {
        if snapshot.is_some() {
            return Err(damaged(
                directory,
                "it holds a snapshot and no log: the log, which has the vote, is lost",
            ));
        }
        config.sync_own_name(bugs).await?;
    }
    let meta = snapshot.as_ref().map(|snapshot| snapshot.meta.clone()).unwrap_or_default();
    replay.after_snapshot(meta.last_index, meta.last_term).map_err(|reason| damaged(directory, reason))?;
    if let Some(snapshot) = snapshot.as_ref().filter(|_| !bugs.has(Bug::TrustsPageCache)) {
        // Its name may be in the page cache only, after a sync of the directory that failed; and the log that is written
        // below begins where it ends.
        snapshot::write(&config, snapshot, bugs).await?;
    }
    let trusts = bugs.has(Bug::TrustsPageCache) || bugs.has(Bug::TrustsTornTail);
    let segments = if trusts && !log.segments.is_empty() {
        go_on(&config, bugs, log.segments, replay.last()).await?
    } else {
        let segments = write_anew(&config, bugs, &replay, log.highest + 1).await?;
        for number in log.numbers {
            let path = segments::path(directory, number);
            fs::remove_file(&path).await.map_err(io_error("remove", &path))?;
        }
        segments
    };
    let latest = snapshots.pop();
    snapshot::remove(directory, snapshots).await?;
    let recovered = Recovered {
        hard: replay.hard,
        snapshot: meta,
        snapshot_length: snapshot.as_ref().map_or(0, |snapshot| snapshot.bytes.len() as u64),
        entries: replay.entries,
    };
    let (hard, snapshots) = (replay.hard, latest.into_iter().collect());
    let storage = Storage { config, bugs, segments, hard, snapshots, incoming: None };
    Ok((storage, Found { recovered, snapshot }))
}

/// What the segments say.
#[derive(Default)]
struct Log {
    replay: Replay,
    /// Those that count.
    segments: VecDeque<Sealed>,
    /// All that there are, those that do not count too.
    numbers: Vec<u64>,
    highest: u64,
}

/// Reads the segments of these numbers, in ascending order.
///
/// What counts ends with the last one, or the one before where the last was never synced. It begins with the latest
/// that voids all before it; or, when the oldest have been deleted, with the first after the latest gap.
async fn read_log(directory: &Path, numbers: &[u64], bugs: Bugs) -> Result<Log, StorageError> {
    let highest = numbers.last().copied().unwrap_or(0);
    let mut log = Log { numbers: numbers.to_vec(), highest, ..Log::default() };
    let mut row: VecDeque<(u64, Content)> = VecDeque::new();
    for &number in numbers.iter().rev() {
        if row.front().is_some_and(|(after, _)| number + 1 != *after) {
            break;
        }
        let path = segments::path(directory, number);
        let bytes = fs::read(&path).await.map_err(io_error("read", &path))?;
        let mut content = record::decode(&bytes).map_err(|reason| damaged(&path, reason))?;
        if bugs.has(Bug::TrustsTornTail) {
            content.length = bytes.len() as u64;
        }
        match content.records.first() {
            Some(Record::Opening { fresh, .. }) => {
                let fresh = *fresh;
                row.push_front((number, content));
                if fresh {
                    break;
                }
            }
            // Begun, and never synced.
            None if number == highest => {}
            _ => {
                return Err(damaged(
                    &path,
                    "the segment does not begin as one: this disk lost acknowledged data",
                ));
            }
        }
    }
    let mut before: Option<u64> = None;
    for (number, content) in row {
        let path = segments::path(directory, number);
        if let Some(&Record::Opening { previous, base, .. }) = content.records.first() {
            match before {
                None => log.replay.base = base,
                Some(length) if length == previous => {}
                Some(length) => {
                    let path = segments::path(directory, number - 1);
                    let reason = format!(
                        "its good part ends at byte {length}, and {previous} bytes had been synced: this disk lost \
                         acknowledged data, restore the directory from a copy, or remove the server from the cluster"
                    );
                    return Err(damaged(&path, reason));
                }
            }
        }
        let length = content.length;
        for record in content.records {
            log.replay.follow(record).map_err(|reason| damaged(&path, reason))?;
        }
        log.segments.push_back(Sealed { number, length, last: log.replay.last() });
        before = Some(length);
    }
    Ok(log)
}

/// Writes a log that leads to `replay` as one new segment, which voids all before it.
async fn write_anew(
    config: &Config,
    bugs: Bugs,
    replay: &Replay,
    number: u64,
) -> Result<Segments, StorageError> {
    let (path, fresh) = (segments::path(&config.directory, number), config.directory.join("log.new"));
    let mut records =
        vec![Record::Opening { fresh: true, previous: 0, base: replay.base, hard: replay.hard }];
    records.extend(record::appends(&replay.entries));
    let mut bytes = Vec::new();
    record::encode(&mut bytes, &records, 0, 0).map_err(|error| damaged(&fresh, error))?;
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    let file = options.open(&fresh).await.map_err(io_error("create", &fresh))?;
    file.write_all_at(&bytes, 0).await.map_err(io_error("write", &fresh))?;
    file.sync_all().await.map_err(io_error("sync", &fresh))?;
    fs::rename(&fresh, &path).await.map_err(io_error("rename to a segment", &fresh))?;
    config.sync_names(bugs).await?;
    let length = bytes.len() as u64;
    Ok(Segments { sealed: VecDeque::new(), file, path, number, length, synced: length, last: replay.last() })
}

/// Goes on in the last segment as it is, durable or not: [`Bug::TrustsPageCache`]; or even after its torn tail:
/// [`Bug::TrustsTornTail`].
async fn go_on(
    config: &Config,
    bugs: Bugs,
    mut segments: VecDeque<Sealed>,
    last: Index,
) -> Result<Segments, StorageError> {
    let Some(Sealed { number, length, .. }) = segments.pop_back() else {
        return Err(damaged(&config.directory, "no segment to go on in"));
    };
    let path = segments::path(&config.directory, number);
    let file = File::options().write(true).open(&path).await.map_err(io_error("open", &path))?;
    file.set_len(length).await.map_err(io_error("cut the torn tail of", &path))?;
    if !bugs.has(Bug::TrustsPageCache) {
        file.sync_all().await.map_err(io_error("sync", &path))?;
    }
    Ok(Segments { sealed: segments, file, path, number, length, synced: length, last })
}
