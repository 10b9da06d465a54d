//! `cargo xtask bench raft`: a cluster under load, by the machine's clock.

use std::path::PathBuf;

use super::{example, median, result_line};

/// Five raft servers under the load of sixteen clients
#[derive(clap::Args)]
pub(super) struct Raft {
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

impl Raft {
    pub(super) fn run(&self) -> Result<(), String> {
        let program = match &self.program {
            Some(program) => program.clone(),
            None => example("stormglass-systems", "raft")?,
        };
        let (mut seconds, mut entries) = (Vec::new(), Vec::new());
        for _ in 0..self.runs {
            let line = result_line(&program, &["load", &self.seconds.to_string()])?;
            let field = |key| line.as_ref().and_then(|line| line.number(key));
            let (Some(virtually), Some(wall), Some(committed)) =
                (field("virtual"), field("wall").filter(|wall| *wall > 0.0), field("committed"))
            else {
                return Err(format!(
                    "{}: no virtual, wall and committed in its RESULT line",
                    program.display()
                ));
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
