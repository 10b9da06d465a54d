//! `step` never panics, whatever arrives: unknown servers, absurd numbers, nonsense in any order, with any bug.

use std::time::Duration;

use bytes::Bytes;
use proptest::collection::{btree_set, vec};
use proptest::prelude::*;

use super::super::super::bugs::{Bug, Bugs};
use super::super::super::message::{
    AppendEntries, Appended, Configuration, Entry, InstallSnapshot, Installed, Outcome, Payload, PreVote,
    Reply, Request, RequestVote, SnapshotMeta, TimeoutNow, Vote,
};
use super::super::{Change, Input, ReadProof};
use super::single::Single;

/// Small numbers mostly, that fit each other; and the ends of the range.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![12 => 0..8_u64, 1 => Just(u64::MAX), 1 => Just(u64::MAX - 1), 1 => any::<u64>()]
}

fn server() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 1..5_u64, 1 => number()]
}

fn members() -> impl Strategy<Value = Configuration> {
    let set = || btree_set(server(), 0..4);
    (set(), set(), set()).prop_map(|(voters, outgoing, learners)| Configuration {
        voters,
        outgoing,
        learners,
    })
}

fn payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        Just(Payload::Noop),
        Just(Payload::Command(Bytes::from_static(b"x"))),
        members().prop_map(Payload::Config)
    ]
}

/// Entries that follow each other, mostly.
fn entries(first: u64) -> impl Strategy<Value = Vec<Entry>> {
    vec((number(), payload(), 0..20), 0..4).prop_map(move |all| {
        let place = |(offset, (term, payload, odd)): (u64, (u64, Payload, i32))| {
            let index = if odd == 0 { term } else { first.saturating_add(offset) };
            Entry { index, term: term.min(3 + offset), payload }
        };
        (1..).zip(all).map(place).collect()
    })
}

fn meta() -> impl Strategy<Value = SnapshotMeta> {
    (number(), number(), members()).prop_map(|(last_index, last_term, config)| SnapshotMeta {
        last_index,
        last_term,
        config,
    })
}

fn append() -> impl Strategy<Value = Request> {
    (number(), number(), number(), number(), number())
        .prop_flat_map(|(term, prev_index, prev_term, commit, round)| {
            entries(prev_index).prop_map(move |entries| AppendEntries {
                term,
                prev_index,
                prev_term,
                entries,
                commit,
                round,
            })
        })
        .prop_map(Request::AppendEntries)
}

fn install() -> impl Strategy<Value = Request> {
    let numbers = (number(), number(), number(), number());
    (numbers, meta(), vec(any::<u8>(), 0..5)).prop_map(|((term, total, offset, round), meta, chunk)| {
        let chunk = Bytes::from(chunk);
        Request::InstallSnapshot(InstallSnapshot { term, meta, total, offset, chunk, round })
    })
}

fn request() -> impl Strategy<Value = Request> {
    let ask = || (number(), number(), number());
    prop_oneof![
        ask().prop_map(|(term, last_index, last_term)| Request::PreVote(PreVote {
            term,
            last_index,
            last_term
        })),
        (ask(), any::<bool>()).prop_map(|((term, last_index, last_term), transfer)| {
            Request::RequestVote(RequestVote { term, last_index, last_term, transfer })
        }),
        append().boxed(),
        install().boxed(),
        number().prop_map(|term| Request::TimeoutNow(TimeoutNow { term })),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let vote = || (number(), any::<bool>()).prop_map(|(term, granted)| Vote { term, granted });
    let outcome = prop_oneof![
        3 => number().prop_map(Outcome::Matched),
        1 => (proptest::option::of(number()), number(), number())
            .prop_map(|(term, first, refused)| Outcome::Conflict { term, first, refused }),
        1 => Just(Outcome::Stale),
    ];
    prop_oneof![
        vote().prop_map(Reply::PreVote),
        vote().prop_map(Reply::Vote),
        (number(), outcome, number()).prop_map(|(term, outcome, round)| Reply::Appended(Appended {
            term,
            outcome,
            round
        })),
        (number(), number(), proptest::option::of(number()), number()).prop_map(
            |(term, last_index, next, round)| Reply::Installed(Installed { term, last_index, next, round })
        ),
    ]
}

fn local() -> impl Strategy<Value = Input> {
    let change = prop_oneof![
        server().prop_map(Change::AddLearner),
        server().prop_map(Change::Promote),
        server().prop_map(Change::Remove),
        btree_set(server(), 0..4).prop_map(Change::Replace),
    ];
    let proof = prop_oneof![Just(ReadProof::Quorum), Just(ReadProof::Lease)];
    prop_oneof![
        Just(Input::Propose { ticket: 1, command: Bytes::from_static(b"c") }),
        proof.prop_map(|proof| Input::Read { ticket: 2, proof }),
        change.prop_map(|change| Input::Change { ticket: 3, change }),
        proptest::option::of(server()).prop_map(|to| Input::Transfer { ticket: 4, to }),
        (number(), number()).prop_map(|(term, index)| Input::Persisted { term, index }),
        (meta(), number()).prop_map(|(meta, length)| Input::Snapshotted { meta, length }),
        number().prop_map(Input::Applied),
        server().prop_map(Input::Silence),
        Just(Input::Tick),
    ]
}

/// What happens to a server: nonsense, or what lets it go on (time to campaign, votes, its disk).
#[derive(Debug, Clone)]
enum Happening {
    Any(u16, Input),
    Granted(u64),
    Matched(u64),
    Synced,
    Snapshot,
}

fn happening() -> impl Strategy<Value = Happening> {
    let input = prop_oneof![
        3 => (server(), request().boxed()).prop_map(|(from, request)| Input::Request(from, request)),
        3 => (server(), reply().boxed()).prop_map(|(from, reply)| Input::Reply(from, reply)),
        4 => local().boxed(),
    ];
    prop_oneof![
        6 => (any::<u16>(), input.boxed()).prop_map(|(later, input)| Happening::Any(later % 400, input)),
        2 => server().prop_map(Happening::Granted),
        2 => server().prop_map(Happening::Matched),
        2 => Just(Happening::Synced),
        1 => Just(Happening::Snapshot),
    ]
}

fn happen(server: &mut Single, happening: Happening) {
    match happening {
        Happening::Any(later, input) => {
            server.pass(Duration::from_millis(u64::from(later)));
            let tick = input == Input::Tick;
            server.step(input);
            let late = tick && server.raft.deadline() <= server.now;
            assert!(!late, "no tick is due for ever: {:?}", server.raft);
        }
        Happening::Granted(from) => {
            let term = server.raft.term();
            let ahead = Vote { term: term.saturating_add(1), granted: true };
            server.step(Input::Reply(from, Reply::PreVote(ahead)));
            server.step(Input::Reply(from, Reply::Vote(Vote { term, granted: true })));
        }
        Happening::Matched(from) => {
            if server.raft.leading.is_some() {
                let last = server.raft.last_index();
                server.matched(from, last);
            }
        }
        Happening::Synced => drop(server.sync()),
        Happening::Snapshot => {
            if let Some(meta) = server.raft.snapshot_meta(server.raft.applied_handed()) {
                server.step(Input::Snapshotted { meta, length: 9 });
            }
        }
    }
    let _ = (server.raft.deadline(), server.raft.status());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn step_never_panics(
        all in vec(happening().boxed(), 1..60),
        bug in 0..2 * Bug::ALL.len(),
        n in 1..4_u64,
    ) {
        let bugs = Bug::ALL.get(bug).map_or(Bugs::NONE, |&bug| Bugs::only(bug));
        let mut server = Single::new(n, bugs, 1, &[1, 1]);
        for what in all {
            happen(&mut server, what);
        }
    }
}

/// Found by `step_never_panics`: it stood for the last term there is, and was to ask again for ever.
#[test]
fn a_candidate_of_the_last_term_waits_for_its_next_timeout() {
    let mut server = Single::new(2, Bugs::only(Bug::NoPreVote), 1, &[1, 1]);
    let appended = Appended { term: u64::MAX - 1, outcome: Outcome::Matched(0), round: 0 };
    let asked = PreVote { term: 0, last_index: 0, last_term: 0 };
    for (later, input) in [
        (145, Input::Reply(1, Reply::Appended(appended))),
        (132, Input::Tick),
        (71, Input::Request(1, Request::PreVote(asked))),
        (100, Input::Tick),
    ] {
        happen(&mut server, Happening::Any(later, input));
    }
    assert_eq!(server.raft.term(), u64::MAX);
}
