//! `cargo xtask shardkv-moves`: what clients of the sharded store notice while shards move.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::root;

/// Writes `docs/shardkv-moves.svg` and `.md`: operations on shards that stay, and how long those are away that move
#[derive(clap::Args)]
pub(crate) struct ShardkvMoves {
    /// Trials a design
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(5..))]
    trials: u32,
    /// The experiment, built already; else it is built in release
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

/// What became of one design.
struct Design {
    name: String,
    /// Operations on shards that did not move, while others did.
    unaffected: u64,
    /// Those that took three round trips at most.
    prompt: u64,
    /// For how long each moving shard was away, in milliseconds, the shortest first.
    away: Vec<f64>,
}

/// Names of the experiment's, what they are called, and their colours.
const NAMES: [(&str, &str, &str); 4] = [
    ("followers", "groups follow a controller (2024)", "#4e79a7"),
    ("followers-stop", "the same, a group stops while its shards move", "#e15759"),
    ("followers-wait", "the same, a group waits until all have arrived", "#f28e2b"),
    ("controller", "a controller moves them (2025)", "#59a14f"),
];

impl ShardkvMoves {
    pub(crate) fn run(&self) -> Result<(), String> {
        let program = match &self.program {
            Some(program) => program.clone(),
            None => crate::bench::example("stormglass-systems", "shardkv")?,
        };
        let output = Command::new(&program).args(["moves", &self.trials.to_string()]).output();
        let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let designs: Vec<Design> = text.lines().filter_map(Design::read).collect();
        if designs.len() != NAMES.len() || designs.iter().any(|design| design.away.is_empty()) {
            return Err(format!(
                "{}: not the designs that were expected, {}",
                program.display(),
                output.status
            ));
        }
        for (name, text) in [("svg", drawing(&designs)), ("md", page(&designs, self.trials))] {
            let path = root().join("docs/shardkv-moves").with_extension(name);
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            println!("{}", path.display());
        }
        Ok(())
    }
}

impl Design {
    fn read(line: &str) -> Option<Design> {
        let mut words = line.strip_prefix("MOVES ")?.split(' ');
        let (name, unaffected) = (words.next()?.to_owned(), words.next()?.parse().ok()?);
        let prompt = words.next()?.parse().ok()?;
        Some(Design { name, unaffected, prompt, away: words.filter_map(|word| word.parse().ok()).collect() })
    }

    fn label(&self) -> (&'static str, &'static str) {
        let known = NAMES.iter().find(|(name, ..)| *name == self.name);
        known.map_or(("?", "#000000"), |(_, label, colour)| (label, colour))
    }

    /// The share of the operations that were prompt, in percent.
    fn share(&self) -> f64 {
        100.0 * self.prompt as f64 / self.unaffected.max(1) as f64
    }

    /// For how long no more than this share of the shards was away.
    fn quantile(&self, share: f64) -> f64 {
        let last = self.away.len() - 1;
        self.away[(share * last as f64).round() as usize]
    }
}

/// Width and height of the drawing.
const SIZE: (f64, f64) = (640.0, 280.0);

/// Milliseconds at the left and right edge.
const EDGES: (f64, f64) = (20.0, 500.0);

fn across(millis: f64) -> f64 {
    let share = (millis.clamp(EDGES.0, EDGES.1) / EDGES.0).ln() / (EDGES.1 / EDGES.0).ln();
    60.0 + share * (SIZE.0 - 80.0)
}

fn drawing(designs: &[Design]) -> String {
    let (width, height) = SIZE;
    let bottom = height - 40.0;
    let down = |share: f64| bottom - share * (height - 60.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for percent in [0, 20, 40, 60, 80, 100] {
        let y = down(f64::from(percent) / 100.0);
        svg.push_str(&format!(
            "<path d=\"M60 {y:.1}H{:.1}\" stroke=\"#dddddd\"/><text x=\"54\" y=\"{:.1}\" text-anchor=\"end\">{percent} %</text>\n",
            width - 20.0,
            y + 4.0
        ));
    }
    for millis in [20.0, 50.0, 100.0, 200.0, 500.0] {
        let x = across(millis);
        svg.push_str(&format!(
            "<path d=\"M{x:.1} {bottom:.1}V{:.1}\" stroke=\"#dddddd\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{millis} ms</text>\n",
            down(1.0),
            bottom + 14.0
        ));
    }
    for (place, design) in designs.iter().enumerate() {
        let (label, colour) = design.label();
        let last = (design.away.len() - 1).max(1) as f64;
        let mut path = format!("M{:.1} {bottom:.1}", across(design.away[0]));
        for (rank, millis) in design.away.iter().enumerate() {
            path.push_str(&format!("L{:.1} {:.1}", across(*millis), down(rank as f64 / last)));
        }
        svg.push_str(&format!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>\n"
        ));
        svg.push_str(&format!(
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"{colour}\">{label}</text>\n",
            width - 26.0,
            bottom - 12.0 - 15.0 * place as f64
        ));
    }
    svg.push_str(&format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">time without an operation on a shard that moves</text>\n</svg>\n",
        width / 2.0,
        bottom + 30.0
    ));
    svg
}

fn page(designs: &[Design], trials: u32) -> String {
    let mut page = format!(
        "# What clients notice while shards move\n\n\
         Three groups of three servers, twelve shards, a client for each that appends all the time; a message takes 5 ms each \
         way, so that an append takes two round trips. Groups 1 and 2 share the shards, then group 3 joins and gets four. \
         {trials} trials a design, simulated. Written by `cargo xtask shardkv-moves`.\n\n\
         | design | on shards that stay: appends | within three round trips | away: median | 99 % | worst |\n\
         | --- | ---: | ---: | ---: | ---: | ---: |\n"
    );
    for design in designs {
        page.push_str(&format!(
            "| {} | {} | {:.2} % | {:.0} ms | {:.0} ms | {:.0} ms |\n",
            design.label().0,
            design.unaffected,
            design.share(),
            design.quantile(0.5),
            design.quantile(0.99),
            design.quantile(1.0),
        ));
    }
    page.push_str(
        "\nAppends on shards that stay are counted from the join until the last moving shard is served again. *Away* is the \
         longest time between two appends on a shard that moves, the 20 ms of an append included.\n\n\
         ![Shares of the moving shards by the time for which they were away](shardkv-moves.svg)\n\n\
         Shards that stay notice next to nothing where each shard is frozen and installed on its own. The second and the third design \
         are planted bugs, `stops-during-moves` and `waits-for-all-shards`: the beliefs that the two challenges of the lab of \
         2024 are about. Where a controller moves the shards, a move is a freeze in the log of the one group, an install in that \
         of the other, and a clerk that finds out: it is sent away, looks into the store, and pauses in between. Groups that \
         follow a controller freeze when they take up the configuration, and hand over at once; the clerk's first look tells it \
         where the shard is going.\n",
    );
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_design_is_read_and_measured() {
        let design = Design::read("MOVES followers 200 150 10.0 20.0 30.0 100.0 400.0").unwrap();
        assert_eq!((design.share(), design.quantile(0.5), design.quantile(1.0)), (75.0, 30.0, 400.0));
        assert_eq!(design.label().1, "#4e79a7");
        assert!(Design::read("CURVE 1 2").is_none());
        assert!(across(100.0) < across(1000.0));
    }
}
