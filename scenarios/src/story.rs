//! A story: a claim, a cast, a storm and a calm, told in one function.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use stormglass_sim::Schedule;

use crate::stage::Stage;

type Tell = Arc<dyn Fn(Stage) -> LocalBoxFuture<'static, ()> + Send + Sync>;

/// A named claim about a system and the function that puts it to the test.
///
/// The function runs once a seed, in a world of its own; everything it decides by chance it draws from that world.
#[derive(Clone)]
pub struct Story {
    name: &'static str,
    claim: &'static str,
    catches: Vec<&'static str>,
    withstands: Vec<&'static str>,
    sometimes: Vec<&'static str>,
    enough: u64,
    limit: Duration,
    timed: bool,
    tell: Tell,
}

impl Story {
    /// A story called `system/what_happens`, with its claim as one sentence.
    ///
    /// # Panics
    /// When the name is not lower-case words joined by `_` and `/`: the name is part of file names and of `STORY:SEED:BUG`.
    pub fn new<F, T>(name: &'static str, claim: &'static str, tell: F) -> Story
    where
        F: Fn(Stage) -> T + Send + Sync + 'static,
        T: Future<Output = ()> + 'static,
    {
        let lawful = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '/';
        assert!(
            !name.is_empty() && name.chars().all(lawful),
            "a story's name is `system/what_happens`, not `{name}`"
        );
        let tell: Tell = Arc::new(move |stage| Box::pin(tell(stage)));
        let limit = Duration::from_secs(600);
        Story {
            name,
            claim,
            catches: Vec::new(),
            withstands: Vec::new(),
            sometimes: Vec::new(),
            enough: 200,
            limit,
            timed: false,
            tell,
        }
    }

    /// The known bugs of the system that this story must catch.
    pub fn catches(mut self, bugs: impl IntoIterator<Item = &'static str>) -> Story {
        self.catches.extend(bugs);
        self
    }

    /// Harmless variants of the system that this story must not flag: they show that its claims are not too strong.
    pub fn withstands(mut self, variants: impl IntoIterator<Item = &'static str>) -> Story {
        self.withstands.extend(variants);
        self
    }

    /// An event that a campaign must have seen at least once: a story in which nothing happened is no pass.
    pub fn sometimes(mut self, event: &'static str) -> Story {
        self.sometimes.push(event);
        self
    }

    /// After how many seeds a campaign that never saw a [`sometimes`](Story::sometimes) event is reproached for it; 200 unless said.
    pub fn enough(mut self, seeds: u64) -> Story {
        self.enough = seeds;
        self
    }

    /// Virtual time after which a run that has not ended is a liveness violation; 10 minutes unless said.
    pub fn limit(mut self, limit: Duration) -> Story {
        self.limit = limit;
        self
    }

    /// Its claims are about how soon something happens, from the beginning: it only has a schedule that is fair.
    /// A story with a storm needs no such word, for its calm is fair.
    pub fn timed(mut self) -> Story {
        self.timed = true;
        self
    }

    /// `system/what_happens`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The claim, as a sentence.
    pub fn claim(&self) -> &'static str {
        self.claim
    }

    /// The system the story is about: the name up to its first `/`.
    pub fn system(&self) -> &'static str {
        self.name.split('/').next().unwrap_or(self.name)
    }

    /// Names of the bugs it must catch.
    pub fn bugs(&self) -> &[&'static str] {
        &self.catches
    }

    /// Names of the harmless variants it must not flag.
    pub fn harmless(&self) -> &[&'static str] {
        &self.withstands
    }

    /// Events that must be seen over a campaign.
    pub fn expected(&self) -> &[&'static str] {
        &self.sometimes
    }

    pub(crate) fn enough_seeds(&self) -> u64 {
        self.enough
    }

    /// The schedule it has when it is given this one.
    pub(crate) fn schedule(&self, given: Schedule) -> Schedule {
        match given {
            Schedule::Fifo | Schedule::Random => given,
            _ if self.timed => Schedule::default(),
            _ => given,
        }
    }

    pub(crate) fn time_limit(&self) -> Duration {
        self.limit
    }

    pub(crate) fn tell(&self, stage: Stage) -> LocalBoxFuture<'static, ()> {
        (self.tell)(stage)
    }
}

impl fmt::Debug for Story {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Story")
            .field("name", &self.name)
            .field("catches", &self.catches)
            .finish_non_exhaustive()
    }
}
