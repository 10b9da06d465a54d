//! The state machine: a map of versioned values and the table of sessions. Commands in, effects out.
//!
//! And the clerk's share in the contract of the versioned put: what an answer means, given what was sent before it.

mod scans;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bugs::{Bug, Bugs};
use super::message::{Action, Answer, By, Command, Once, Page, Range, Rejection, Versioned, Write};
use crate::raft::message::Index;
use crate::rsm::{Sessions, decode, encode};

/// What one command did, in the order in which the shell shows and answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "whoever submitted the command waits for the reply"]
pub struct Effects {
    /// For the observer: which session was opened, if any.
    pub opened: Option<u64>,
    /// For the observer: the sessions that ended to make room.
    pub ended: Vec<u64>,
    /// For the observer: the write was executed, with this result; not so a copy of one that had been before.
    pub executed: Option<Answer>,
    /// The result, for whoever submitted the command.
    pub reply: Outcome,
}

/// The result of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Of `Open`: the session's name.
    Opened(u64),
    /// Of a write.
    Written(Once<Answer>),
    /// Of a read.
    Found(Option<Versioned>),
    /// Of a scan.
    Scanned(Page),
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    /// The last command that was applied.
    applied: Index,
    map: BTreeMap<String, Versioned>,
    sessions: Sessions<Answer>,
    /// For how many of them there is room.
    room: usize,
}

/// The replicated store.
#[derive(Debug, Clone)]
pub struct Store {
    state: State,
    bugs: Bugs,
}

impl Store {
    /// An empty store.
    pub fn new(bugs: Bugs) -> Self {
        Store { state: State::default(), bugs }
    }

    /// Executes the command at this entry of the log.
    pub fn apply(&mut self, index: Index, command: Command) -> Effects {
        self.state.applied = index;
        let effects = |reply| Effects { opened: None, ended: Vec::new(), executed: None, reply };
        match command {
            Command::Open { room } => {
                self.state.room = room.max(1);
                // A session is named by the entry that opened it, so that no name is ever used twice.
                let ended = self.open(index);
                Effects { opened: Some(index), ended, ..effects(Outcome::Opened(index)) }
            }
            Command::Write(write) => {
                let (executed, once) = self.write(index, write);
                Effects { executed, ..effects(Outcome::Written(once)) }
            }
            Command::Get(key) => effects(Outcome::Found(self.get(&key).cloned())),
            Command::Scan(range) => effects(Outcome::Scanned(self.scan(&range))),
        }
    }

    /// The value of a key and its version, if it exists.
    pub fn get(&self, key: &str) -> Option<&Versioned> {
        self.state.map.get(key)
    }

    /// The range of keys, from its beginning to where it is too long for one answer.
    pub fn scan(&self, range: &Range) -> Page {
        scans::page(&self.state.map, range)
    }

    /// The result of the write, if it was the last of its session that was executed.
    pub fn known(&self, by: By) -> Option<Answer> {
        self.state
            .sessions
            .get(by.session)
            .filter(|session| session.number == by.number)
            .map(|last| last.last)
    }

    /// The index of the last command that was applied.
    pub fn applied(&self) -> Index {
        self.state.applied
    }

    /// How many sessions are open, and for how many there is room.
    pub fn sessions(&self) -> (usize, usize) {
        (self.state.sessions.len(), self.state.room)
    }

    /// Everything, as bytes.
    pub fn snapshot(&self) -> Vec<u8> {
        if self.bugs.has(Bug::SnapshotWithoutSessions) {
            return encode(&State { sessions: Sessions::default(), ..self.state.clone() });
        }
        self.whole()
    }

    /// Everything, as bytes, for the observer to compare.
    pub fn whole(&self) -> Vec<u8> {
        encode(&self.state)
    }

    /// Puts a snapshot in place of the state.
    ///
    /// # Errors
    /// When the bytes are none; says why.
    pub fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        self.state = decode(snapshot)?;
        Ok(())
    }

    /// All sessions end: [`Bug::ExpiresByLocalClock`].
    pub(super) fn forget_sessions(&mut self) {
        self.state.sessions = Sessions::default();
    }

    fn open(&mut self, index: Index) -> Vec<u64> {
        let State { sessions, room, .. } = &mut self.state;
        let mut ended = Vec::new();
        while self.bugs.has(Bug::EndsFirstOpened) && sessions.len() >= *room {
            let first = sessions.iter().map(|(name, _)| name).next();
            ended.extend(first.into_iter().filter(|first| sessions.end(*first).is_some()));
        }
        ended.extend(sessions.open(index, index, *room));
        ended
    }

    fn write(&mut self, index: Index, Write { by, key, action }: Write) -> (Option<Answer>, Once<Answer>) {
        let State { map, sessions, room, .. } = &mut self.state;
        let bugs = self.bugs;
        if bugs.has(Bug::ExpiredIsNew) && sessions.get(by.session).is_none() {
            sessions.open(by.session, index, *room);
        }
        let last = sessions.get(by.session).map_or(0, |session| session.number);
        if by.number == last && (bugs.has(Bug::ForgetsNumbers) || bugs.has(Bug::ChecksAtReceipt))
            || by.number < last && (bugs.has(Bug::ForgetsNumbers) || bugs.has(Bug::ExecutesPast))
        {
            let answer = execute(map, key, action, bugs);
            return (Some(answer), Once::Done(answer));
        }
        let mut executed = None;
        let once = sessions.once(by, index, || *executed.insert(execute(map, key, action, bugs)));
        if bugs.has(Bug::AnswersPast) && once == Once::Past {
            return (None, Once::Done(Answer::Done));
        }
        (executed, once)
    }
}

fn execute(map: &mut BTreeMap<String, Versioned>, key: String, action: Action, bugs: Bugs) -> Answer {
    let found = map.get(&key);
    let version = found.map_or(0, |found| found.version);
    let value = match action {
        Action::Put(value) => value,
        Action::PutAt(value, at) if at == version => value,
        Action::PutAt(..) if version == 0 => return Answer::Refused(Rejection::NoKey),
        Action::PutAt(..) => return Answer::Refused(Rejection::Version),
        Action::Append(more) => {
            let before = found.map_or("", |found| &found.value);
            if bugs.has(Bug::KnowsByContent) && before.ends_with(&more) {
                return Answer::Done;
            }
            [before, &more].concat()
        }
        Action::Cas(from, _) if from.as_ref() != found.map(|found| &found.value) => return Answer::Differs,
        Action::Cas(_, to) => to,
    };
    map.insert(key, Versioned { value, version: version + 1 });
    Answer::Done
}

/// Why a versioned put did not return `Ok`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PutError {
    /// Not installed, now or ever: the key has another version (`ErrVersion`).
    #[error("not installed: the key has another version")]
    Version,
    /// Not installed, now or ever: the key does not exist (`ErrNoKey`).
    #[error("not installed: the key does not exist")]
    NoKey,
    /// Installed by an earlier message or not at all, and never later (`ErrMaybe`).
    #[error("perhaps installed: a resend was refused, an earlier message may not have been")]
    Maybe,
    /// No server took it in time: not installed.
    #[error("certainly not installed: no leader took it in time")]
    NotDone,
    /// The clerk's patience ended. Installed, or not, or yet to be.
    #[error("unknown: no answer within the clerk's patience")]
    Unknown,
}

/// What a caller is told of its versioned put. A refusal is definite only if no earlier message may have been executed:
/// that one may be the very reason of the refusal. But keys never vanish: one that is missing now was missing then.
///
/// # Errors
/// See [`PutError`].
pub fn told(answer: Answer, doubt: bool) -> Result<(), PutError> {
    match answer {
        Answer::Refused(Rejection::Version) if doubt => Err(PutError::Maybe),
        Answer::Refused(Rejection::Version) => Err(PutError::Version),
        Answer::Refused(Rejection::NoKey) => Err(PutError::NoKey),
        Answer::Done | Answer::Differs => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Command = Command::Open { room: 4 };

    fn write(session: u64, number: u64, action: Action) -> Command {
        Command::Write(Write { by: By { session, number }, key: "k".into(), action })
    }

    /// Applies commands one after the other, from the entry after the last; the reply to the last.
    fn apply<const N: usize>(store: &mut Store, commands: [Command; N]) -> Outcome {
        let apply = |command| store.apply(store.applied() + 1, command).reply;
        commands.map(apply).into_iter().next_back().unwrap()
    }

    fn value(store: &Store) -> &str {
        store.get("k").map_or("", |found| &found.value)
    }

    #[test]
    fn writes_do_what_they_say() {
        let mut store = Store::new(Bugs::NONE);
        let done = Outcome::Written(Once::Done(Answer::Done));
        let refused = |why| Outcome::Written(Once::Done(Answer::Refused(why)));
        assert_eq!(apply(&mut store, [OPEN]), Outcome::Opened(1));
        for (number, action, reply, then) in [
            (1, Action::PutAt("a".into(), 1), refused(Rejection::NoKey), ""),
            (2, Action::PutAt("a".into(), 0), done.clone(), "a"),
            (3, Action::PutAt("b".into(), 0), refused(Rejection::Version), "a"),
            (4, Action::Append("c".into()), done.clone(), "ac"),
            (5, Action::Cas(None, "d".into()), Outcome::Written(Once::Done(Answer::Differs)), "ac"),
            (6, Action::Cas(Some("ac".into()), "d".into()), done.clone(), "d"),
            (7, Action::Put("e".into()), done, "e"),
        ] {
            assert_eq!(apply(&mut store, [write(1, number, action.clone())]), reply, "{action:?}");
            assert_eq!(value(&store), then, "{action:?}");
        }
        let found = Some(Versioned { value: "e".into(), version: 4 });
        assert_eq!(apply(&mut store, [Command::Get("k".into())]), Outcome::Found(found));
    }

    #[test]
    fn a_restored_store_knows_what_was_executed() {
        let mut one = Store::new(Bugs::NONE);
        let append = || write(1, 1, Action::Append("a".into()));
        _ = apply(&mut one, [OPEN, append()]);
        let mut other = Store::new(Bugs::NONE);
        other.restore(&one.snapshot()).unwrap();
        assert_eq!(apply(&mut other, [append()]), Outcome::Written(Once::Done(Answer::Done)));
        assert_eq!((value(&other), other.known(By { session: 1, number: 1 })), ("a", Some(Answer::Done)));
        assert!(other.restore(&[0xff; 3]).is_err());
    }

    #[test]
    fn the_log_says_for_how_many_there_is_room() {
        let mut store = Store::new(Bugs::NONE);
        let open = |store: &mut Store, room| {
            let Effects { ended, .. } = store.apply(store.applied() + 1, Command::Open { room });
            (ended, store.sessions())
        };
        assert_eq!(open(&mut store, 2), (vec![], (1, 2)));
        assert_eq!(open(&mut store, 2), (vec![], (2, 2)));
        assert_eq!(open(&mut store, 3), (vec![], (3, 3)));
        assert_eq!(open(&mut store, 2), (vec![1, 2], (2, 2)), "another leads, and has less");
        assert_eq!(open(&mut store, 0), (vec![3, 4], (1, 1)));
        let mut other = Store::new(Bugs::NONE);
        other.restore(&store.snapshot()).unwrap();
        assert_eq!(other.sessions(), (1, 1));
    }

    #[test]
    fn what_an_answer_means_depends_on_what_was_sent() {
        let version = Answer::Refused(Rejection::Version);
        assert_eq!(told(version, false), Err(PutError::Version));
        assert_eq!(told(version, true), Err(PutError::Maybe));
        assert_eq!(told(Answer::Refused(Rejection::NoKey), true), Err(PutError::NoKey));
        assert_eq!(told(Answer::Done, true), Ok(()));
    }
}
