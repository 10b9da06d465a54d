//! Operations as bars of characters.

use std::collections::BTreeMap;

/// One operation to draw.
pub(crate) struct Bar {
    pub(crate) client: u64,
    pub(crate) call: u64,
    /// `None`: the reply was never seen; the bar is open to the right.
    pub(crate) ret: Option<u64>,
    pub(crate) label: String,
    /// Drawn with `=`.
    pub(crate) marked: bool,
}

/// What a bar needs besides its label: `|- ` and ` -|`.
const FRAME: usize = 6;
/// Labels are cut no shorter than this; if the drawing is still too wide, the earliest bars are left out.
const SHORTEST_LABEL: usize = 6;

/// One row for each client (more, if its bars overlap), at most `width` columns.
pub(crate) fn draw(mut bars: Vec<Bar>, width: usize) -> String {
    bars.sort_by_key(|bar| (bar.call, bar.ret));
    let mut left_out = 0;
    loop {
        let margin = margin(&bars);
        let longest = bars.iter().map(|bar| bar.label.chars().count()).max().unwrap_or(0);
        let fits = |label: usize| margin + Columns::new(&bars, label).end <= width;
        if let Some(label) = (SHORTEST_LABEL.min(longest)..=longest).rev().find(|label| fits(*label)) {
            return paint(&bars, label, margin, left_out);
        }
        if bars.len() <= 1 {
            return paint(&bars, SHORTEST_LABEL, margin, left_out);
        }
        let first = bars.iter().position(|bar| !bar.marked).unwrap_or(0);
        bars.remove(first);
        left_out += 1;
    }
}

fn margin(bars: &[Bar]) -> usize {
    bars.iter().map(|bar| format!("c{} ", bar.client).len()).max().unwrap_or(0)
}

fn cut(label: &str, to: usize) -> String {
    if label.chars().count() <= to {
        return label.to_owned();
    }
    let kept: String = label.chars().take(to.saturating_sub(1)).collect();
    format!("{kept}…")
}

/// The column of every instant at which something is called or returns.
struct Columns {
    /// By time and kind: calls before returns, for intervals are closed.
    of: BTreeMap<(u64, bool), usize>,
    end: usize,
}

const CALL: bool = false;
const RETURN: bool = true;

impl Columns {
    /// As far to the left as the order of times and room for labels of `label` characters permit.
    fn new(bars: &[Bar], label: usize) -> Self {
        let instants: BTreeMap<(u64, bool), ()> = bars
            .iter()
            .flat_map(|bar| [Some((bar.call, CALL)), bar.ret.map(|ret| (ret, RETURN))])
            .flatten()
            .map(|instant| (instant, ()))
            .collect();
        let mut columns = Self { of: BTreeMap::new(), end: 0 };
        let room = |bar: &Bar| bar.label.chars().count().min(label) + FRAME;
        for instant in instants.into_keys() {
            let needed = bars
                .iter()
                .filter(|bar| instant == (bar.ret.unwrap_or(0), RETURN) && bar.ret.is_some())
                .map(|bar| columns.of[&(bar.call, CALL)] + room(bar) - 1)
                .max()
                .unwrap_or(0);
            let column = needed.max(columns.end);
            columns.of.insert(instant, column);
            // A gap after each return, so that one client's bars stand apart.
            columns.end = column + if instant.1 == RETURN { 2 } else { 1 };
        }
        // Bars without an end need room as well.
        for bar in bars.iter().filter(|bar| bar.ret.is_none()) {
            columns.end = columns.end.max(columns.of[&(bar.call, CALL)] + room(bar));
        }
        columns
    }

    fn span(&self, bar: &Bar) -> (usize, usize) {
        let start = self.of[&(bar.call, CALL)];
        (start, bar.ret.map_or(self.end - 1, |ret| self.of[&(ret, RETURN)]))
    }
}

fn paint(bars: &[Bar], label: usize, margin: usize, left_out: usize) -> String {
    let columns = Columns::new(bars, label);
    // Per client its rows, each with the characters painted so far.
    let mut rows: BTreeMap<u64, Vec<Vec<char>>> = BTreeMap::new();
    for bar in bars {
        let (start, end) = columns.span(bar);
        let rows = rows.entry(bar.client).or_default();
        let free = rows.iter().position(|row| row.len() <= start).unwrap_or(rows.len());
        if free == rows.len() {
            rows.push(Vec::new());
        }
        let row = &mut rows[free];
        row.resize(start, ' ');
        let fill = if bar.marked { '=' } else { '-' };
        let text = format!(" {} ", cut(&bar.label, label));
        let room = end - start - 1;
        let before = room.saturating_sub(text.chars().count()) / 2;
        let mut inside: Vec<char> = vec![fill; before];
        inside.extend(text.chars());
        inside.resize(room, fill);
        row.push('|');
        row.extend(inside);
        row.push(if bar.ret.is_some() { '|' } else { '>' });
    }
    let mut text = String::new();
    if left_out > 0 {
        text.push_str(&format!("({left_out} earlier operations are not drawn)\n"));
    }
    for (client, rows) in rows {
        for row in rows {
            let name = format!("c{client}");
            text.push_str(&format!("{name:<margin$}{}\n", row.into_iter().collect::<String>()));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Bar, draw};

    fn bar(client: u64, call: u64, ret: Option<u64>, label: &str, marked: bool) -> Bar {
        Bar { client, call, ret, label: label.into(), marked }
    }

    fn stale_read() -> Vec<Bar> {
        vec![
            bar(0, 0, Some(10), "write x = 1", false),
            bar(1, 5, Some(30), "write x = 2", false),
            bar(2, 30, Some(40), "read x = 1", true),
            bar(0, 12, None, "write x = 3", false),
        ]
    }

    #[test]
    fn bars_keep_the_order_of_times() {
        let drawn = "\
c0 |- write x = 1 -| |- write x = 3 -->
c1  |-- write x = 2 ---|
c2                    |= read x = 1 =|
";
        let painted = draw(stale_read(), 100);
        assert_eq!(painted, drawn, "\n{painted}");
    }

    #[test]
    fn no_line_is_wider_than_asked() {
        for width in 16..60 {
            let painted = draw(stale_read(), width);
            assert!(painted.lines().skip(1).all(|line| line.chars().count() <= width), "{width}:\n{painted}");
            assert!(painted.contains('='), "the culprit is drawn whatever the width:\n{painted}");
        }
        assert!(draw(stale_read(), 20).starts_with('('), "what is left out is said");
        assert_eq!(draw(Vec::new(), 80), "");
    }
}
