//! A chart with two logarithmic axes.

use std::fmt::Write as _;

use super::growth::{Line, Point};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 360.0;
/// What is left free around the chart: left, right, top, bottom.
const MARGINS: [f64; 4] = [64.0, 120.0, 40.0, 40.0];
/// Told apart in light and dark, and by the colour-blind (Okabe & Ito 2008).
const COLOURS: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

/// Where numbers stand on an axis from one power of ten to another.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn over(values: impl Iterator<Item = f64> + Clone, from: f64, to: f64) -> Self {
        let low = values.clone().fold(f64::INFINITY, f64::min).max(1.0).log10().floor();
        let high = values.fold(1.0, f64::max).log10().ceil().max(low + 1.0);
        Self { low, high, from, to }
    }

    fn at(&self, value: f64) -> f64 {
        self.from + (value.max(1.0).log10() - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    fn powers(&self) -> impl Iterator<Item = (f64, String)> {
        (self.low as i32..=self.high as i32).map(|power| {
            let value = 10_f64.powi(power);
            (self.at(value), if power < 4 { format!("{value}") } else { format!("10^{power}") })
        })
    }
}

pub(super) fn chart(title: &str, lines: &[Line], of: fn(&Point) -> f64) -> String {
    let [left, right, top, bottom] = MARGINS;
    let points = || lines.iter().flat_map(|line| &line.points);
    let x = Axis::over(points().map(|point| point.operations), left, WIDTH - right);
    let y = Axis::over(points().map(of), HEIGHT - bottom, top);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n<text x=\"{left}\" y=\"24\" font-size=\"14\">{title}</text>\n"
    );
    for (at, name) in y.powers() {
        _ = writeln!(svg, "<path d=\"M{left} {at:.1}H{:.1}\" stroke=\"#dddddd\"/>", WIDTH - right);
        _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{name}</text>",
            left - 8.0,
            at + 4.0
        );
    }
    for (at, name) in x.powers() {
        _ = writeln!(svg, "<path d=\"M{at:.1} {top}V{:.1}\" stroke=\"#dddddd\"/>", HEIGHT - bottom);
        _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
            HEIGHT - bottom + 20.0
        );
    }
    _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">operations</text>",
        (left + WIDTH - right) / 2.0,
        HEIGHT - 4.0
    );
    for (at, line) in lines.iter().enumerate() {
        let colour = COLOURS[at % COLOURS.len()];
        let way: Vec<String> = line
            .points
            .iter()
            .map(|point| format!("{:.1},{:.1}", x.at(point.operations), y.at(of(point))))
            .collect();
        _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            way.join(" ")
        );
        let height = top + 18.0 * at as f64 + 8.0;
        _ = writeln!(
            svg,
            "<path d=\"M{:.1} {height}h16\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            WIDTH - right + 12.0
        );
        _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            WIDTH - right + 32.0,
            height + 4.0,
            line.name
        );
    }
    svg.push_str("</svg>\n");
    svg
}

#[cfg(test)]
mod tests {
    use super::{Axis, chart};
    use crate::bench::growth::{Line, Point};

    #[test]
    fn powers_of_ten_stand_at_equal_distances() {
        let axis = Axis::over([30.0, 70_000.0].into_iter(), 0.0, 400.0);
        let at: Vec<f64> = axis.powers().map(|(at, _)| at.round()).collect();
        assert_eq!(at, [0.0, 100.0, 200.0, 300.0, 400.0]);
        assert_eq!(axis.powers().last().unwrap().1, "10^5");
    }

    #[test]
    fn every_line_is_drawn_and_named() {
        let point = |operations| Point { operations, nanos: 100.0, bytes: 200.0 };
        let line = |name| Line { name, points: vec![point(1e3), point(1e4)] };
        let svg = chart("ns", &[line("kv"), line("lock")], |point| point.nanos);
        assert_eq!(svg.matches("<polyline").count(), 2);
        assert!(svg.contains(">kv</text>") && svg.contains(">lock</text>") && svg.ends_with("</svg>\n"));
    }
}
