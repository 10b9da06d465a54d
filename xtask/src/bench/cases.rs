//! The histories on which the judge is measured, and what is asked of it.

/// One line of the table.
pub(super) struct Case {
    /// The number of the goal.
    pub(super) goal: &'static str,
    pub(super) name: &'static str,
    /// The first word for our program; with `:command`, the model of `stormglass check` on the files, and the time is that
    /// of the whole process on the wall clock.
    pub(super) model: &'static str,
    /// Files below the folder of histories; a `*` stands for anything.
    pub(super) file: &'static str,
    /// What makes such a history where the folder has none: model, clients, keys, operations, values.
    pub(super) made: Option<[&'static str; 5]>,
    pub(super) asked: Asked,
    /// The ratio of theirs to ours in memory, 0: nothing is asked.
    pub(super) memory: f64,
}

/// What is asked of our time.
#[derive(Clone, Copy)]
pub(super) enum Asked {
    /// So many times faster than the first peer.
    Times(f64),
    /// At most so many milliseconds.
    Within(f64),
    /// At most a microsecond an operation and ten milliseconds.
    Linear,
    /// At most a fifth more than in this way, in the same run.
    OverBy(&'static str),
    /// On the wall clock so many times faster than in this way, in the same run.
    WallTimes(f64, &'static str),
    /// So many megabytes of the files a second.
    Rate(f64),
    /// That the other program named by the way finds nothing.
    Nothing,
}

const fn case(
    goal: &'static str,
    name: &'static str,
    model: &'static str,
    file: &'static str,
    asked: Asked,
) -> Case {
    Case { goal, name, model, file, made: None, asked, memory: 0.0 }
}

const fn made(case: Case, made: [&'static str; 5]) -> Case {
    Case { made: Some(made), ..case }
}

const fn memory(case: Case, memory: f64) -> Case {
    Case { memory, ..case }
}

use Asked::{Linear, Nothing, OverBy, Rate, Times, WallTimes, Within};

/// `:search` leaves all to the general search, `:bare` does not say what is wrong, `:again` keeps its room, `:cores` takes
/// two of them.
pub(super) const CASES: [Case; 39] = [
    case("1", "Jepsen etcd logs", "cas-register:bare", "porcupine/etcd/*.log", Times(25.0)),
    case("2", "kv c50-ok", "kv-lab:bare", "porcupine/kv/c50-ok.txt", Times(50.0)),
    case("2", "kv c50-bad", "kv-lab:bare", "porcupine/kv/c50-bad.txt", Times(10.0)),
    memory(
        made(
            case("3", "A-seq-100k", "kv", "A-seq-1c-1k-100000", Times(60.0)),
            ["kv", "1", "1", "100000", "0"],
        ),
        40.0,
    ),
    made(
        case("4a", "cas, 16 clients, v5", "kv:search", "cas-16c-1k-1000-v5", Times(3000.0)),
        ["cas", "16", "1", "1000", "5"],
    ),
    memory(
        case("4", "B-reg-10c-1k-10000", "kv:search", "histories/B-reg-10c-1k-10000.jsonl", Times(150.0)),
        100.0,
    ),
    memory(
        case("4", "E-cas-10c-10000-v5", "kv:search", "histories/E-cas-10c-1k-10000-v5.jsonl", Times(150.0)),
        100.0,
    ),
    case(
        "5",
        "G-reg-10c-10000-stale900",
        "kv:search-bare",
        "histories/G-reg-10c-1k-10000-stale900.jsonl",
        Times(150.0),
    ),
    case("6", "B-reg-20c-1k-1000", "kv", "histories/B-reg-20c-1k-1000.jsonl", Linear),
    case("6", "B-reg-50c-1k-1000", "kv", "histories/B-reg-50c-1k-1000.jsonl", Linear),
    case("6", "B-reg-15c-1k-10000", "kv", "histories/B-reg-15c-1k-10000.jsonl", Linear),
    case("6", "B-reg-20c-1k-10000", "kv", "histories/B-reg-20c-1k-10000.jsonl", Linear),
    case("6", "B-reg-50c-10000-think5ms", "kv", "histories/B-reg-50c-1k-10000-think5ms.jsonl", Linear),
    case("6", "B-reg-50c-1k-1000-v5", "kv", "histories/B-reg-50c-1k-1000-v5.jsonl", Linear),
    made(
        case("6", "B-reg-10c-1k-100000", "kv", "B-reg-10c-1k-100000", Linear),
        ["kv", "10", "1", "100000", "0"],
    ),
    made(
        case("6", "C-kv-100c-10k-100000", "kv", "C-kv-100c-10k-100000", Linear),
        ["kv", "100", "10", "100000", "0"],
    ),
    made(
        case("6", "C-kv-10c-10k-1000000", "kv", "C-kv-10c-10k-1000000", Linear),
        ["kv", "10", "10", "1000000", "0"],
    ),
    made(
        case("6", "D-app-50c-10k-5000", "kv", "D-app-50c-10k-5000", Linear),
        ["append", "50", "10", "5000", "0"],
    ),
    case("6", "F-app-3c-1k-1000-u16", "kv", "histories/F-app-3c-1k-1000-u16.jsonl", Linear),
    case("6", "G-reg-5c-1000-u16-stale900", "kv", "histories/G-reg-5c-1k-1000-u16-stale900.jsonl", Linear),
    case("7", "H-queue-10c-10000", "queue", "histories/H-queue-10c-10000.jsonl", Within(50.0)),
    made(
        case("7", "H-stack-10c-10000", "stack", "H-stack-10c-10000", Within(50.0)),
        ["stack", "10", "1", "10000", "0"],
    ),
    made(
        case("8", "C-kv-10c-100k-100000", "kv", "C-kv-10c-100k-100000", Times(10.0)),
        ["kv", "10", "100", "100000", "0"],
    ),
    made(
        case("8", "C-kv-10c-100k-100000", "kv:cores", "C-kv-10c-100k-100000", WallTimes(1.7, "")),
        ["kv", "10", "100", "100000", "0"],
    ),
    memory(
        made(
            case("9", "1M operations, 5c, 1 key", "kv", "B-reg-5c-1k-1000000", Within(250.0)),
            ["kv", "5", "1", "1000000", "0"],
        ),
        0.0,
    ),
    case("10", "F-app-3c-1000-u16", "kv:search", "histories/F-app-3c-1k-1000-u16.jsonl", Within(1000.0)),
    case("10", "F-app-3c-1000-u16", "kv", "histories/F-app-3c-1k-1000-u16.jsonl", Within(1.0)),
    case(
        "10",
        "G-reg-5c-1000-u16-stale900",
        "kv:search",
        "histories/G-reg-5c-1k-1000-u16-stale900.jsonl",
        Within(1000.0),
    ),
    case(
        "10",
        "G-reg-5c-1000-u16-stale900",
        "kv",
        "histories/G-reg-5c-1k-1000-u16-stale900.jsonl",
        Within(1.0),
    ),
    made(
        case("11", "C-kv-10c-100k-100000", "kv:command", "C-kv-10c-100k-100000", Within(50.0)),
        ["kv", "10", "100", "100000", "0"],
    ),
    made(
        case("11", "C-kv-10c-100k-100000", "kv:parse", "C-kv-10c-100k-100000", Rate(200.0)),
        ["kv", "10", "100", "100000", "0"],
    ),
    made(
        case("12", "100 operations, judge reused", "kv:again", "kv-5c-1k-100", Within(0.010)),
        ["kv", "5", "1", "100", "0"],
    ),
    case("13", "Jepsen etcd logs", "cas-register", "porcupine/etcd/*.log", OverBy("bare")),
    case("13", "kv c50-ok", "kv-lab", "porcupine/kv/c50-ok.txt", OverBy("bare")),
    case("13", "kv c50-bad", "kv-lab", "porcupine/kv/c50-bad.txt", OverBy("bare")),
    case(
        "13",
        "G-reg-10c-10000-stale900",
        "kv",
        "histories/G-reg-10c-1k-10000-stale900.jsonl",
        OverBy("bare"),
    ),
    case(
        "13",
        "G-reg-10c-10000-stale900",
        "kv:search",
        "histories/G-reg-10c-1k-10000-stale900.jsonl",
        OverBy("search-bare"),
    ),
    made(
        case("13", "C-kv-10c-100k-100000", "kv", "C-kv-10c-100k-100000", OverBy("bare")),
        ["kv", "10", "100", "100000", "0"],
    ),
    case("14", "10,000,000 tiny histories", "all:crosscheck", "", Nothing),
];

#[cfg(test)]
mod tests {
    use super::{Asked, CASES};
    use std::collections::BTreeSet;

    #[test]
    fn every_goal_has_a_row_that_can_be_missed() {
        let goals: BTreeSet<&str> = CASES.iter().map(|case| case.goal).collect();
        let all = ["1", "2", "3", "4a", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14"];
        assert_eq!(goals, all.into());
        let open = CASES.iter().filter(|case| matches!(case.asked, Asked::Nothing));
        assert!(open.into_iter().all(|case| case.model.ends_with(":crosscheck")));
    }
}
