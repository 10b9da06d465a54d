//! Random schedules: loss, copies, reordering, power failures, snapshots, reads, transfers, changes of membership. Safety
//! always; progress once it calms.

use std::collections::BTreeSet;

use super::super::super::bugs::{Bug, Bugs};
use super::super::super::message::ServerId;
use super::super::{Answer, Change, Config, Input, ReadProof};
use super::network::{CALM, Network, Weather};
use super::{Dice, config, ms, voters};

/// What a storm is like.
#[derive(Debug, Clone, Copy)]
struct Storm {
    seed: u64,
    /// Servers that vote at first.
    voters: u64,
    /// Others, that can be added.
    spare: u64,
}

impl Storm {
    fn new(seed: u64) -> Storm {
        Storm { seed, voters: 3 + 2 * (seed % 2), spare: 0 }
    }

    /// One in which the membership changes.
    fn of_members(seed: u64) -> Storm {
        Storm { seed, voters: 3 + seed % 2, spare: 2 }
    }

    /// Servers as different as clusters are.
    fn settings(self, bugs: Bugs) -> Box<dyn Fn(ServerId) -> Config> {
        let mut dice = Dice(!self.seed);
        let base = Config {
            pre_vote: dice.percent(75),
            check_quorum: dice.percent(75),
            noop: dice.percent(75),
            pipeline: 1 + usize::try_from(dice.below(4)).unwrap(),
            batch_entries: 1 + usize::try_from(dice.below(6)).unwrap(),
            chunk: 8 + usize::try_from(dice.below(60)).unwrap(),
            ..config(0, bugs)
        };
        Box::new(move |id| Config { id, ..base.clone() })
    }

    /// Runs it, and the calm after it. The error says what did not hold.
    fn run(self, bugs: Bugs) -> Result<(), String> {
        let all = self.voters + self.spare;
        let mut network = Network::with(self.seed, all, &voters(1..=self.voters), self.settings(bugs));
        let worst = network.dice.below(4);
        network.weather = Weather {
            loss: network.dice.below(5 * worst + 1),
            duplicates: network.dice.below(10 * worst + 1),
            latency: (1, 2 + network.dice.below(20)),
            fsync: (0, 1 + network.dice.below(10)),
        };
        for _ in 0..50 {
            let pause = 5 + network.dice.below(120);
            network.run(ms(pause));
            self.trouble(&mut network);
            if let Some(broken) = network.broken {
                return Err(broken);
            }
        }
        network.weather = CALM;
        network.cut.clear();
        for id in 1..=all {
            if !network.servers[&id].up {
                network.start(id);
            }
        }
        calm(network)
    }

    fn trouble(self, network: &mut Network) {
        let n = self.voters + self.spare;
        let id = 1 + network.dice.below(n);
        let other = 1 + network.dice.below(n);
        let chosen = if network.dice.percent(70) { network.leader().unwrap_or(id) } else { id };
        match network.dice.below(if self.spare > 0 { 20 } else { 16 }) {
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
            16.. => {
                let change = self.any_change(network, other);
                network.change(chosen, change);
            }
            _ => {
                for _ in 0..network.dice.below(6) {
                    network.propose(chosen);
                }
            }
        }
    }

    fn any_change(self, network: &mut Network, id: ServerId) -> Change {
        match network.dice.below(8) {
            0 | 1 => Change::AddLearner(id),
            2..=4 => Change::Promote(self.voters + 1 + network.dice.below(self.spare)),
            5 => Change::Remove(id),
            _ => {
                let all = 1..=self.voters + self.spare;
                let mut new: BTreeSet<ServerId> = all.filter(|_| network.dice.percent(60)).collect();
                new.insert(id);
                Change::Replace(new)
            }
        }
    }
}

/// From now on nothing fails: all members must come to the same state, and it must contain what is asked for now.
fn calm(mut network: Network) -> Result<(), String> {
    let before = network.answers.len();
    let place = |network: &Network, ticket: u64| {
        network.answers[before..].iter().find_map(|(_, answer)| match answer {
            Answer::Proposed { ticket: asked, index, .. } if *asked == ticket => Some(*index),
            _ => None,
        })
    };
    let mut members = None;
    for _ in 0..20 {
        network.run(ms(200));
        let Some(leader) = network.leader() else { continue };
        let ticket = network.propose(leader);
        network.run(ms(300));
        let config = network.servers[&leader].raft.configuration().clone();
        let mut all = config.voters.iter().chain(&config.learners);
        let mut everywhere = |index| all.all(|id| network.servers[id].machine.applied >= index);
        let place = place(&network, ticket).filter(|&index| everywhere(index));
        if let (true, Some(index)) = (config.outgoing.is_empty(), place) {
            members = Some((config, index));
            break;
        }
    }
    if let Some(broken) = network.broken {
        return Err(broken);
    }
    let Some((config, index)) = members else {
        let servers: Vec<_> = network.servers.values().map(|server| &server.raft).collect();
        return Err(format!("no progress: {servers:?}"));
    };
    let state = |id: &ServerId| {
        let commands = &network.servers[id].machine.commands;
        commands.iter().take_while(|(at, _)| *at <= index).collect::<Vec<_>>()
    };
    let mut states = config.voters.union(&config.learners).map(state);
    let first = states.next().unwrap();
    if !states.all(|state| state == first) {
        return Err("the state machines differ".to_owned());
    }
    for a in network.disks.values() {
        for b in network.disks.values() {
            super::ghost::log_matching(a, b)?;
        }
    }
    Ok(())
}

#[test]
fn storms_break_nothing_and_pass() {
    for seed in 0..150 {
        for storm in [Storm::new(seed), Storm::of_members(seed)] {
            if let Err(broken) = storm.run(Bugs::NONE) {
                panic!("{storm:?}: {broken}");
            }
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
        Bug::ConflictHintOffByOne,
        Bug::LearnersCount,
        Bug::ConfigAtCommit,
        Bug::QuorumIsHalf,
    ];
    for bug in bugs {
        let falls = |storm: Storm| storm.run(Bugs::only(bug)).is_err();
        let caught = (0..20).find(|&seed| falls(Storm::new(seed)) || falls(Storm::of_members(seed)));
        assert!(caught.is_some(), "nothing catches {bug}");
    }
}

/// A cluster of three to which nothing happens: it elects, replicates, reads.
fn fair_weather(bugs: Bugs) -> Result<(), String> {
    let mut network = Network::new(7, 3, &voters(1..=3), bugs);
    for id in 2..=3 {
        network.crash(id);
        network.run(ms(40));
        network.start(id);
    }
    network.run(ms(1000));
    let leader = network.leader().ok_or("nobody leads")?;
    for _ in 0..20 {
        network.propose(leader);
        network.run(ms(30));
    }
    let ticket = network.read(leader, ReadProof::Quorum);
    network.run(ms(300));
    let read = |(_, answer): &(ServerId, Answer)| matches!(answer, Answer::ReadAt { ticket: of, .. } if *of == ticket);
    let applied = network.servers.values().all(|server| server.machine.commands.len() == 20);
    match network.broken {
        None if applied && network.answers.iter().any(read) => Ok(()),
        None => Err(format!("{:?}", network.answers)),
        Some(broken) => Err(broken),
    }
}

#[test]
fn in_fair_weather_no_bug_shows() {
    for bug in Bug::ALL {
        if let Err(shown) = fair_weather(Bugs::only(*bug)) {
            panic!("{bug}: {shown}");
        }
    }
}
