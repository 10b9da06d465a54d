//! The figures as a page and as JSON.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::measure::Measured;
use super::{BugTable, Known, PORTFOLIO, Row};
use crate::median;

/// CPU seconds within which a bug shall be caught.
const SOON: f64 = 60.0;

/// Of a hundred bugs so many shall be.
const MOST: usize = 95;

/// The campaigns of one bug under one schedule.
struct Cell<'a>(Vec<&'a Measured>);

impl<'a> Cell<'a> {
    fn of(measured: &'a [Measured], schedule: &str) -> Cell<'a> {
        Cell(measured.iter().filter(|one| one.schedule == schedule).collect())
    }

    fn caught(&self) -> usize {
        self.0.iter().filter(|one| one.seeds.is_some()).count()
    }

    /// The median, with what was missed as more than anything; `None` when the median is.
    fn median(&self, figure: impl Fn(&Measured) -> f64) -> Option<f64> {
        let value = |one: &&Measured| if one.seeds.is_some() { figure(one) } else { f64::INFINITY };
        let values: Vec<f64> = self.0.iter().map(value).collect();
        Some(median(values)).filter(|median| median.is_finite() && !self.0.is_empty())
    }

    fn seeds(&self) -> Option<f64> {
        self.median(|one| one.seeds.unwrap_or_default() as f64)
    }

    fn cpu(&self) -> Option<f64> {
        self.median(|one| one.cpu)
    }

    /// The median of seeds; how many campaigns caught it, unless all did.
    fn shown(&self) -> String {
        let (caught, all) = (self.caught(), self.0.len());
        let seeds = self.seeds().map_or_else(|| "–".to_owned(), |seeds| seeds.to_string());
        if caught == all { seeds } else { format!("{seeds} ({caught}/{all})") }
    }
}

/// The page.
pub(super) fn page(table: &BugTable, rows: &[Row]) -> String {
    let BugTable { campaigns, single, budget, .. } = table;
    let mut page = format!(
        "# Bugs and schedules\n\n\
         Written by `cargo xtask bug-table`: for each known bug, how many seeds it takes until the story that must catch it \
         does. Medians over {campaigns} campaigns of the portfolio and {single} of each schedule alone, each of at most \
         {budget} CPU seconds; a campaign that ends without a detection counts as longer than \
         any, and – says that at least half of them did. Behind it, how many caught the bug, where not all did. Stories \
         that are told by the clock, the labs' above all, know only `random` and `fifo`, whatever is asked. What a schedule is: [schedules](schedules.md). Machine-readable: [`bug-table.json`](bug-table.json).\n\n"
    );
    page.push_str(&Sum::of(rows).told());
    page.push_str("\n| bug | story | portfolio | CPU s |");
    table.schedule.iter().for_each(|schedule| page.push_str(&format!(" {schedule} |")));
    page.push_str("\n| --- | --- | ---: | ---: |");
    page.push_str(&" ---: |".repeat(table.schedule.len()));
    for Row { known: Known { bug, story }, measured, .. } in rows {
        let portfolio = Cell::of(measured, PORTFOLIO);
        let cpu = portfolio.cpu().map_or_else(|| "–".to_owned(), |cpu| format!("{cpu:.2}"));
        page.push_str(&format!("\n| `{bug}` | `{story}` | {} | {cpu} |", portfolio.shown()));
        for schedule in &table.schedule {
            page.push_str(&format!(" {} |", Cell::of(measured, schedule).shown()));
        }
    }
    page.push('\n');
    for (title, empty, of) in [
        ("Caught by one schedule alone", "Every bug that any schedule catches, two do.", schedules as Kinds),
        (
            "Fell to one oracle in every campaign",
            "There is none. (A run ends with its first finding: what another oracle would have said of it is not known.)",
            oracles,
        ),
        (
            "Caught only where the weather knew a fault",
            "There is none. (Of stories with a storm, and of faults that their weather may lack. Which faults of its own plot a \
             bug needs is what the shrink table leaves.)",
            needs,
        ),
    ] {
        page.push_str(&format!("\n## {title}\n\n"));
        let lists = by_kind(rows, of);
        if lists.is_empty() {
            page.push_str(&format!("{empty}\n"));
        }
        for (kind, bugs) in lists {
            page.push_str(&format!("- **{kind}**: {}\n", bugs.join(", ")));
        }
    }
    page
}

/// What the portfolio makes of all bugs.
struct Sum {
    all: usize,
    /// By any of its campaigns.
    caught: usize,
    /// By each of them.
    always: usize,
    /// Within [`SOON`], by the median.
    soon: usize,
}

impl Sum {
    fn of(rows: &[Row]) -> Sum {
        let cells: Vec<Cell<'_>> = rows.iter().map(|row| Cell::of(&row.measured, PORTFOLIO)).collect();
        let count = |test: fn(&Cell<'_>) -> bool| cells.iter().filter(|cell| test(cell)).count();
        Sum {
            all: cells.len(),
            caught: count(|cell| cell.caught() > 0),
            always: count(|cell| cell.caught() > 0 && cell.caught() == cell.0.len()),
            soon: count(|cell| cell.cpu().is_some_and(|cpu| cpu <= SOON)),
        }
    }

    fn told(&self) -> String {
        let Sum { all, caught, always, soon } = self;
        format!(
            "The portfolio caught {caught} of {all} bugs, {always} of them in every campaign; {soon} ({:.1} %) within {SOON} CPU \
             seconds on one core, by the median.\n",
            100.0 * *soon as f64 / (*all).max(1) as f64
        )
    }
}

/// An error unless the portfolio catches every bug, and [`MOST`] of a hundred soon.
pub(super) fn verdict(rows: &[Row]) -> Result<(), String> {
    let sum = Sum::of(rows);
    let missed: Vec<String> = rows
        .iter()
        .filter(|row| Cell::of(&row.measured, PORTFOLIO).caught() == 0)
        .map(|Row { known: Known { bug, story }, .. }| format!("{bug} ({story})"))
        .collect();
    if !missed.is_empty() {
        return Err(format!("the portfolio never caught {}", missed.join(", ")));
    }
    if sum.soon * 100 < sum.all * MOST {
        return Err(format!("less than {MOST} % are caught soon. {}", sum.told().trim_end()));
    }
    Ok(())
}

/// The kinds of something that a bug cannot be caught without.
type Kinds = fn(&Row) -> BTreeSet<String>;

fn by_kind(rows: &[Row], of: Kinds) -> BTreeMap<String, Vec<String>> {
    let mut lists: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        let Known { bug, story } = &row.known;
        for kind in of(row) {
            lists.entry(kind.replace('|', "\\|")).or_default().push(format!("`{bug}` (`{story}`)"));
        }
    }
    lists
}

/// The only schedule under which it was caught, of those that were measured alone.
fn schedules(row: &Row) -> BTreeSet<String> {
    let alone = row.measured.iter().filter(|one| one.schedule != PORTFOLIO && one.seeds.is_some());
    only(alone.map(|one| one.schedule.clone()).collect())
}

/// The only oracle that caught it. A claim with numbers in it is one claim.
fn oracles(row: &Row) -> BTreeSet<String> {
    only(row.measured.iter().filter_map(|one| one.oracle.clone()).collect())
}

fn only(kinds: BTreeSet<String>) -> BTreeSet<String> {
    if kinds.len() == 1 { kinds } else { BTreeSet::new() }
}

/// Faults that the weather of every run knew in which it was caught, out of those that it might not have known.
fn needs(row: &Row) -> BTreeSet<String> {
    // The same seed under another schedule has the same weather.
    let caught = row.measured.iter().filter_map(|one| Some(((one.campaign, one.seeds?), &one.faults)));
    let weathers: Vec<&BTreeSet<String>> = caught.collect::<BTreeMap<_, _>>().into_values().collect();
    // Half of the runs know a fault: of fewer than eight it says little that all did.
    let [first, rest @ ..] = weathers.as_slice() else { return BTreeSet::new() };
    if rest.len() < 7 {
        return BTreeSet::new();
    }
    let common = rest.iter().fold((*first).clone(), |common, other| &common & *other);
    &common - &row.certain
}

/// The figures for machines; `each` are the campaigns, seeds (null: missed) and CPU seconds.
pub(super) fn table(table: &BugTable, rows: &[Row]) -> Value {
    let rows: Vec<Value> = rows
        .iter()
        .map(|row| {
            let Row { known: Known { bug, story }, measured, .. } = row;
            let names = [PORTFOLIO].into_iter().chain(table.schedule.iter().map(String::as_str));
            let cells: serde_json::Map<String, Value> = names
                .map(|name| {
                    let cell = Cell::of(measured, name);
                    let rounded = |cpu: f64| (cpu * 1e4).round() / 1e4;
                    let each = cell.0.iter().map(|one| json!([one.seeds, rounded(one.cpu)]));
                    let cell = json!({
                        "campaigns": cell.0.len(),
                        "caught": cell.caught(),
                        "seeds": cell.seeds(),
                        "cpu_seconds": cell.cpu(),
                        "each": each.collect::<Vec<_>>(),
                    });
                    (name.to_owned(), cell)
                })
                .collect();
            json!({
                "bug": bug,
                "story": story,
                "schedules": cells,
                "only_schedule": schedules(row),
                "only_oracle": oracles(row),
                "needs": needs(row),
            })
        })
        .collect();
    json!({
        "campaigns": table.campaigns,
        "single": table.single,
        "budget_cpu_seconds": table.budget,
        "bugs": rows,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(schedule: &str, seeds: Option<u64>, faults: &[&str]) -> Measured {
        let faults = faults.iter().map(|fault| (*fault).to_owned()).collect();
        let oracle = seeds.map(|_| "invariant: I1".to_owned());
        Measured { schedule: schedule.into(), seeds, cpu: 1.0, oracle, faults, ..Measured::default() }
    }

    fn row_of(measured: &[Measured]) -> Row {
        let known = Known { bug: "b".into(), story: "kv/x".into() };
        Row { known, measured: measured.to_vec(), certain: BTreeSet::new() }
    }

    #[test]
    fn a_median_counts_what_was_missed() {
        let measured = [Some(3), Some(1), Some(9), None].map(|seeds| one("pos", seeds, &[]));
        let cell = Cell::of(&measured, "pos");
        assert_eq!((cell.seeds(), cell.shown().as_str()), (Some(6.0), "6 (3/4)"));
        let measured = [Some(3), Some(4)].map(|seeds| one("pos", seeds, &[]));
        assert_eq!(Cell::of(&measured, "pos").shown(), "3.5");
        let measured = [Some(3), Some(4), None, None].map(|seeds| one("pos", seeds, &[]));
        assert_eq!(Cell::of(&measured, "pos").shown(), "– (2/4)", "half of them missed it");
        let measured = [Some(3), None, None].map(|seeds| one("pos", seeds, &[]));
        assert_eq!(Cell::of(&measured, "pos").shown(), "– (1/3)");
    }

    #[test]
    fn a_bug_that_is_missed_or_slow_is_no_success() {
        let row = |bug: &str, seeds, cpu| {
            let known = Known { bug: bug.into(), story: "kv/x".into() };
            Row { known, ..row_of(&[Measured { cpu, ..one(PORTFOLIO, seeds, &[]) }]) }
        };
        let mut rows: Vec<Row> = (0..19).map(|_| row("quick", Some(1), 2.0)).collect();
        rows.push(row("slow", Some(900), 61.0));
        assert_eq!(verdict(&rows), Ok(()), "one of twenty may be slow");
        rows.push(row("slow too", Some(900), 61.0));
        assert!(verdict(&rows).unwrap_err().contains("less than 95 %"));
        rows.truncate(19);
        rows.push(row("unseen", None, 2.0));
        assert_eq!(verdict(&rows), Err("the portfolio never caught unseen (kv/x)".to_owned()));
    }

    #[test]
    fn what_only_one_catches_is_known() {
        let measured = [one("pos", Some(3), &[]), one("walk", None, &[]), one(PORTFOLIO, Some(1), &[])];
        assert_eq!(schedules(&row_of(&measured)), BTreeSet::from(["pos".to_owned()]));
        assert_eq!(oracles(&row_of(&measured)), BTreeSet::from(["invariant: I1".to_owned()]));
        let both = [one("pos", Some(3), &[]), one("walk", Some(4), &[])];
        assert!(schedules(&row_of(&both)).is_empty());
    }

    #[test]
    fn a_fault_is_needed_when_every_weather_knew_it() {
        let mut measured: Vec<Measured> = (0..8)
            .map(|n| one("pos", Some(n), if n == 3 { &["crashes"] } else { &["crashes", "pauses"] }))
            .collect();
        let crashes = BTreeSet::from(["crashes".to_owned()]);
        assert_eq!(needs(&row_of(&measured)), crashes);
        assert!(needs(&Row { certain: crashes, ..row_of(&measured) }).is_empty(), "it is always there");
        assert!(needs(&row_of(&measured[..4])).is_empty(), "too few to say");
        let again = measured[..4].iter().map(|one| Measured { schedule: "walk".into(), ..one.clone() });
        let twice: Vec<Measured> = measured[..4].iter().cloned().chain(again).collect();
        assert!(needs(&row_of(&twice)).is_empty(), "four weathers, each under two schedules");
        measured.push(one("pos", Some(9), &["pauses"]));
        assert!(needs(&row_of(&measured)).is_empty());
    }
}
