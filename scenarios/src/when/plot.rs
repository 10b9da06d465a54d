//! The curve, drawn with letters.

use std::time::Duration;

use super::Moment;
use crate::report::span;

/// Lines of the plot.
const HEIGHT: usize = 8;

/// Columns of a moment.
const WIDTH: usize = 2;

/// A bar for each moment, the failure's probability being its height; a mark under that behind which it rose most.
pub(crate) fn plot(curve: &[Moment], rose: Option<usize>) -> String {
    const PARTS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let mut text = String::new();
    for row in (0..HEIGHT).rev() {
        let label = match row {
            0 => "  0 % ",
            _ if row == HEIGHT - 1 => "100 % ",
            _ if row == HEIGHT / 2 => " 50 % ",
            _ => "      ",
        };
        text.push_str(&format!("{label}│"));
        for moment in curve {
            // A failure that was seen at all is seen.
            let eighths = (moment.probability() * (8 * HEIGHT) as f64).ceil() as usize;
            let part = PARTS[eighths.saturating_sub(8 * row).min(8)];
            text.extend(std::iter::repeat_n(part, WIDTH));
        }
        text.push('\n');
    }
    text.push_str(&format!("      └{}\n", "─".repeat(WIDTH * curve.len())));
    let end = span(Duration::from_nanos(curve.last().map_or(0, |moment| moment.at_ns)));
    let gap = (WIDTH * curve.len()).saturating_sub(1 + end.chars().count()).max(1);
    text.push_str(&format!("       0{}{end}\n", " ".repeat(gap)));
    if let Some(rose) = rose {
        text.push_str(&format!("       {}▲ here\n", " ".repeat(WIDTH * rose)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_curve_has_its_shape() {
        let moment = |at_ns, failed| Moment { at_ns, kept: 0, futures: 100, failed };
        let curve = [moment(0, 0), moment(500_000_000, 50), moment(1_000_000_000, 100)];
        let text = plot(&curve, Some(1));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "100 % │    ██");
        assert_eq!(lines[4], "      │  ████");
        assert_eq!(lines[7], "  0 % │  ████");
        assert_eq!(lines[9], "       0  1 s");
        assert_eq!(lines[10], "         ▲ here");
        assert!(plot(&[moment(0, 1)], None).contains('▁'), "one in a hundred is not none");
    }
}
