//! `cargo xtask mapreduce-figure`: the paper's Figure 3 in shape, from simulated runs at its scale.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::root;

/// Simulates the cluster of the MapReduce paper, prints its times beside the paper's, and draws them
#[derive(clap::Args)]
pub(crate) struct MapreduceFigure {
    /// By what to divide the paper's 15,000 maps, 4,000 reduces and 1,746 workers
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    divisor: u32,
}

/// How many of ten thousand workers are slow. The third is the paper's five of its 1,746.
const STRAGGLERS: [u32; 4] = [0, 10, 30, 100];
const USUAL: u32 = 30;
/// The paper's maps, reduces and workers.
const CLUSTER: [u32; 3] = [15_000, 4_000, 1_746];
const KILLED: u32 = 200;
const PICTURE: &str = "docs/mapreduce-figure-3.svg";

/// What a run came to.
#[derive(Clone)]
struct Run {
    /// The second at which each hundredth of the reduces was complete.
    curve: Vec<f64>,
    fields: Vec<(String, f64)>,
}

impl Run {
    fn field(&self, name: &str) -> f64 {
        self.fields.iter().find(|(known, _)| known == name).map_or(0.0, |(_, value)| *value)
    }

    fn seconds(&self) -> f64 {
        self.field("seconds")
    }
}

/// The numbers that the example takes, in its order.
type Setting = [u32; 4];

impl MapreduceFigure {
    pub(crate) fn run(&self) -> Result<(), String> {
        let build =
            ["build", "--release", "--package", "stormglass-systems", "--example", "mapreduce_cluster"];
        let built = Command::new(env!("CARGO")).args(build).current_dir(root()).status();
        if !built.is_ok_and(|status| status.success()) {
            return Err("the cluster could not be built".to_owned());
        }
        println!(
            "{:>24} {:>6} {:>8} {:>8} {:>8} {:>11} {:>8} {:>8}",
            "", "drawn", "done", "backups", "retries", "events", "took", "memory"
        );
        let mut pairs = Vec::new();
        for stragglers in STRAGGLERS {
            let both = [self.setting(stragglers, false, 0), self.setting(stragglers, true, 0)];
            let [without, with] = measure(both)?;
            pairs.push((without, with));
        }
        let [killed] = measure([self.setting(USUAL, true, KILLED)])?;
        let at = STRAGGLERS.iter().position(|stragglers| *stragglers == USUAL).unwrap_or(0);
        let (without, normal) = &pairs[at];
        let times = |run: &Run| run.seconds() / normal.seconds();
        println!("\nwithout backup tasks: {:.2} times as long; the paper: 1.44", times(without));
        println!("{KILLED} workers killed:   {:.2} times as long; the paper: 1.05", times(&killed));
        fs::write(root().join(PICTURE), picture(&pairs, normal, without, &killed, self.divisor))
            .map_err(|error| format!("{PICTURE}: {error}"))?;
        println!("{PICTURE}");
        Ok(())
    }

    fn setting(&self, stragglers: u32, backups: bool, killed: u32) -> Setting {
        [stragglers, u32::from(backups), killed, self.divisor]
    }
}

/// Where a run's result is kept: a run is a function of its setting and the program, so the same is not simulated twice.
fn kept(setting: &Setting) -> PathBuf {
    let numbers = setting.map(|number| number.to_string()).join("-");
    target_directory().join("mapreduce-figure").join(format!("{numbers}.txt"))
}

/// Simulates these at the same time, each in a process of its own.
fn measure<const N: usize>(settings: [Setting; N]) -> Result<[Run; N], String> {
    let program = target_directory().join("release/examples/mapreduce_cluster");
    let begun = settings.map(|setting| {
        let known = known(&kept(&setting), &program);
        known.map(Ok).unwrap_or_else(|| {
            let mut command = Command::new(&program);
            command.args(setting.map(|number| number.to_string())).stdout(Stdio::piped());
            Err(command.spawn())
        })
    });
    let mut runs = Vec::new();
    for (begun, setting) in begun.into_iter().zip(settings) {
        let text = match begun {
            Ok(text) => text,
            Err(child) => {
                let output = child.and_then(std::process::Child::wait_with_output);
                let output = output.map_err(|error| format!("{}: {error}", program.display()))?;
                String::from_utf8_lossy(&output.stdout).into_owned()
            }
        };
        let run = parse(&text).ok_or_else(|| format!("{} {setting:?}: no RESULT line", program.display()))?;
        let path = kept(&setting);
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, &text))
            .map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{}", row(&setting, &run));
        runs.push(run);
    }
    runs.try_into().map_err(|_| "a run was lost".to_owned())
}

/// The result of an earlier run of this very program.
fn known(path: &Path, program: &Path) -> Option<String> {
    let changed = |path: &Path| fs::metadata(path)?.modified();
    let newer = changed(path).ok()? >= changed(program).ok()?;
    fs::read_to_string(path).ok().filter(|text| newer && parse(text).is_some())
}

fn row([stragglers, backups, killed, _]: &Setting, run: &Run) -> String {
    let name = format!(
        "{:.1} % slow{}{}",
        f64::from(*stragglers) / 100.0,
        if *backups == 0 { ", no backups" } else { "" },
        if *killed > 0 { ", killed" } else { "" }
    );
    let field = |name| run.field(name);
    format!(
        "{name:>24} {:>6} {:>6.0} s {:>8} {:>8} {:>11} {:>6.1} s {:>4} MiB",
        field("slow"),
        run.seconds(),
        field("backups"),
        field("retries"),
        field("events"),
        field("wall"),
        field("peak_mib")
    )
}

fn target_directory() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

fn parse(text: &str) -> Option<Run> {
    let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    let curve = line("CURVE ")?.split(' ').map(|word| word.parse().ok()).collect::<Option<Vec<f64>>>()?;
    let fields = line("RESULT ")?.split(' ').filter_map(|word| {
        let (name, value) = word.split_once('=')?;
        Some((name.to_owned(), value.parse().ok()?))
    });
    Some(Run { curve, fields: fields.collect() })
}

/// Two panels: how reduces complete over time, and the time of the whole against the rate of stragglers.
fn picture(pairs: &[(Run, Run)], normal: &Run, without: &Run, killed: &Run, divisor: u32) -> String {
    let longest = pairs.iter().flat_map(|(a, b)| [a.seconds(), b.seconds()]).fold(killed.seconds(), f64::max);
    let top = (longest / 200.0).ceil() * 200.0;
    let mut svg = String::from(
        "<svg xmlns='http://www.w3.org/2000/svg' width='860' height='340' font-family='sans-serif' font-size='12'>\n\
         <rect width='860' height='340' fill='white'/>\n",
    );
    let [maps, reduces, workers] = CLUSTER.map(|count| count / divisor);
    _ = writeln!(
        svg,
        "<text x='430' y='338' text-anchor='middle'>{maps} maps, {reduces} reduces, {workers} workers</text>"
    );
    let x = |seconds: f64| 60.0 + 340.0 * seconds / top;
    axes(&mut svg, 60.0, "seconds (simulated)", "reduces complete, %");
    for tick in 0..=4 {
        let seconds = top * f64::from(tick) / 4.0;
        _ = writeln!(svg, "<text x='{:.0}' y='297' text-anchor='middle'>{seconds:.0}</text>", x(seconds));
        _ = writeln!(
            svg,
            "<text x='54' y='{:.0}' text-anchor='end'>{}</text>",
            284.0 - 60.0 * f64::from(tick),
            25 * tick
        );
    }
    for (run, colour, dashes, name, row) in [
        (normal, "#1b6ca8", "", "normal", 0.0),
        (without, "#c0392b", "6 3", "no backup tasks", 1.0),
        (killed, "#2e7d32", "2 3", &*format!("{} workers killed", KILLED / divisor), 2.0),
    ] {
        let points = (1..).zip(&run.curve).map(|(part, at)| (x(*at), 280.0 - 2.4 * f64::from(part)));
        line(&mut svg, points, colour, dashes);
        legend(
            &mut svg,
            250.0,
            180.0 + 18.0 * row,
            colour,
            dashes,
            &format!("{name}: {:.0} s", run.seconds()),
        );
    }
    axes(&mut svg, 490.0, "slow workers, %", "seconds until done (simulated)");
    let place = |index: usize| 510.0 + 100.0 * index as f64;
    let y = |seconds: f64| 280.0 - 240.0 * seconds / top;
    for tick in 0..=4 {
        let seconds = top * f64::from(tick) / 4.0;
        _ = writeln!(svg, "<text x='484' y='{:.0}' text-anchor='end'>{seconds:.0}</text>", y(seconds) + 4.0);
    }
    for (index, stragglers) in STRAGGLERS.iter().enumerate() {
        let rate = f64::from(*stragglers) / 100.0;
        _ = writeln!(svg, "<text x='{:.0}' y='297' text-anchor='middle'>{rate:.1}</text>", place(index));
    }
    let series = |of: fn(&(Run, Run)) -> &Run| {
        pairs.iter().enumerate().map(move |(index, pair)| (place(index), y(of(pair).seconds())))
    };
    line(&mut svg, series(|pair| &pair.1), "#1b6ca8", "");
    line(&mut svg, series(|pair| &pair.0), "#c0392b", "6 3");
    legend(&mut svg, 510.0, 250.0, "#1b6ca8", "", "with backup tasks");
    legend(&mut svg, 510.0, 268.0, "#c0392b", "6 3", "without");
    svg.push_str("</svg>\n");
    svg
}

fn axes(svg: &mut String, left: f64, below: &str, beside: &str) {
    _ = writeln!(svg, "<path d='M{left} 40V280H{}' fill='none' stroke='#444'/>", left + 340.0);
    _ = writeln!(svg, "<text x='{}' y='322' text-anchor='middle'>{below}</text>", left + 170.0);
    _ = writeln!(svg, "<text x='{left}' y='26'>{beside}</text>");
}

fn line(svg: &mut String, points: impl Iterator<Item = (f64, f64)>, colour: &str, dashes: &str) {
    let points: Vec<String> = points.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let style = format!("fill='none' stroke='{colour}' stroke-width='2' stroke-dasharray='{dashes}'");
    _ = writeln!(svg, "<polyline points='{}' {style}/>", points.join(" "));
}

fn legend(svg: &mut String, x: f64, y: f64, colour: &str, dashes: &str, text: &str) {
    line(svg, [(x, y - 4.0), (x + 26.0, y - 4.0)].into_iter(), colour, dashes);
    _ = writeln!(svg, "<text x='{}' y='{y}'>{text}</text>", x + 32.0);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seconds: f64) -> Run {
        let text = format!("CURVE {} {seconds}\nRESULT seconds={seconds} backups=3 check=x\n", seconds / 2.0);
        parse(&text).unwrap()
    }

    #[test]
    fn a_result_is_read() {
        assert_eq!(
            (run(900.0).curve.len(), run(900.0).seconds(), run(900.0).field("backups")),
            (2, 900.0, 3.0)
        );
        assert!(parse("RESULT seconds=1").is_none() && parse("CURVE a\nRESULT x=1").is_none());
    }

    #[test]
    fn all_runs_are_in_the_picture() {
        let pairs: Vec<(Run, Run)> = STRAGGLERS.iter().map(|_| (run(1300.0), run(900.0))).collect();
        let svg = picture(&pairs, &run(900.0), &run(1300.0), &run(945.0), 4);
        for text in [
            "normal: 900 s",
            "no backup tasks: 1300 s",
            "50 workers killed: 945 s",
            "3750 maps, 1000 reduces, 436 workers",
            "<text x='484' y='44' text-anchor='end'>1400",
        ] {
            assert!(svg.contains(text), "{text} in {svg}");
        }
        assert_eq!(svg.matches("<polyline").count(), 3 + 3 + 2 + 2);
    }
}
