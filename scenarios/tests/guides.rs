//! What the guides in `docs/` show is compiled and run here, and what they print is what comes out.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

#[path = "../../docs/examples/turnstile.rs"]
pub mod as_written;
#[path = "../../docs/examples/turnstile_fixed.rs"]
pub mod fixed;

mod first_test {
    use super::fixed as turnstile;
    use stormglass::sim::net::LinkConfig;
    use stormglass::sim::{Ratio, World};
    use stormglass::{Seeds, check};

    async fn twenty_visitors(world: World) {
        world.links(LinkConfig::default().loss(Ratio::percent(2)));
        world.node("counter", turnstile::counter);
        let gate = world.node("gate", std::future::pending::<()>);
        let visitors = async {
            for visitor in 1..=20 {
                assert_eq!(turnstile::enter("counter:7000").await, visitor);
            }
        };
        world.spawn_on(gate, visitors).await.unwrap();
    }

    #[test]
    fn every_visitor_is_counted_once() {
        check(Seeds::fresh(200), twenty_visitors);
    }

    #[test]
    fn a_lost_reply_is_no_second_visitor() {
        check(Seeds::one(0xd6e55910), twenty_visitors);
    }
}

mod a_seed_fails {
    use super::as_written as turnstile;
    use stormglass::sim::net::LinkConfig;
    use stormglass::sim::{Config, Overrides, Ratio, Seed, Sim, World};
    use stormglass::{Seeds, check};

    async fn twenty_visitors(world: World) {
        world.links(LinkConfig::default().loss(Ratio::percent(2)));
        world.node("counter", turnstile::counter);
        let gate = world.node("gate", std::future::pending::<()>);
        let visitors = async {
            for visitor in 1..=20 {
                assert_eq!(turnstile::enter("counter:7000").await, visitor);
            }
        };
        world.spawn_on(gate, visitors).await.unwrap();
    }

    #[test]
    fn two_hundred_seeds_are_enough_to_see_it() {
        let failure = std::panic::catch_unwind(|| check(Seeds::fresh(200), twenty_visitors));
        let message = failure.expect_err("it counts twice").downcast::<String>().expect("a text");
        assert!(
            message.contains("PANIC on gate after ") && message.contains("STORMGLASS_SEED="),
            "{message}"
        );
    }

    #[test]
    fn write_a_trace() {
        let config = Config { trace: true, ..Config::default() };
        let outcome = Sim::with(Seed(3605354768), config).run(twenty_visitors);
        std::fs::write(concat!(env!("CARGO_TARGET_TMPDIR"), "/trace.jsonl"), outcome.trace.unwrap()).unwrap();
    }

    #[test]
    fn is_it_the_way_back() {
        let mut overrides = Overrides::default();
        overrides.calm("counter>gate/link");
        let config = Config { overrides, ..Config::default() };
        assert!(Sim::with(Seed(3605354768), config).run(twenty_visitors).holds());
    }

    #[test]
    fn the_trace_shows_the_lost_reply() {
        let config = Config { trace: true, ..Config::default() };
        let outcome = Sim::with(Seed(3605354768), config).run(twenty_visitors);
        assert!(!outcome.holds());
        let trace = String::from_utf8(outcome.trace.unwrap()).unwrap();
        let dropped: Vec<&str> = trace.lines().filter(|line| line.contains("\"drop\"")).collect();
        assert_eq!(dropped.len(), 1, "{dropped:?}");
        assert!(dropped[0].contains("\"reply\":\"yes\""), "{}", dropped[0]);
    }

    #[test]
    fn without_luck() {
        use stormglass::sim::net::{Fate, Rule};
        for seed in 0..20 {
            let outcome = Sim::new(Seed(seed)).run(|world| async move {
                world.rule(Rule::new(Fate::Drop).kind("Enter reply").nth(2));
                world.node("counter", turnstile::counter);
                (turnstile::enter("counter:7000").await, turnstile::enter("counter:7000").await)
            });
            assert_eq!(outcome.unwrap(), (1, 3), "the second visitor is counted twice");
        }
    }
}

mod schedules {
    use super::fixed as turnstile;
    use stormglass::sim::World;
    use stormglass::sim::schedule::{Dice, Event, Kind, Strategy};
    use stormglass::sim::{Config, Seed, Sim};

    async fn twenty_visitors(world: World) {
        world.node("counter", turnstile::counter);
        let gate = world.node("gate", std::future::pending::<()>);
        let visitors = async {
            for visitor in 1..=20 {
                assert_eq!(turnstile::enter("counter:7000").await, visitor);
            }
        };
        world.spawn_on(gate, visitors).await.unwrap();
    }

    /// Messages last: whoever waits for one gives up first, if it can.
    struct ImpatientTimers;

    impl Strategy for ImpatientTimers {
        fn choose(&mut self, enabled: &[Event], _: &mut Dice) -> usize {
            enabled.iter().position(|event| event.kind != Kind::Message).unwrap_or(0)
        }
    }

    #[test]
    fn nobody_is_counted_twice() {
        let mut sim = Sim::scheduled(Seed(417), Config::default(), Box::new(ImpatientTimers));
        sim.run(twenty_visitors).unwrap();
    }
}

#[test]
fn readme_of_the_checker() {
    use stormglass_checker::models::register::{Input, Output, Register};
    use stormglass_checker::{Budget, Operation, Verdict, check};

    let history = [
        Operation::completed(0, Input::write("x", "1"), 0, Output::Done, 10),
        Operation::pending(1, Input::write("x", "2"), 20),
        Operation::completed(2, Input::read("x"), 30, Output::Value(Some("2".into())), 40),
        Operation::completed(2, Input::read("x"), 50, Output::Value(Some("1".into())), 60),
    ];
    let Verdict::NotLinearizable(why) = check(&Register, &history, Budget::default()) else { panic!() };
    assert_eq!(why.operations, [0, 2, 3]); // the write of 2 may have had no effect; the first read says that it had one
    println!("{}", why.sentence);
}

#[test]
fn less_is_promised() {
    use stormglass_checker::consistency::{Guarantee, Sessions, fork_linearizable, sessions};
    use stormglass_checker::models::register::{Input, Output, Register};
    use stormglass_checker::{Budget, Operation};

    let write = |client, key, value, at| {
        Operation::completed(client, Input::write(key, value), at, Output::Done, at + 1)
    };
    let read = |client, key, value: Option<&str>, at| {
        let seen = Output::Value(value.map(Into::into));
        Operation::completed(client, Input::read(key), at, seen, at + 1)
    };
    let mut history = vec![
        write(0, "post", "1", 0),
        read(1, "post", Some("1"), 10),
        write(1, "answer", "2", 20),
        read(2, "answer", Some("2"), 30),
        read(2, "post", None, 40),
    ];
    let Sessions::Violated(found) = sessions(&Register, &history, &Guarantee::ALL) else { panic!() };
    assert_eq!(found.guarantees, [Guarantee::MonotonicReads, Guarantee::WritesFollowReads].into());
    assert_eq!(sessions(&Register, &history, &[Guarantee::ReadYourWrites]), Sessions::Hold);

    // A world without the answer would be a fork: c2 may live in it, as long as it never comes back.
    history[3] = read(2, "answer", None, 30);
    assert!(fork_linearizable(&Register, &history, Budget::default()).hold());
    history.push(read(2, "answer", Some("2"), 50));
    assert!(!fork_linearizable(&Register, &history, Budget::default()).hold());
}

#[test]
fn readme_of_the_simulator() {
    use std::time::Duration;
    use stormglass_sim::{Seed, Sim, always, fs, time};

    let outcome = Sim::new(Seed(417)).run(|world| async move {
        let node = world.node("a", || async {
            let starts = fs::read_to_string("starts").await.map_or(0, |text| text.len());
            always!(starts < 3, "it starts three times");
            fs::write("starts", "x".repeat(starts + 1)).await
        });
        for _ in 0..2 {
            time::sleep(Duration::from_secs(3600)).await; // takes no time
            world.crash(node);
            world.restart(node);
        }
        time::sleep(Duration::from_secs(1)).await;
        world.starts(node)
    });
    assert_eq!(outcome.unwrap(), 3);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a folder of the workspace").to_owned()
}

/// Every guide, with its name.
fn guides() -> Vec<(String, String)> {
    let folder = root().join("docs");
    let mut guides: Vec<_> = fs::read_dir(&folder)
        .expect("there are guides")
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .map(|path| (path.display().to_string(), fs::read_to_string(&path).expect("a text")))
        .collect();
    for readme in ["checker/README.md", "sim/README.md"] {
        guides.push((readme.to_owned(), fs::read_to_string(root().join(readme)).expect("a text")));
    }
    guides.sort();
    assert!(guides.len() >= 5, "the guides are in {}", folder.display());
    guides
}

/// The blocks of a guide that are marked as `language`.
fn blocks<'a>(guide: &'a str, language: &str) -> Vec<&'a str> {
    let opening = format!("\n```{language}\n");
    let after = guide.match_indices(&opening).map(|(at, _)| &guide[at + opening.len()..]);
    after.map(|rest| &rest[..rest.find("```").expect("a block is closed")]).collect()
}

/// Without indentation and empty lines.
fn bare(code: &str) -> String {
    code.lines().map(str::trim).filter(|line| !line.is_empty()).fold(String::from("\n"), |mut text, line| {
        writeln!(text, "{line}").expect("memory");
        text
    })
}

#[test]
fn every_snippet_of_a_guide_is_compiled() {
    let compiled = [
        "scenarios/tests/guides.rs",
        "docs/examples/turnstile.rs",
        "scenarios/examples/turnstile.rs",
        "docs/examples/turnstile_fixed.rs",
        "docs/examples/numbers.rs",
        "docs/examples/numbers_fixed.rs",
        "docs/examples/numbers_stories.rs",
        "systems/src/kv/protocol/store.rs",
        "systems/src/kv/spec/mod.rs",
        "systems/src/kv/bugs.rs",
        "systems/src/kv/message.rs",
        "systems/src/kv/server.rs",
        "systems/src/raft/bugs.rs",
        "systems/examples/mapreduce_own.rs",
        "scenarios/src/stories/kv/lost_reply.rs",
    ]
    .map(|path| bare(&fs::read_to_string(root().join(path)).expect(path)));
    let mut seen = 0;
    for (name, guide) in guides() {
        for block in blocks(&guide, "rust") {
            seen += 1;
            // `…` stands for what is left out; what is between must be there, line for line.
            for part in block.split("…\n") {
                let part = bare(part);
                assert!(
                    compiled.iter().any(|code| code.contains(&part)),
                    "{name} shows what is nowhere:{part}"
                );
            }
        }
    }
    assert!(seen >= 8, "{seen} snippets");
}

/// The trace of a world in which everything happens that a trace can tell of.
fn everything() -> String {
    use std::time::Duration;
    use stormglass::sim::net::{LinkConfig, rpc};
    use stormglass::sim::time::{ClockFault, sleep};
    use stormglass::sim::{Config, NodeId, Ratio, Seed, Sim, fs, reachable};

    let link = LinkConfig::default().loss(Ratio::percent(20));
    let outcome =
        Sim::with(Seed(1), Config { trace: true, link, ..Config::default() }).run(|world| async move {
            reachable!("the beginning");
            world.note("it begins");
            world.client_event(1, "call", "put x");
            let counter = world.node("counter", fixed::counter);
            drop(world.spawn_on(counter, async {
                let _ = fs::read("missing").await;
                fs::write("there", b"x").await
            }));
            world.node("fails", || async { Err::<(), _>("no disk") });
            world.skew(counter, ClockFault::Drift(500));
            for _ in 0..10 {
                fixed::enter("counter:7000").await;
            }
            let ticket = world.spawn_on(NodeId::WORLD, fixed::enter("counter:7000"));
            world.partition(&[counter], &[NodeId::WORLD]);
            let _ = rpc::call("counter:7000", &fixed::Enter::default(), Duration::from_secs(1)).await;
            world.heal();
            sleep(Duration::from_secs(1)).await;
            drop(ticket);
            world.power_off(counter);
            world.fail("the end");
        });
    String::from_utf8(outcome.trace.expect("asked for")).expect("text")
}

#[test]
fn the_guide_to_traces_knows_every_event_and_every_field() {
    let (_, guide) =
        guides().into_iter().find(|(name, _)| name.ends_with("when-a-seed-fails.md")).expect("it is there");
    let (fields, rows) = guide.split_once("| `event` | what happened |").expect("two tables");
    let mut events = std::collections::BTreeSet::new();
    for line in everything().lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("every line is JSON");
        let event = line["event"].as_str().expect("every line has one").to_owned();
        let row = rows.lines().find(|row| row.starts_with(&format!("| `{event}` |")));
        let row = row.unwrap_or_else(|| panic!("the guide has no row for {line}"));
        for field in line.as_object().expect("an object").keys() {
            let told = [format!("`{field}`"), format!("\"{field}\"")];
            let known =
                told.iter().any(|told| row.contains(told)) || fields.contains(&format!("| `{field}` |"));
            assert!(known, "the guide does not tell `{field}` of {line}");
        }
        for what in line.get("what").iter().chain(&line.get("why")).filter_map(|what| what.as_str()) {
            assert!(event == "client" || row.contains(what), "the guide does not know `{what}` of {line}");
        }
        events.insert(event);
    }
    let rare = 17 - events.len();
    assert!(rare <= 1, "all but `log` are seen: {events:?}");
}

#[test]
fn every_check_of_a_guide_prints_what_the_guide_says() {
    // Without the built-in systems there is no command.
    let Some(program) = option_env!("CARGO_BIN_EXE_stormglass") else { return };
    let mut seen = 0;
    for (name, guide) in guides() {
        for block in blocks(&guide, "console") {
            for part in block.split("$ ").filter(|part| part.starts_with("stormglass check ")) {
                seen += 1;
                let (typed, said) = part.split_once('\n').expect("a command and its output");
                let mut words = typed.split_whitespace().skip(1);
                let ran = std::process::Command::new(program)
                    .args(words.by_ref().take_while(|word| !word.starts_with(';')))
                    .env("NO_COLOR", "1")
                    .env_remove("CARGO")
                    .current_dir(root())
                    .output()
                    .expect("starts");
                let output = format!(
                    "{}{}",
                    String::from_utf8_lossy(&ran.stdout),
                    String::from_utf8_lossy(&ran.stderr)
                );
                assert_eq!(bare(&output), bare(said), "{name}: {typed}");
            }
        }
    }
    assert!(seen >= 3, "{seen} commands");
}

/// An example of this package, if cargo built it from what its sources are now: `--test guides` alone builds none.
fn example(name: &str) -> Option<PathBuf> {
    let built = env::current_exe().ok()?.parent()?.parent()?.join("examples").join(name);
    let since = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let sources = fs::read_to_string(built.with_extension("d")).ok()?;
    let mut sources = sources.split_once(": ")?.1.split_whitespace().map(Path::new);
    let at = since(&built)?;
    sources.all(|source| since(source).is_some_and(|changed| changed <= at)).then_some(built)
}

/// Whether the lines of `said` are among those of `output`, in their order; `…` stands for any.
fn tells(output: &str, said: &str) -> bool {
    let mut lines = output.lines().map(str::trim);
    said.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && *line != "…")
        .all(|line| lines.any(|told| told == line))
}

/// Whether a guide's commands of a story program, which is `example` here, print what the guide says; how many there are.
fn story_program(part: &str, example: &str, program: &Path, folder: &Path) -> usize {
    let commands = blocks(part, "console").into_iter().flat_map(|block| block.split("$ ").skip(1));
    let commands = commands.filter_map(|command| command.strip_prefix("cargo run --example stories -- "));
    let commands = commands.inspect(|command| {
        let (words, said) = command.split_once('\n').expect("a command and its output");
        // Which finding is told of first depends on the number of processes.
        let alone = words.starts_with("fuzz").then_some("--jobs=1");
        let ran = std::process::Command::new(program)
            .args(words.split_whitespace().chain(alone))
            .env("NO_COLOR", "1")
            .env("CARGO", "cargo")
            .current_dir(folder)
            .output()
            .expect("starts");
        let output = String::from_utf8_lossy(&ran.stdout)
            .replace(&format!("--example {example} "), "--example stories ");
        assert!(tells(&output, said), "{words}\n{output}");
    });
    commands.count()
}

#[test]
fn story_programs_of_the_guides_print_what_they_say() {
    let names = ["turnstile", "numbers", "numbers_fixed"];
    let [Some(turnstile), Some(numbers), Some(mended)] = names.map(example) else {
        assert!(env::var_os("STORMGLASS_CI_RUNNING").is_none(), "CI builds the examples");
        eprintln!("not tested: the examples are not built, or older than their sources");
        return;
    };
    let guides = guides();
    let guide = |file: &str| {
        let found = guides.iter().find(|(name, _)| name.ends_with(file));
        &found.expect("it is there").1
    };
    let folder = tempfile::tempdir().expect("a folder");
    let seen = story_program(guide("first-test.md"), names[0], &turnstile, folder.path());
    assert_eq!(seen, 2, "commands");
    let (before, after) = guide("judged-by-a-history.md").split_once("## Mend it").expect("it is mended");
    let seen = story_program(before, names[1], &numbers, folder.path());
    assert_eq!(seen + story_program(after, names[2], &mended, folder.path()), 4, "commands");
}
