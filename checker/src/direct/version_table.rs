//! What was said about each version.

use super::{Answer, Entry, Role, Ruling};
use std::collections::BTreeMap;

/// One version.
#[derive(Debug, Default)]
pub(super) struct Version<'a> {
    /// The put over the version before that was answered so.
    done: Option<usize>,
    /// Other puts over the version before that may have taken effect.
    perhaps: Vec<usize>,
    /// Who read it.
    pub(super) reads: Vec<usize>,
    /// Its value, if it was read.
    value: Option<&'a str>,
    /// Not made before this, as failed puts have forced.
    pub(super) not_before: u64,
}

impl Version<'_> {
    /// The puts that can have made it.
    pub(super) fn makers(&self, entries: &[Entry<'_>]) -> impl Iterator<Item = usize> {
        let fits = move |at: &usize| match entries[*at].role {
            Role::VersionedPut { value, .. } => self.value.is_none_or(|read| read == value),
            _ => false,
        };
        let perhaps = if self.done.is_none() { &self.perhaps[..] } else { &[] };
        self.done.into_iter().chain(perhaps.iter().copied().filter(fits))
    }

    /// All puts over the version before.
    pub(super) fn all(&self) -> impl Iterator<Item = usize> {
        self.done.into_iter().chain(self.perhaps.iter().copied())
    }
}

/// What was said.
pub(super) struct Table<'a> {
    /// From version 1 on, as far as a put may have made each.
    pub(super) versions: Vec<Version<'a>>,
    /// The last version that somebody saw or made.
    pub(super) seen: usize,
    /// One that did.
    pub(super) asks_for_last: Option<usize>,
    /// Who found nothing.
    pub(super) missing: Vec<usize>,
    /// Puts that found another version.
    pub(super) failed: Vec<usize>,
    /// Whether a failed put has forced anything.
    pub(super) forced: bool,
}

impl<'a> Table<'a> {
    /// Whatever is wrong without regard to time is wrong here.
    pub(super) fn of(entries: &[Entry<'a>]) -> Result<Self, Ruling> {
        let mut versions: BTreeMap<u64, Version<'a>> = BTreeMap::new();
        let (mut missing, mut failed) = (Vec::new(), Vec::new());
        let mut last: Option<(u64, usize)> = None;
        for (at, entry) in entries.iter().enumerate() {
            match entry.role {
                Role::Look => {}
                Role::VersionedRead(None) => missing.push(at),
                Role::VersionedRead(Some((_, 0))) => return Err(Ruling::Wrong(vec![at])),
                Role::VersionedRead(Some((value, version))) => {
                    let known = versions.entry(version).or_default();
                    if known.value.is_some_and(|before| before != value) {
                        return Err(Ruling::Wrong(vec![known.reads[0], at]));
                    }
                    known.value = Some(value);
                    known.reads.push(at);
                    last = last.max(Some((version, at)));
                }
                Role::VersionedPut { version, answer, .. } => match (answer, version.checked_add(1)) {
                    (Answer::Ok, Some(made)) => {
                        let known = versions.entry(made).or_default();
                        if let Some(before) = known.done.replace(at) {
                            return Err(Ruling::Wrong(vec![before, at]));
                        }
                        last = last.max(Some((made, at)));
                    }
                    (Answer::Maybe | Answer::Unknown, Some(made)) => {
                        versions.entry(made).or_default().perhaps.push(at);
                    }
                    (Answer::Ok, None) => return Err(Ruling::Wrong(vec![at])),
                    // A put over no version finds nothing where it should.
                    (Answer::Missing, _) if version == 0 => return Err(Ruling::Wrong(vec![at])),
                    (Answer::Missing, _) => missing.push(at),
                    (Answer::Version, _) => failed.push(at),
                    // Nothing can follow the last version.
                    (Answer::Maybe | Answer::Unknown, None) => {}
                },
                _ => return Err(Ruling::Unsure),
            }
        }
        let mut table = Self {
            versions: Vec::new(),
            seen: 0,
            asks_for_last: last.map(|(_, at)| at),
            missing,
            failed,
            forced: false,
        };
        table.line_up(entries, versions, last)?;
        Ok(table)
    }

    /// From version 1 to the first that nobody can have made.
    fn line_up(
        &mut self,
        entries: &[Entry<'a>],
        mut versions: BTreeMap<u64, Version<'a>>,
        last: Option<(u64, usize)>,
    ) -> Result<(), Ruling> {
        for number in 1.. {
            let is_seen = last.is_some_and(|(last, _)| number <= last);
            let version = versions.remove(&number).unwrap_or_default();
            let fits = |at: usize| match entries[at].role {
                Role::VersionedPut { value, .. } => version.value.is_none_or(|read| read == value),
                _ => false,
            };
            let wrong = match version.done {
                Some(done) if !fits(done) => {
                    Some(vec![done.min(version.reads[0]), done.max(version.reads[0])])
                }
                None if version.makers(entries).next().is_none() => {
                    Some(version.reads.first().copied().into_iter().chain(self.asks_for_last).collect())
                }
                _ => None,
            };
            match wrong {
                Some(mut replies) if is_seen => {
                    replies.dedup();
                    return Err(Ruling::Wrong(replies));
                }
                Some(_) => break,
                None => self.versions.push(version),
            }
            self.seen += usize::from(is_seen);
        }
        Ok(())
    }
}
