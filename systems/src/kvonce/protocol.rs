//! The server's state and its one step, pure: values in, effects out.

use std::collections::BTreeMap;

use super::bugs::{Bug, Bugs};
use super::message::{Command, RequestId};

/// What one step did, and what the shell must do.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a clerk waits for the reply"]
pub struct Effects {
    /// Whether a write was executed now (and not at an earlier copy of the request). The observer is told first.
    pub executed: bool,
    /// Then: answer. `None`: the clerk has moved on, nobody waits for this copy.
    pub reply: Option<String>,
}

/// The key/value map and the table of clerks.
#[derive(Debug, Clone)]
pub struct Store {
    entries: BTreeMap<String, String>,
    sessions: BTreeMap<u64, Session>,
    bugs: Bugs,
}

/// The last write of a clerk.
#[derive(Debug, Clone)]
struct Session {
    sequence: u64,
    /// Its reply, until a later request of the clerk shows that it was heard.
    reply: Option<String>,
}

impl Store {
    /// An empty store.
    pub fn new(bugs: Bugs) -> Self {
        Store { entries: BTreeMap::new(), sessions: BTreeMap::new(), bugs }
    }

    /// Performs one request, unless it is a copy.
    pub fn step(&mut self, command: &Command) -> Effects {
        if let Command::Get(get) = command {
            self.acknowledge(get.by);
        } else if let Some(reply) = self.remembered(command) {
            return Effects { executed: false, reply };
        }
        self.execute(command)
    }

    /// How many clerks have an entry in the table.
    pub fn clerks(&self) -> usize {
        self.sessions.len()
    }

    /// The number of the operation of this clerk whose reply is kept.
    pub fn kept(&self, clerk: u64) -> Option<u64> {
        self.sessions.get(&clerk).filter(|session| session.reply.is_some()).map(|session| session.sequence)
    }

    fn value(&self, key: &str) -> String {
        self.entries.get(key).cloned().unwrap_or_default()
    }

    /// A Get numbered `n` shows that the replies to all writes before `n` were heard.
    fn acknowledge(&mut self, by: RequestId) {
        if self.bugs.has(Bug::RemembersReaders) {
            self.sessions.entry(by.clerk).or_insert(Session { sequence: 0, reply: None });
        }
        match self.sessions.get_mut(&by.clerk) {
            Some(last) if by.sequence > last.sequence && !self.bugs.has(Bug::KeepsAcknowledged) => {
                last.reply = None;
            }
            _ => {}
        }
    }

    /// For a copy of a write that was executed: its reply, or `Some(None)` when nobody waits for it any more.
    fn remembered(&self, command: &Command) -> Option<Option<String>> {
        let by = command.by();
        let last = self.sessions.get(&by.clerk)?;
        if by.resend && self.bugs.has(Bug::ReplyCacheWithoutSequence) {
            return Some(last.reply.clone());
        }
        if matches!(command, Command::Append(_)) && self.bugs.has(Bug::AppendsAgain) {
            return None;
        }
        if by.sequence == last.sequence {
            return Some(last.reply.clone());
        }
        (by.sequence < last.sequence && !self.bugs.has(Bug::ExecutesLateCopies)).then_some(None)
    }

    fn execute(&mut self, command: &Command) -> Effects {
        let by = command.by();
        let reply = match command {
            Command::Get(get) => return Effects { executed: false, reply: Some(self.value(&get.key)) },
            Command::Put(put) => {
                self.entries.insert(put.key.clone(), put.value.clone());
                String::new()
            }
            Command::Append(append) => {
                let before = self.value(&append.key);
                self.entries.entry(append.key.clone()).or_default().push_str(&append.value);
                before
            }
        };
        let kept = if self.bugs.has(Bug::ReplyDroppedAtOnce) { String::new() } else { reply.clone() };
        self.sessions.insert(by.clerk, Session { sequence: by.sequence, reply: Some(kept) });
        Effects { executed: true, reply: Some(reply) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{Append, Get, Put};
    use super::*;

    fn by(clerk: u64, sequence: u64) -> RequestId {
        RequestId { clerk, sequence, resend: false }
    }

    fn again(clerk: u64, sequence: u64) -> RequestId {
        RequestId { clerk, sequence, resend: true }
    }

    fn get(by: RequestId) -> Command {
        Command::Get(Get { key: "k".into(), by })
    }

    fn put(value: &str, by: RequestId) -> Command {
        Command::Put(Put { key: "k".into(), value: value.into(), by })
    }

    fn append(value: &str, by: RequestId) -> Command {
        Command::Append(Append { key: "k".into(), value: value.into(), by })
    }

    fn replies(bugs: Bugs, script: &[Command]) -> Vec<Option<String>> {
        let mut store = Store::new(bugs);
        script.iter().map(|command| store.step(command).reply).collect()
    }

    fn some(replies: &[&str]) -> Vec<Option<String>> {
        replies.iter().map(|reply| Some((*reply).to_owned())).collect()
    }

    #[test]
    fn a_missing_key_reads_as_empty_and_append_returns_the_value_before() {
        let script = [get(by(1, 1)), append("a", by(1, 2)), append("b", by(1, 3)), get(by(1, 4))];
        assert_eq!(replies(Bugs::NONE, &script), some(&["", "", "a", "ab"]));
        assert_eq!(replies(Bugs::NONE, &[put("x", by(1, 1)), get(by(1, 2))]), some(&["", "x"]));
    }

    #[test]
    fn a_resend_gets_the_first_reply_and_changes_nothing() {
        let script = [put("a", by(1, 1)), append("b", by(1, 2)), append("b", again(1, 2)), get(by(2, 1))];
        assert_eq!(replies(Bugs::NONE, &script), some(&["", "a", "a", "ab"]));
    }

    #[test]
    fn a_copy_from_before_is_not_answered() {
        let mut store = Store::new(Bugs::NONE);
        let steps =
            [append("a", by(1, 1)), append("b", by(1, 2)), append("a", by(1, 1)), append("b", by(1, 2))];
        let effects = steps.map(|command| store.step(&command));
        let effect = |executed, reply: Option<&str>| Effects { executed, reply: reply.map(str::to_owned) };
        let expected =
            [effect(true, Some("")), effect(true, Some("a")), effect(false, None), effect(false, Some("a"))];
        assert_eq!(effects, expected);
    }

    #[test]
    fn one_reply_a_clerk_until_the_next_request_and_none_for_readers() {
        let mut store = Store::new(Bugs::NONE);
        let mut after = |command| {
            _ = store.step(&command);
            (store.clerks(), store.kept(1))
        };
        assert_eq!(after(get(by(1, 1))), (0, None));
        assert_eq!(after(put("a", by(1, 2))), (1, Some(2)));
        assert_eq!(after(get(by(1, 1))), (1, Some(2)), "a late Get acknowledges nothing");
        assert_eq!(after(put("b", by(1, 3))), (1, Some(3)));
        assert_eq!(after(get(by(1, 4))), (1, None));
        assert_eq!(after(put("b", by(1, 3))), (1, None), "a late copy");
        assert_eq!(store.value("k"), "b");
    }

    #[test]
    fn bugs_change_exactly_their_step() {
        let script = [
            append("a", by(1, 1)),
            append("b", by(1, 2)),
            append("b", again(1, 2)), // the reply was lost
            append("c", again(1, 3)), // the first request was lost
            put("d", by(2, 1)),
            put("e", by(2, 2)),
            put("d", by(2, 1)), // a late copy
            get(by(3, 1)),
        ];
        let right = ["", "a", "a", "ab", "", "", "-", "e"];
        let table = [
            (Bug::ReplyCacheWithoutSequence, ["", "a", "a", "a", "", "", "-", "e"]),
            (Bug::ReplyDroppedAtOnce, ["", "a", "", "ab", "", "", "-", "e"]),
            (Bug::AppendsAgain, ["", "a", "ab", "abb", "", "", "-", "e"]),
            (Bug::ExecutesLateCopies, ["", "a", "a", "ab", "", "", "", "d"]),
            (Bug::KeepsAcknowledged, right),
            (Bug::RemembersReaders, right),
        ];
        assert_eq!(table.map(|(bug, _)| bug), Bug::ALL);
        let said = |bugs| replies(bugs, &script).into_iter().map(|reply| reply.unwrap_or("-".into()));
        assert!(said(Bugs::NONE).eq(right));
        for (bug, wrong) in table {
            assert_eq!(said(Bugs::only(bug)).collect::<Vec<_>>(), wrong, "{bug}");
        }
    }

    #[test]
    fn bugs_of_memory_change_exactly_what_is_kept() {
        let kept = |bugs| {
            let mut store = Store::new(bugs);
            for command in [put("a", by(1, 1)), get(by(1, 2)), get(by(2, 1))] {
                _ = store.step(&command);
            }
            (store.clerks(), store.kept(1))
        };
        assert_eq!(kept(Bugs::NONE), (1, None));
        assert_eq!(kept(Bugs::only(Bug::KeepsAcknowledged)), (1, Some(1)));
        assert_eq!(kept(Bugs::only(Bug::RemembersReaders)), (2, None));
    }
}
