//! The table of client sessions (§8; thesis §6.3).
//!
//! It is part of the replicated state, so that a resend is recognised by whichever server executes it, and part of its
//! snapshots. It is bounded: when there is no room for one more, the session that was used least recently ends, on every
//! server at the same entry. Whoever returns to a session that has ended is told so, and nothing is executed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::message::{By, Once};
use crate::raft::message::Index;

/// One client's session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Session<T> {
    /// The latest write that was executed in it; 0 before the first.
    pub number: u64,
    /// The entry that used it last.
    pub used: Index,
    /// The result of that write.
    pub last: T,
}

/// The sessions by name. `T` is the result of a write, kept for the last one of each session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sessions<T>(BTreeMap<u64, Session<T>>);

impl<T> Default for Sessions<T> {
    fn default() -> Self {
        Sessions(BTreeMap::new())
    }
}

impl<T: Clone + Default> Sessions<T> {
    /// Opens a session at this entry. Where there are more then than `most` (at least 1, the same on every server), those
    /// used least recently end: their names. A name must never be used twice; the index of the entry that opens it is such
    /// a name.
    pub fn open(&mut self, name: u64, index: Index, most: usize) -> Vec<u64> {
        let mut ended = Vec::new();
        while self.0.len() >= most.max(1)
            && let Some(least) = self.least_recent()
        {
            self.end(least);
            ended.push(least);
        }
        self.0.insert(name, Session { number: 0, used: index, last: T::default() });
        ended
    }

    fn least_recent(&self) -> Option<u64> {
        self.iter().min_by_key(|(_, session)| session.used).map(|(name, _)| name)
    }

    /// Executes a write at this entry, unless it was executed before: then its result is what it was the first time.
    pub fn once(&mut self, by: By, index: Index, execute: impl FnOnce() -> T) -> Once<T> {
        let Some(session) = self.0.get_mut(&by.session) else { return Once::Expired };
        session.used = index;
        if by.number < session.number {
            return Once::Past;
        }
        if by.number > session.number {
            (session.number, session.last) = (by.number, execute());
        }
        Once::Done(session.last.clone())
    }

    /// Ends a session, if it has not ended.
    pub fn end(&mut self, name: u64) -> Option<Session<T>> {
        self.0.remove(&name)
    }

    /// All sessions, by name.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Session<T>)> {
        self.0.iter().map(|(&name, session)| (name, session))
    }

    /// The session of this name, unless it has ended.
    pub fn get(&self, name: u64) -> Option<&Session<T>> {
        self.0.get(&name)
    }

    /// How many are open.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is open.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by(session: u64, number: u64) -> By {
        By { session, number }
    }

    #[test]
    fn a_write_is_executed_once_and_answered_alike() {
        let mut sessions: Sessions<&str> = Sessions::default();
        sessions.open(1, 1, 4);
        assert_eq!(sessions.once(by(1, 1), 2, || "first"), Once::Done("first"));
        assert_eq!(sessions.once(by(1, 1), 3, || "again"), Once::Done("first"));
        assert_eq!(sessions.once(by(1, 3), 4, || "third"), Once::Done("third"), "numbers may be left out");
        assert_eq!(sessions.once(by(1, 2), 5, || "late"), Once::Past);
        assert_eq!(sessions.once(by(9, 1), 6, || "nobody"), Once::Expired);
    }

    #[test]
    fn the_session_used_least_recently_ends() {
        let mut sessions: Sessions<()> = Sessions::default();
        for index in [1, 2] {
            sessions.open(index, index, 2);
        }
        sessions.once(by(1, 1), 3, || ());
        assert_eq!(sessions.open(4, 4, 2), [2]);
        assert_eq!(sessions.len(), 2);
        assert_eq!(sessions.once(by(2, 1), 5, || panic!("executed")), Once::Expired);
        assert_eq!(sessions.once(by(1, 2), 6, || ()), Once::Done(()));
        assert_eq!(sessions.open(7, 7, 1), [4, 1], "there is less room now");
        assert_eq!(sessions.len(), 1);
    }
}
