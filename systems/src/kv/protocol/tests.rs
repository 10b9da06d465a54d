//! One test per sentence of the lab's contract, and one per planted bug: it changes this step and no other.

use proptest::prelude::*;

use super::super::bugs::{Bug, Bugs};
use super::super::message::{Command, Get, Put, Rejection, Reply, Transmission, Version, Versioned};
use super::*;

fn by(clerk: u64, number: u64) -> Transmission {
    Transmission { clerk, number, resend: false }
}

fn put(value: &str, version: Version, by: Transmission) -> Command {
    Command::Put(Put { key: "k".into(), value: value.into(), version, by })
}

fn get() -> Command {
    Command::Get(Get { key: "k".into() })
}

fn found(value: &str, version: Version) -> Option<Reply> {
    Some(Reply::Get(Some(Versioned { value: value.into(), version })))
}

const OK: Option<Reply> = Some(Reply::Put(Ok(())));
const VERSION: Option<Reply> = Some(Reply::Put(Err(Rejection::Version)));
const NO_KEY: Option<Reply> = Some(Reply::Put(Err(Rejection::NoKey)));

/// The replies of a fresh store to a script, in order.
fn replies(bugs: Bugs, script: &[Command]) -> Vec<Option<Reply>> {
    let mut store = Store::new(16, bugs);
    script.iter().map(|command| store.step(command).reply).collect()
}

#[test]
fn put_installs_iff_the_version_matches() {
    let script = [put("a", 0, by(1, 1)), get(), put("b", 1, by(1, 2)), get(), put("c", 1, by(1, 3)), get()];
    let expected = [OK, found("a", 1), OK, found("b", 2), VERSION, found("b", 2)];
    assert_eq!(replies(Bugs::NONE, &script), expected);
}

#[test]
fn version_0_creates_and_only_creates() {
    let script = [put("a", 0, by(1, 1)), put("b", 0, by(1, 2)), get()];
    assert_eq!(replies(Bugs::NONE, &script), [OK, VERSION, found("a", 1)]);
}

#[test]
fn put_above_0_on_a_missing_key_is_no_key() {
    let script = [put("a", 1, by(1, 1)), get()];
    assert_eq!(replies(Bugs::NONE, &script), [NO_KEY, Some(Reply::Get(None))]);
}

#[test]
fn a_version_from_the_future_is_refused() {
    let script = [put("a", 0, by(1, 1)), put("b", 2, by(1, 2)), get()];
    assert_eq!(replies(Bugs::NONE, &script), [OK, VERSION, found("a", 1)]);
}

#[test]
fn only_an_installed_value_is_persisted() {
    let mut store = Store::new(16, Bugs::NONE);
    let installed = store.step(&put("a", 0, by(1, 1)));
    let record = Record::Installed { key: "k".into(), value: "a".into(), version: 1, by: Some(by(1, 1)) };
    assert_eq!(installed, Effects { persist: Some(record), reply: OK });
    assert_eq!(store.step(&put("b", 0, by(1, 2))), Effects { persist: None, reply: VERSION });
    assert_eq!(store.step(&get()).persist, None);
}

#[test]
fn a_copy_of_a_message_is_never_answered_nor_a_late_one() {
    let script = [put("a", 0, by(1, 1)), put("a", 0, by(1, 1)), put("b", 1, by(1, 3)), put("c", 2, by(1, 2))];
    assert_eq!(replies(Bugs::NONE, &script), [OK, None, OK, None]);
    assert_eq!(replies(Bugs::only(Bug::AnswersDuplicates), &script), [OK, VERSION, OK, OK]);
}

#[test]
fn the_clerk_met_first_is_forgotten_first() {
    let mut store = Store::new(2, Bugs::NONE);
    let mut reply = |command| store.step(&command).reply;
    assert_eq!(reply(put("a", 0, by(1, 1))), OK);
    assert_eq!(reply(put("b", 0, by(2, 1))), VERSION);
    assert_eq!(reply(put("c", 0, by(3, 1))), VERSION);
    assert_eq!(reply(put("b", 0, by(2, 1))), None);
    assert_eq!(reply(put("c", 0, by(3, 1))), None);
    assert_eq!(reply(put("a", 0, by(1, 1))), VERSION, "forgotten, so taken for new");
}

#[test]
fn a_store_without_memory_of_clerks_is_the_labs() {
    let mut store = Store::new(0, Bugs::NONE);
    assert_eq!(store.step(&put("a", 0, by(1, 1))).reply, OK);
    assert_eq!(store.step(&put("a", 0, by(1, 1))).reply, VERSION);
}

#[test]
fn a_replayed_log_and_its_snapshot_lead_to_the_same_store() {
    let mut store = Store::new(16, Bugs::NONE);
    let script = [put("a", 0, by(1, 1)), put("b", 1, by(2, 5)), put("c", 2, by(1, 2))];
    let log: Vec<Record> = script.iter().filter_map(|command| store.step(command).persist).collect();
    let replayed = |records: Vec<Record>| {
        let mut store = Store::new(16, Bugs::NONE);
        records.into_iter().for_each(|record| store.replay(record));
        store
    };
    for mut restarted in [replayed(log), replayed(store.snapshot().collect())] {
        assert!(restarted.contents().eq(store.contents()));
        assert_eq!(restarted.step(&put("b", 1, by(2, 5))).reply, None, "a copy from before the crash");
        assert_eq!(restarted.step(&put("d", 3, by(2, 6))).reply, OK);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever arrives, and however often: copies change nothing, and the records lead to the same map.
    #[test]
    fn copies_change_nothing_and_records_tell_all(script in prop::collection::vec((0..3_u64, 0..4_u64), 0..30), copies in prop::collection::vec(any::<prop::sample::Index>(), 0..30)) {
        let messages: Vec<Command> = (1..).zip(&script)
            .map(|(number, (clerk, version))| put(&format!("v{number}"), *version, by(*clerk, number)))
            .collect();
        let mut once = Store::new(16, Bugs::NONE);
        let log: Vec<Record> = messages.iter().filter_map(|message| once.step(message).persist).collect();

        let mut often = Store::new(16, Bugs::NONE);
        for (sent, message) in messages.iter().enumerate() {
            _ = often.step(message);
            for copy in &copies {
                prop_assert_eq!(often.step(&messages[copy.index(sent + 1)]), Effects { persist: None, reply: None });
            }
        }
        prop_assert!(once.contents().eq(often.contents()));

        let (mut replayed, mut compacted) = (Store::new(16, Bugs::NONE), Store::new(16, Bugs::NONE));
        log.into_iter().for_each(|record| replayed.replay(record));
        once.snapshot().for_each(|record| compacted.replay(record));
        prop_assert!(once.contents().eq(replayed.contents()) && once.contents().eq(compacted.contents()));
    }
}

#[test]
fn a_snapshot_keeps_those_who_are_remembered_and_no_others() {
    let mut store = Store::new(2, Bugs::NONE);
    for (version, clerk) in [(0, 1), (1, 2), (2, 3)] {
        assert_eq!(store.step(&put("a", version, by(clerk, 1))).reply, OK);
    }
    let mut restarted = Store::new(2, Bugs::NONE);
    store.snapshot().for_each(|record| restarted.replay(record));
    for store in [&mut store, &mut restarted] {
        let mut reply = |clerk| store.step(&put("a", 0, by(clerk, 1))).reply;
        assert_eq!((reply(2), reply(3), reply(1)), (None, None, VERSION));
    }
}

#[test]
fn server_bugs_change_exactly_their_step() {
    let mut resend = by(1, 3);
    resend.resend = true;
    let script = [
        put("a", 0, by(1, 1)),
        put("b", 0, by(2, 1)), // creates a key that exists
        put("c", 7, by(2, 2)), // from the future
        put("d", 4, resend),   // its first message, number 2, was lost
        get(),
    ];
    let right = [OK, VERSION, VERSION, VERSION, found("a", 1)];
    assert_eq!(replies(Bugs::NONE, &script), right);
    let wrong = |bug| replies(Bugs::only(bug), &script);
    assert_eq!(wrong(Bug::ZeroOverwrites), [OK, OK, VERSION, VERSION, found("b", 2)]);
    assert_eq!(wrong(Bug::AcceptsFutureVersion), [OK, VERSION, OK, VERSION, found("c", 8)]);
    assert_eq!(wrong(Bug::ReplyCacheWithoutSequence), [OK, VERSION, VERSION, OK, found("a", 1)]);
    for &bug in Bug::ALL {
        let changed = [Bug::ZeroOverwrites, Bug::AcceptsFutureVersion, Bug::ReplyCacheWithoutSequence];
        assert_eq!(wrong(bug) == right, !changed.contains(&bug), "{bug}");
    }
}

/// What the caller of a Put is told when this many messages were sent and only the last was answered.
fn told(bugs: Bugs, messages: u32, reply: Result<(), Rejection>) -> Result<(), PutError> {
    let mut call = PutCall::new(bugs);
    for message in 1..=messages {
        assert_eq!(call.send(), message > 1);
    }
    call.answered(reply)
}

#[test]
fn what_an_answer_means_to_the_clerk() {
    for messages in 1..4 {
        let told = |reply| told(Bugs::NONE, messages, reply);
        assert_eq!(told(Ok(())), Ok(()));
        assert_eq!(told(Err(Rejection::NoKey)), Err(PutError::NoKey), "no key ever vanishes");
        let refused = if messages == 1 { PutError::Version } else { PutError::Maybe };
        assert_eq!(told(Err(Rejection::Version)), Err(refused));
    }
}

#[test]
fn clerk_bugs_change_only_what_a_refused_resend_means() {
    let version = Err(Rejection::Version);
    assert_eq!(told(Bugs::only(Bug::ErrVersionAfterResend), 2, version), Err(PutError::Version));
    assert_eq!(told(Bugs::only(Bug::OkAfterResend), 2, version), Ok(()));
    for &bug in Bug::ALL {
        let told = |messages, reply| told(Bugs::only(bug), messages, reply);
        assert_eq!(told(1, version), Err(PutError::Version), "{bug}");
        assert_eq!(
            (told(2, Ok(())), told(2, Err(Rejection::NoKey))),
            (Ok(()), Err(PutError::NoKey)),
            "{bug}"
        );
        let changed = [Bug::ErrVersionAfterResend, Bug::OkAfterResend].contains(&bug);
        assert_eq!(told(2, version) == Err(PutError::Maybe), !changed, "{bug}");
    }
}

fn entry(value: &str, version: Version) -> Option<Versioned> {
    Some(Versioned { value: value.into(), version })
}

fn next_put(value: &str, version: Version) -> Next {
    Next::Put { value: value.into(), version }
}

#[test]
fn acquire_takes_what_is_free_and_knows_its_own_id() {
    let acquire = Acquire::new("me".into(), Bugs::NONE);
    assert_eq!(acquire.saw(None), next_put("me", 0));
    assert_eq!(acquire.saw(entry(FREE, 4).as_ref()), next_put("me", 4));
    assert_eq!(acquire.saw(entry("you", 4).as_ref()), Next::Wait);
    assert_eq!(acquire.saw(entry("me", 4).as_ref()), Next::Done);
}

#[test]
fn acquire_looks_after_anything_but_ok() {
    let tried = |bugs, outcome| {
        let mut acquire = Acquire::new("me".into(), bugs);
        (acquire.tried(outcome, || "new".into()), acquire.into_id())
    };
    let same = |next| (next, "me".to_owned());
    assert_eq!(tried(Bugs::NONE, Ok(())), same(Next::Done));
    let all = [PutError::Version, PutError::NoKey, PutError::Maybe, PutError::Unknown];
    for error in all {
        let unsure = matches!(error, PutError::Maybe | PutError::Unknown);
        assert_eq!(tried(Bugs::NONE, Err(error)), same(Next::Look));
        let takes = if unsure { Next::Done } else { Next::Look };
        assert_eq!(tried(Bugs::only(Bug::MaybeTakesLock), Err(error)), same(takes));
        let id = if unsure { "new" } else { "me" };
        assert_eq!(tried(Bugs::only(Bug::MaybeForgetsLock), Err(error)), (Next::Look, id.to_owned()));
    }
}

#[test]
fn release_frees_only_what_is_its_own() {
    let release = |bugs| Release::new("me".into(), bugs);
    let (right, wrong) = (release(Bugs::NONE), release(Bugs::only(Bug::ReleaseWithoutLooking)));
    for release in [&right, &wrong] {
        assert_eq!(release.saw(None), Next::Done);
        assert_eq!(release.saw(entry("me", 3).as_ref()), next_put(FREE, 3));
        assert_eq!(release.tried(Ok(())), Next::Done);
        assert_eq!(release.tried(Err(PutError::Maybe)), Next::Look);
    }
    assert_eq!(right.saw(entry("you", 5).as_ref()), Next::Done, "an earlier Put freed it");
    assert_eq!(wrong.saw(entry("you", 5).as_ref()), next_put(FREE, 5));
}
