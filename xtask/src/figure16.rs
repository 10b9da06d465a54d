//! `cargo xtask figure16`: how long five servers are without a leader, after Figure 16 of the paper.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::root;

/// Writes `docs/raft-elections.svg` and `.md`: downtime after a leader's crash against its election timeouts
#[derive(clap::Args)]
pub(crate) struct Figure16 {
    /// Trials a curve
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(10..))]
    trials: u32,
    /// The experiment, built already; else it is built in release
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
}

/// Downtimes in milliseconds under election timeouts from `low` to `high`, the shortest first, when a message is on its way
/// for a time within `way`.
struct Curve {
    way: (u32, u32),
    low: u32,
    high: u32,
    downtimes: Vec<f64>,
}

/// How many of the curves vary the randomness; the others vary the base.
const RANDOMNESS: usize = 6;

/// How long a message is on its way, in milliseconds, when a broadcast takes about 15 ms.
const SLOW: (u32, u32) = (5, 10);

const COLOURS: [&str; 6] = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#b07aa1"];

impl Figure16 {
    pub(crate) fn run(&self) -> Result<(), String> {
        let program = match &self.program {
            Some(program) => program.clone(),
            None => crate::bench::example("stormglass-systems", "raft")?,
        };
        let output = Command::new(&program).args(["figure-16", &self.trials.to_string()]).output();
        let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let curves: Vec<Curve> = text.lines().filter_map(Curve::read).collect();
        let (slow, quick): (Vec<Curve>, Vec<Curve>) = curves.into_iter().partition(|curve| curve.way == SLOW);
        let mut curves = slow.iter().chain(&quick);
        if slow.len() <= RANDOMNESS || quick.is_empty() || curves.any(|curve| curve.downtimes.len() < 10) {
            return Err(format!(
                "{}: not the curves that were expected, {}",
                program.display(),
                output.status
            ));
        }
        for (name, text) in [("svg", drawing(&slow)), ("md", page(&slow, &quick, self.trials))] {
            let path = root().join("docs/raft-elections").with_extension(name);
            fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
            println!("{}", path.display());
        }
        Ok(())
    }
}

impl Curve {
    fn read(line: &str) -> Option<Curve> {
        let mut words = line.strip_prefix("CURVE ")?.split(' ');
        let mut number = || words.next()?.parse().ok();
        let (way, low, high) = ((number()?, number()?), number()?, number()?);
        Some(Curve { way, low, high, downtimes: words.filter_map(|word| word.parse().ok()).collect() })
    }

    fn name(&self) -> String {
        format!("{}–{} ms", self.low, self.high)
    }

    /// The downtime that this share of the trials does not exceed.
    fn quantile(&self, share: f64) -> f64 {
        let last = self.downtimes.len() - 1;
        self.downtimes[(share * last as f64).round() as usize]
    }

    fn mean(&self) -> f64 {
        self.downtimes.iter().sum::<f64>() / self.downtimes.len() as f64
    }
}

/// Width and height of one of the two diagrams.
const SIZE: (f64, f64) = (640.0, 260.0);

/// Milliseconds at the left and right edge.
const EDGES: (f64, f64) = (10.0, 20_000.0);

fn across(millis: f64) -> f64 {
    let share = (millis.clamp(EDGES.0, EDGES.1) / EDGES.0).ln() / (EDGES.1 / EDGES.0).ln();
    60.0 + share * (SIZE.0 - 80.0)
}

fn drawing(curves: &[Curve]) -> String {
    let (width, height) = (SIZE.0, 2.0 * SIZE.1 + 20.0);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"{width}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    let (first, second) = curves.split_at(RANDOMNESS);
    svg.push_str(&diagram(first, 0.0));
    svg.push_str(&diagram(second, SIZE.1 + 10.0));
    svg.push_str("</svg>\n");
    svg
}

fn diagram(curves: &[Curve], top: f64) -> String {
    let (height, bottom) = (SIZE.1 - 60.0, top + SIZE.1 - 40.0);
    let down = |share: f64| bottom - share * height;
    let mut svg = String::new();
    for percent in [0, 20, 40, 60, 80, 100] {
        let y = down(f64::from(percent) / 100.0);
        svg.push_str(&format!(
            "<path d=\"M60 {y:.1}H{:.1}\" stroke=\"#dddddd\"/><text x=\"54\" y=\"{:.1}\" text-anchor=\"end\">{percent} %</text>\n",
            SIZE.0 - 20.0,
            y + 4.0
        ));
    }
    for millis in [10.0, 100.0, 1000.0, 10_000.0] {
        let x = across(millis);
        svg.push_str(&format!(
            "<path d=\"M{x:.1} {bottom:.1}V{:.1}\" stroke=\"#dddddd\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{millis} ms</text>\n",
            down(1.0),
            bottom + 14.0
        ));
    }
    for (place, (curve, colour)) in curves.iter().zip(COLOURS).enumerate() {
        let last = (curve.downtimes.len() - 1) as f64;
        let mut path = format!("M{:.1} {bottom:.1}", across(curve.downtimes[0]));
        for (rank, millis) in curve.downtimes.iter().enumerate() {
            path.push_str(&format!("L{:.1} {:.1}", across(*millis), down(rank as f64 / last)));
        }
        svg.push_str(&format!(
            "<path d=\"{path}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"/>\n"
        ));
        let y = top + 40.0 + 15.0 * place as f64;
        svg.push_str(&format!(
            "<text x=\"{:.1}\" y=\"{y:.1}\" text-anchor=\"end\" fill=\"{colour}\">{}</text>\n",
            SIZE.0 - 26.0,
            curve.name()
        ));
    }
    svg.push_str(&format!(
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">time without a leader</text>\n",
        SIZE.0 / 2.0,
        bottom + 30.0
    ));
    svg
}

fn page(curves: &[Curve], quick: &[Curve], trials: u32) -> String {
    format!(
        "# How long a cluster is without a leader\n\n\
         After Figure 16 of the paper (§9.3): five servers, a broadcast takes about 15 ms, and the leader crashes at any time \
         within its heartbeat interval, which is half of the least election timeout. {trials} trials a curve. Written by \
         `cargo xtask figure16`.\n\n\
         ![Shares of trials by time without a leader, above for more or less randomness, below for longer or shorter \
         timeouts](raft-elections.svg)\n\n{}\n\
         All in milliseconds; a trial without a leader after 20 s was given up there.\n\n\
         ## The knees, and the paper's numbers\n\n{}\n\
         The shape is the paper's: without randomness votes are split for ever, a few milliseconds of it end that after a while, \
         fifty cut off the tail, and more of it buys nothing but longer waits; shorter timeouts help until they come down to the \
         time of a broadcast, where it gets worse again. The least downtime is about half of the least timeout, because the crash \
         falls anywhere in the heartbeat interval.\n\n\
         What decides how much a little randomness helps is how long a *request* is on its way, for whoever times out meanwhile \
         votes for itself. Where that is 5 to 10 ms, as it is when the network alone makes up the 15 ms of a broadcast, 5 ms of \
         randomness are too little for a winner to be first. Where it is 1 to 2 ms, the figures come close to the paper's, whose \
         broadcast includes the servers' disks:\n\n{}\n\
         The paper's servers had logs of different lengths, so that not everybody could win; here all logs are equal. What came \
         after the paper (pre-vote, check-quorum, voters that listen to no candidate while they hear a leader) is switched off \
         here. A voter that does not answer is asked again.\n",
        table(curves),
        knees(curves, quick),
        table(quick),
    )
}

fn table(curves: &[Curve]) -> String {
    let mut table = "| election timeout | least | median | mean | 99 % | worst |\n\
                     | --- | ---: | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for curve in curves {
        let [least, median, most, worst] = [0.0, 0.5, 0.99, 1.0].map(|share| curve.quantile(share));
        let (name, mean) = (curve.name(), curve.mean());
        table.push_str(&format!(
            "| {name} | {least:.0} | {median:.0} | {mean:.0} | {most:.0} | {worst:.0} |\n"
        ));
    }
    table
}

type Tells = fn(&Curve) -> f64;

/// What the paper says of a curve, and what the same curve says here.
const KNEES: [(&str, &str, (u32, u32), Tells); 5] = [
    ("no randomness at all: median", "more than 10 s, by split votes", (150, 150), |curve| {
        curve.quantile(0.5)
    }),
    ("5 ms of randomness: median", "287 ms", (150, 155), |curve| curve.quantile(0.5)),
    ("50 ms of randomness: worst of 1000", "513 ms", (150, 200), |curve| curve.quantile(1.0)),
    ("12–24 ms: mean", "35 ms", (12, 24), Curve::mean),
    ("12–24 ms: worst", "152 ms", (12, 24), |curve| curve.quantile(1.0)),
];

fn knees(slow: &[Curve], quick: &[Curve]) -> String {
    let mut table =
        "| | paper | here, messages of 5–10 ms | of 1–2 ms |\n| --- | --- | --- | --- |\n".to_owned();
    for (what, paper, (low, high), tell) in KNEES {
        let [slow, quick] = [slow, quick].map(|curves| {
            let found = curves.iter().find(|curve| (curve.low, curve.high) == (low, high));
            found.map_or_else(|| "?".to_owned(), |curve| format!("{:.0} ms", tell(curve)))
        });
        table.push_str(&format!("| {what} | {paper} | {slow} | {quick} |\n"));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_is_read_and_measured() {
        let curve = Curve::read("CURVE 5 10 150 155 10.0 20.0 30.0 100.0 400.0").unwrap();
        assert_eq!(
            (curve.way, curve.low, curve.high, curve.quantile(0.5), curve.quantile(1.0)),
            (SLOW, 150, 155, 30.0, 400.0)
        );
        assert!((curve.mean() - 112.0).abs() < 1e-9);
        assert!(Curve::read("RESULT 1 2").is_none());
        assert!(across(10.0) < across(100.0) && across(1e9) <= SIZE.0);
    }
}
