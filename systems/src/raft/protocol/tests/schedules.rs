//! Random schedules: loss, copies, reordering, power failures, snapshots, reads. Safety always; progress once it calms.

use super::super::super::bugs::{Bug, Bugs};
use super::super::super::message::ServerId;
use super::super::{Answer, Input, ReadProof};
use super::network::{CALM, Network, Weather};
use super::{ms, voters};

/// A storm and a calm. The error says what did not hold.
fn storm(seed: u64, bugs: Bugs) -> Result<Network, String> {
    let n = 3 + 2 * (seed % 2);
    let mut network = Network::new(seed, n, &voters(1..=n), bugs);
    let worst = network.dice.below(4);
    network.weather = Weather {
        loss: network.dice.below(5 * worst + 1),
        duplicates: network.dice.below(10 * worst + 1),
        latency: (1, 2 + network.dice.below(20)),
        fsync: (0, 1 + network.dice.below(10)),
    };
    for _ in 0..60 {
        let pause = 5 + network.dice.below(120);
        network.run(ms(pause));
        trouble(&mut network, n);
        if let Some(broken) = network.broken {
            return Err(broken);
        }
    }
    network.weather = CALM;
    network.cut.clear();
    for id in 1..=n {
        if !network.servers[&id].up {
            network.start(id);
        }
    }
    calm(network)
}

fn trouble(network: &mut Network, n: u64) {
    let id = 1 + network.dice.below(n);
    let other = 1 + network.dice.below(n);
    let chosen = if network.dice.percent(70) { network.leader().unwrap_or(id) } else { id };
    match network.dice.below(16) {
        0 if network.servers[&chosen].up => network.crash(chosen),
        1..=3 if !network.servers[&id].up => network.start(id),
        4 => {
            network.cut.insert((chosen, other));
            if network.dice.percent(60) {
                network.cut.insert((other, chosen));
            }
        }
        5 => network.cut.extend((1..=n).flat_map(|peer| [(chosen, peer), (peer, chosen)])),
        6 | 7 => network.cut.clear(),
        8 => network.snapshot(chosen),
        9 => drop(network.read(chosen, ReadProof::Quorum)),
        10 => drop(network.read(chosen, ReadProof::Lease)),
        11 => {
            let ticket = network.ticket();
            network.input(chosen, Input::Transfer { ticket, to: None });
        }
        _ => {
            for _ in 0..network.dice.below(6) {
                network.propose(chosen);
            }
        }
    }
}

/// From now on nothing fails: all servers must come to the same state, and it must contain what is asked for now.
fn calm(mut network: Network) -> Result<Network, String> {
    let before = network.answers.len();
    let taken = |network: &Network, ticket: u64| {
        let proposed = |answer: &(ServerId, Answer)| match answer.1 {
            Answer::Proposed { ticket: asked, index, .. } if asked == ticket => Some(index),
            _ => None,
        };
        network.answers[before..].iter().find_map(proposed)
    };
    let mut done = None;
    for _ in 0..20 {
        network.run(ms(200));
        let Some(leader) = network.leader() else { continue };
        let ticket = network.propose(leader);
        network.run(ms(200));
        let everywhere = |index| network.servers.values().all(|server| server.machine.applied >= index);
        if let Some(index) = taken(&network, ticket).filter(|&index| everywhere(index)) {
            done = Some(index);
            break;
        }
    }
    if let Some(broken) = network.broken {
        return Err(broken);
    }
    if done.is_none() {
        return Err(format!(
            "no progress: {:?}",
            network.servers.values().map(|s| s.raft.status()).collect::<Vec<_>>()
        ));
    }
    network.run(ms(200));
    let mut machines = network.servers.values().map(|server| &server.machine);
    let first = machines.next().unwrap();
    if !machines.all(|machine| machine == first) {
        return Err("the state machines differ".to_owned());
    }
    for a in network.disks.values() {
        for b in network.disks.values() {
            super::ghost::log_matching(a, b)?;
        }
    }
    Ok(network)
}

#[test]
fn storms_break_nothing_and_pass() {
    for seed in 0..60 {
        if let Err(broken) = storm(seed, Bugs::NONE) {
            panic!("seed {seed}: {broken}");
        }
    }
}

#[test]
fn planted_bugs_do_not_pass() {
    let bugs = [
        Bug::VotesWithoutLogCheck,
        Bug::VotesTwiceInTerm,
        Bug::CountsUnsyncedSelf,
        Bug::CommitBeyondVerified,
        Bug::TruncatesMatching,
        Bug::MatchIsLastIndex,
        Bug::NextNotCorrected,
        Bug::ReadsLocally,
        Bug::ConflictHintOffByOne,
    ];
    for bug in bugs {
        let caught = (0..200).find(|&seed| storm(seed, Bugs::only(bug)).is_err());
        assert!(caught.is_some(), "nothing catches {bug}");
    }
}
