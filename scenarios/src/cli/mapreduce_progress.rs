//! How far a job is, on stderr where that is a terminal; and what it came to.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use stormglass_systems::mapreduce::protocol::Progress;
use stormglass_systems::mapreduce::server::Summary;

/// A bar, or nothing at all.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new() -> Bar {
        if !io::stderr().is_terminal() {
            return Bar(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(Some(1), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{elapsed} [{bar:30}] {msg}") {
            bar.set_style(style);
        }
        Bar(bar)
    }

    pub(super) fn show(&self, progress: &Progress) {
        let (maps, reduces) = (progress.maps, progress.reduces);
        self.0.set_length(u64::from(maps.1 + reduces.1));
        self.0.set_position(u64::from(maps.0 + reduces.0));
        self.0.set_message(line(progress));
    }

    pub(super) fn clear(&self) {
        self.0.finish_and_clear();
    }
}

/// `maps 3/16, reduces 0/10, 4 workers, 1 straggler, 2 retries`.
fn line(progress: &Progress) -> String {
    let (maps, reduces) = (progress.maps, progress.reduces);
    let mut line = format!("maps {}/{}, reduces {}/{}", maps.0, maps.1, reduces.0, reduces.1);
    let counted = [
        (progress.workers, "worker", "workers", true),
        (progress.stragglers, "straggler", "stragglers", false),
        (progress.backups, "backup", "backups", false),
        (progress.retries, "retry", "retries", false),
        (progress.buried, "worker lost", "workers lost", false),
    ];
    for (times, one, many, always) in counted {
        if always || times > 0 {
            line.push_str(&format!(", {times} {}", if times == 1 { one } else { many }));
        }
    }
    line
}

/// What a job came to; `--json` shows it as it is.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    seconds: f64,
    maps: u32,
    reduces: u32,
    backups: u32,
    retries: u32,
    workers_lost: u32,
    counters: BTreeMap<String, u64>,
    output: String,
}

pub(super) fn result(summary: &Summary, took: Duration, output: &Path) -> Report {
    let progress = &summary.progress;
    Report {
        seconds: took.as_secs_f64(),
        maps: progress.maps.1,
        reduces: progress.reduces.1,
        backups: progress.backups,
        retries: progress.retries,
        workers_lost: progress.buried,
        counters: summary.counters.clone(),
        output: output.display().to_string(),
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Report { seconds, maps, reduces, backups, retries, workers_lost, .. } = self;
        let counted =
            |times: &u32, one: &str, many: &str| format!("{times} {}", if *times == 1 { one } else { many });
        writeln!(
            f,
            "{} and {} in {seconds:.1} s; {}, {}, {}",
            counted(maps, "map", "maps"),
            counted(reduces, "reduce", "reduces"),
            counted(backups, "backup", "backups"),
            counted(retries, "retry", "retries"),
            counted(workers_lost, "worker lost", "workers lost"),
        )?;
        for (name, times) in &self.counters {
            writeln!(f, "  {times:>14}  {name}")?;
        }
        write!(f, "{}/mr-out-0", self.output.trim_end_matches('/'))?;
        if *reduces > 1 { write!(f, " to mr-out-{}", reduces - 1) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one() {
        let progress =
            Progress { maps: (1, 1), reduces: (1, 1), backups: 1, retries: 1, ..Progress::default() };
        let summary = Summary { counters: BTreeMap::new(), progress };
        let text = result(&summary, Duration::from_millis(1500), Path::new("out/")).to_string();
        assert_eq!(text, "1 map and 1 reduce in 1.5 s; 1 backup, 1 retry, 0 workers lost\nout/mr-out-0");
    }

    #[test]
    fn stragglers_and_retries_show_when_there_are_any() {
        let calm = Progress { maps: (3, 16), reduces: (0, 10), workers: 4, ..Progress::default() };
        assert_eq!(line(&calm), "maps 3/16, reduces 0/10, 4 workers");
        let rough = Progress { stragglers: 1, backups: 1, retries: 2, buried: 1, workers: 1, ..calm };
        let expected = "maps 3/16, reduces 0/10, 1 worker, 1 straggler, 1 backup, 2 retries, 1 worker lost";
        assert_eq!(line(&rough), expected);
    }
}
