//! A campaign's processes: their memory, and their deaths.
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "real processes take real time")]

use std::fmt;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Memory that may come and go, in KiB.
const SLACK: u64 = 4096;

pub(super) struct Watch(Instant);

impl Watch {
    pub(super) fn start() -> Watch {
        Watch(Instant::now())
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

pub(super) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// A command that runs.
pub(super) struct Campaign {
    child: Child,
    line: String,
}

impl Campaign {
    pub(super) fn start(program: &Path, folder: &Path, line: &[String]) -> Result<Campaign, String> {
        let mut command = Command::new(program);
        command
            .args(line)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let line = format!("{} {}", program.display(), line.join(" "));
        let child = command.spawn().map_err(|error| format!("{line}: {error}"))?;
        Ok(Campaign { child, line })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn runs(&mut self) -> Result<bool, String> {
        self.child.try_wait().map(|status| status.is_none()).map_err(|error| error.to_string())
    }

    /// Until it ends by itself; what it found is no error.
    pub(super) fn wait(mut self) -> Result<(), String> {
        let status = self.child.wait().map_err(|error| error.to_string())?;
        if status.code().is_some_and(|code| code <= 3) {
            Ok(())
        } else {
            Err(format!("{}: {status}", self.line))
        }
    }

    /// Until this file is there.
    pub(super) fn waits_for(&mut self, file: &Path) -> Result<(), String> {
        while !file.exists() {
            if !self.runs()? {
                return Err(format!("{}: ended without {}", self.line, file.display()));
            }
            pause(Duration::from_millis(2));
        }
        Ok(())
    }

    /// `kill -9`, of which no worker may be left over.
    pub(super) fn kill(mut self) -> Result<(), String> {
        let workers = children(self.id());
        self.child.kill().and_then(|()| self.child.wait()).map_err(|error| error.to_string())?;
        for _ in 0..200 {
            if workers.iter().all(|pid| parent(*pid).is_none()) {
                return Ok(());
            }
            pause(Duration::from_millis(20));
        }
        Err(format!("{}: killed, and its workers {workers:?} still run", self.line))
    }

    /// `kill -9` of one of its workers; false when it has none to spare.
    pub(super) fn kill_a_worker(&self, which: u64) -> bool {
        let workers = children(self.id());
        // A worker by itself may be at a run that was lost before: lost again, that would be a finding.
        if workers.len() < 2 {
            return false;
        }
        let victim = workers[which as usize % workers.len()].to_string();
        Command::new("kill").args(["-9", &victim]).status().is_ok_and(|status| status.success())
    }
}

impl Drop for Campaign {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// Resident memory of a campaign and of its largest worker, in KiB, one after the other.
#[derive(Default)]
pub(super) struct Memory(Vec<(u64, u64)>);

impl Memory {
    pub(super) fn sample(&mut self, campaign: u32) {
        let workers = children(campaign).into_iter().filter_map(resident).max();
        if let (Some(campaign), Some(worker)) = (resident(campaign), workers) {
            self.0.push((campaign, worker));
        }
    }

    /// The medians of a quarter, from 0.
    fn quarter(&self, n: usize) -> (u64, u64) {
        let samples = &self.0[self.0.len() * n / 4..self.0.len() * (n + 1) / 4];
        let median = |of: fn(&(u64, u64)) -> u64| {
            let mut values: Vec<u64> = samples.iter().map(of).collect();
            values.sort_unstable();
            values.get(values.len() / 2).copied().unwrap_or_default()
        };
        (median(|sample| sample.0), median(|sample| sample.1))
    }

    /// The last quarter needs no more than the second, give or take a tenth.
    pub(super) fn is_flat(&self) -> Result<(), String> {
        if self.0.len() < 40 {
            return Err(format!("{} samples say nothing of memory; more --seeds", self.0.len()));
        }
        let (second, last) = (self.quarter(1), self.quarter(3));
        for (who, before, after) in [("campaign", second.0, last.0), ("workers", second.1, last.1)] {
            if after > before + before / 10 + SLACK {
                return Err(format!("memory of the {who} is not flat: {before} KiB, then {after} KiB"));
            }
        }
        Ok(())
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "resident, median of each quarter: ")?;
        for n in 0..4 {
            let (campaign, worker) = self.quarter(n);
            let end = if n < 3 { "; " } else { "" };
            write!(f, "campaign {campaign} KiB, largest worker {worker} KiB{end}")?;
        }
        Ok(())
    }
}

fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.split_whitespace().next()?.parse().ok()
}

/// Who started it, while it runs.
fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // `PID (NAME) STATE PARENT …`, where a name may hold anything.
    let mut fields = stat.rsplit(')').next()?.split_whitespace();
    let state = fields.next()?;
    fields.next()?.parse().ok().filter(|_| state != "Z")
}

fn children(of: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").into_iter().flatten();
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter(|pid| parent(*pid) == Some(of)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_grows_is_noticed() {
        let memory =
            |grows: u64| Memory((0..100).map(|n| (20_000 + 300 * (n % 3), 50_000 + n * grows)).collect());
        assert_eq!(memory(0).is_flat(), Ok(()));
        let complaint = memory(400).is_flat().unwrap_err();
        assert!(complaint.contains("workers is not flat"), "{complaint}");
        assert!(Memory(vec![(1, 1); 10]).is_flat().unwrap_err().contains("10 samples"));
    }

    #[test]
    fn a_killed_process_is_gone() {
        let line: Vec<String> = ["-c", "sleep 60 & sleep 60 & wait"].map(str::to_owned).to_vec();
        let campaign = Campaign::start(Path::new("/bin/sh"), Path::new("/"), &line).unwrap();
        let sleepers = (0..500).map(|_| {
            pause(Duration::from_millis(2));
            children(campaign.id())
        });
        let sleepers = sleepers.into_iter().find(|found| found.len() == 2).expect("both are started");
        assert!(resident(sleepers[0]).is_some_and(|kib| kib > 0));
        assert!(campaign.kill_a_worker(1));
        // The other one does not end with its parent, which is what must be noticed.
        let complaint = campaign.kill().unwrap_err();
        assert!(complaint.contains("still run"), "{complaint}");
        for sleeper in sleepers {
            _ = Command::new("kill").args(["-9", &sleeper.to_string()]).stderr(Stdio::null()).status();
        }
    }
}
