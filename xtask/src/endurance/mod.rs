//! `cargo xtask endurance`: a long campaign is watched, killed and parted, and comes to the same each time.

mod process;
mod result;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bugs;
use process::{Campaign, Memory, Watch};
use result::Kept;

/// Runs a campaign of many short seeds three times: in peace, with an eye on its memory; killed ten times, workers with it,
/// and resumed; in two parts that are merged. Fails unless memory stays flat and all three come to the same, byte for byte
#[derive(clap::Args)]
pub(crate) struct Endurance {
    /// How many seeds
    #[arg(long, value_name = "N", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(100..))]
    seeds: u64,
    /// A story that is quickly told
    #[arg(long, value_name = "STORY", default_value = "kv/two_lock_holders")]
    story: String,
    /// A bug that shows now and then, so that there are findings to lose
    #[arg(long, value_name = "BUG", default_value = "maybe-takes-lock")]
    bug: String,
    /// How often the campaign is killed
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..1000))]
    kills: u32,
    /// The first seed; the moments of the kills depend on it too
    #[arg(long, value_name = "N", default_value_t = 0)]
    from: u64,
    /// Worker processes
    #[arg(long, short, value_name = "J", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    jobs: u64,
    /// The command `stormglass`, built already; else it is built in release
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

impl Endurance {
    pub(crate) fn run(&self) -> Result<(), String> {
        let folder = std::env::temp_dir().join(format!("stormglass-endurance-{}", std::process::id()));
        let (program, _) = bugs::program(self.program.as_deref(), &folder)?;
        self.measure(&program, &folder)
            .map_err(|error| format!("{error}\nwhat was written is in {}", folder.display()))?;
        _ = fs::remove_dir_all(&folder);
        Ok(())
    }

    fn measure(&self, program: &Path, folder: &Path) -> Result<(), String> {
        let Endurance { seeds, story, bug, .. } = self;
        let (took, memory) = self.in_peace(program, folder)?;
        let rate = *seeds as f64 / took.as_secs_f64();
        println!("{seeds} seeds of {story} with {bug}: {:.1} s, {rate:.0} a second", took.as_secs_f64());
        println!("{memory}");
        let whole = Kept::read(folder, "whole")?;
        println!("{} of them failed; {} findings are files", whole.failed(), whole.files());

        let (kills, workers) = self.killed(program, folder, took)?;
        Kept::read(folder, "killed")?.is_the_same_as(&whole)?;
        println!("killed {kills} times, and {workers} of its workers: the same result, no finding lost");

        let parts = ["1", "2"];
        for part in parts {
            let shard = format!("{part}/2");
            Campaign::start(program, folder, &self.line(part, &["--shard", &shard]))?.wait()?;
        }
        Campaign::start(program, folder, &words(&["merge", "1.json", "2.json", "--json", "merged.json"]))?
            .wait()?;
        result::is_the_same(&folder.join("merged.json"), &folder.join("whole.json"))?;
        println!("in two parts, merged: the same result");
        memory.is_flat()
    }

    /// The campaign with results and findings of this name.
    fn line(&self, name: &str, more: &[&str]) -> Vec<String> {
        let (seeds, from, jobs) = (self.seeds.to_string(), self.from.to_string(), self.jobs.to_string());
        let json = format!("{name}.json");
        let line = ["fuzz", &self.story, "--bug", &self.bug, "--from", &from, "--seeds", &seeds];
        let places = ["--jobs", &jobs, "--findings", name, "--json", &json];
        words(&[&line[..], &places[..], more].concat())
    }

    fn in_peace(&self, program: &Path, folder: &Path) -> Result<(Duration, Memory), String> {
        let mut campaign = Campaign::start(program, folder, &self.line("whole", &[]))?;
        let (watch, mut memory) = (Watch::start(), Memory::default());
        while campaign.runs()? {
            memory.sample(campaign.id());
            process::pause(Duration::from_millis(50));
        }
        campaign.wait()?;
        Ok((watch.elapsed(), memory))
    }

    /// How often the campaign was killed, and how many workers were.
    fn killed(&self, program: &Path, folder: &Path, took: Duration) -> Result<(u32, u32), String> {
        let jobs = self.jobs.to_string();
        let resume =
            words(&["fuzz", "--resume", "--findings", "killed", "--json", "killed.json", "--jobs", &jobs]);
        let mut dice = Dice(self.from);
        // The last fifth is a reserve: it may be quicker this time.
        let mut moments: Vec<Duration> =
            (0..2 * self.kills).map(|_| dice.part_of(took.mul_f64(0.8))).collect();
        moments.sort();
        let mut at_work = Duration::ZERO;
        let (mut kills, mut workers) = (0, 0);
        let mut line = self.line("killed", &[]);
        for pair in moments.chunks_exact(2) {
            let mut campaign = Campaign::start(program, folder, &line)?;
            campaign.waits_for(&folder.join("killed/campaign.state"))?;
            process::pause(pair[0] - at_work);
            workers += u32::from(campaign.kill_a_worker(dice.draw()));
            process::pause(pair[1] - pair[0]);
            at_work = pair[1];
            if !campaign.runs()? {
                return Err(format!("it ended after {kills} kills; it must last longer, by --seeds"));
            }
            let before = result::findings(&folder.join("killed"))?;
            campaign.kill()?;
            kills += 1;
            let after = result::findings(&folder.join("killed"))?;
            if let Some(lost) = before.difference(&after).next() {
                return Err(format!("kill {kills} has cost {lost}"));
            }
            line.clone_from(&resume);
        }
        Campaign::start(program, folder, &resume)?.wait()?;
        Ok((kills, workers))
    }
}

fn words(line: &[&str]) -> Vec<String> {
    line.iter().map(|word| (*word).to_owned()).collect()
}

/// Moments that are the same each time.
struct Dice(u64);

impl Dice {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        self.0 >> 33
    }

    /// Less than all of it, half of it in the mean.
    fn part_of(&mut self, span: Duration) -> Duration {
        span.mul_f64((self.draw() % 1000) as f64 / 1000.0)
    }
}
