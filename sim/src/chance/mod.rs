//! Chance has one source: a [`Seed`]. From it come named streams, one for each *who and why*
//! (`"a>b/link"`, `"world/schedule"`, `"a/rand"`), so that a draw more in one moves no other.
//!
//! A stream's key is read from `ChaCha8(seed)` at the position that the stream's name hashes to; its draws are a
//! keyed hash of a counter. So a draw is a function of (seed, name, index) and nothing else, which is what makes
//! *overrides* possible: a replay file says "decision 17 of `a>b/link` is 0", and all others stay as they were.

mod overrides;
mod ratio;
mod stream;
mod witness;

pub use overrides::{Decision, Overrides, Redraw};
pub use ratio::Ratio;
pub use stream::Stream;
pub use witness::Witness;

use std::rc::Rc;

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

use crate::Seed;

/// A stream's place in [`Chance`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StreamId(u32);

impl StreamId {
    /// No stream yet; made at the first draw.
    pub(crate) const NONE: StreamId = StreamId(u32::MAX);
}

struct Source {
    key: [u64; 2],
    next: u64,
    /// Set where a draw needs more than its hash: it is recorded, or may be overridden.
    watched: Option<Box<Watched>>,
}

struct Watched {
    name: Rc<str>,
    calm: bool,
    points: std::collections::BTreeMap<u64, u64>,
}

/// All streams of a run.
pub(crate) struct Chance {
    root: Option<ChaCha8Rng>,
    sources: Vec<Source>,
    overrides: Overrides,
    record: Option<Vec<Decision>>,
    witness: Option<Witness>,
    /// Decisions that are still to be taken before the future is drawn anew.
    kept: u64,
    /// How often it was.
    redrawn: usize,
    /// What makes the streams of this future other ones; nothing before it begins.
    salt: [u64; 2],
}

impl Chance {
    pub(crate) const fn new() -> Chance {
        let overrides = Overrides {
            calm_streams: std::collections::BTreeSet::new(),
            points: std::collections::BTreeMap::new(),
            redraws: Vec::new(),
        };
        Chance {
            root: None,
            sources: Vec::new(),
            overrides,
            record: None,
            witness: None,
            kept: 0,
            redrawn: 0,
            salt: [0; 2],
        }
    }

    /// Starts over from `seed`; memory is kept.
    pub(crate) fn reset(&mut self, seed: Seed, overrides: Overrides, record: bool, witness: Option<Witness>) {
        self.root = Some(root(seed.0, b"stormglass chance\x01"));
        self.sources.clear();
        self.overrides = overrides;
        self.record = record.then(Vec::new);
        self.witness = witness;
        self.salt = [0; 2];
        self.redrawn = 0;
        self.keep(0);
    }

    /// `done` decisions are taken: how many are until the next redraw, if one is due after more than these.
    fn keep(&mut self, done: u64) {
        self.kept = u64::MAX;
        while let Some(redraw) = self.overrides.redraws.get(self.redrawn) {
            if redraw.after > done {
                self.kept = redraw.after - done;
                return;
            }
            self.redraw();
        }
    }

    /// From here on every stream is another one.
    #[cold]
    fn redraw(&mut self) {
        let Some(&Redraw { salt, .. }) = self.overrides.redraws.get(self.redrawn) else { return };
        self.redrawn += 1;
        let points = std::mem::take(&mut self.overrides.points);
        self.overrides.calm_streams.retain(|stream| !points.contains_key(stream));
        // Streams that are open and those that will be: both mix the salt with what the seed made of them.
        let mut salted = root(salt, b"stormglass redraw\x01");
        let more = [salted.next_u64(), salted.next_u64()];
        for source in &mut self.sources {
            source.key = [source.key[0] ^ more[0], source.key[1] ^ more[1]];
            if let Some(watched) = &mut source.watched {
                watched.points.clear();
                watched.calm &= !points.contains_key(&*watched.name);
            }
        }
        self.salt = [self.salt[0] ^ more[0], self.salt[1] ^ more[1]];
    }

    /// Opens the stream of `id`, a hash of its name; the name itself is only spelled out when somebody watches.
    pub(crate) fn open(&mut self, id: u64, name: impl FnOnce() -> String) -> StreamId {
        let root = self.root.as_mut().expect("a world has a seed");
        root.set_stream(id);
        root.set_word_pos(0);
        let key = [root.next_u64() ^ self.salt[0], root.next_u64() ^ self.salt[1]];
        let watching = self.record.is_some() || self.witness.is_some() || !self.overrides.is_empty();
        let watched = watching.then(|| {
            let name = name();
            let calm = self.overrides.calm_streams.contains(&name);
            let points = self.overrides.points.get(&name).cloned().unwrap_or_default();
            Box::new(Watched { name: name.into(), calm, points })
        });
        self.sources.push(Source { key, next: 0, watched });
        StreamId(self.sources.len() as u32 - 1)
    }

    /// One decision: `value` maps a uniform draw to what is decided, `calm` is what calm weather would decide.
    #[inline]
    pub(crate) fn decide(
        &mut self,
        stream: StreamId,
        kind: &'static str,
        calm: u64,
        value: impl FnOnce(u64) -> u64,
    ) -> u64 {
        let source = &mut self.sources[stream.0 as usize];
        let index = source.next;
        source.next += 1;
        let value = value(hash(source.key, index));
        match &source.watched {
            None => value,
            Some(_) => self.watched(stream, index, kind, value, calm),
        }
    }

    #[cold]
    fn watched(&mut self, stream: StreamId, index: u64, kind: &'static str, value: u64, calm: u64) -> u64 {
        let watched =
            self.sources[stream.0 as usize].watched.as_ref().expect("only watched streams come here");
        let value = match watched.points.get(&index) {
            Some(&point) => point,
            None if watched.calm => calm,
            None => value,
        };
        if self.record.is_some() || self.witness.is_some() {
            let cause = crate::hub::HUB.with(|hub| hub.cause.get());
            let (stream, kind) = (watched.name.to_string(), kind.to_owned());
            let decision = Decision { stream, index, kind, value, calm, cause };
            if let Some(witness) = &self.witness {
                witness.hear(&decision);
            }
            if let Some(record) = &mut self.record {
                record.push(decision);
            }
        }
        self.kept -= 1;
        if self.kept == 0 {
            let done = self.overrides.redraws.get(self.redrawn).map_or(0, |redraw| redraw.after);
            self.keep(done);
        }
        value
    }

    /// How many decisions have been taken.
    pub(crate) fn drawn(&self) -> u64 {
        self.sources.iter().map(|source| source.next).sum()
    }

    /// What the next decision of a stream will draw.
    pub(crate) fn ahead(&self, stream: StreamId) -> u64 {
        let source = &self.sources[stream.0 as usize];
        hash(source.key, source.next)
    }

    /// 64 uniform bits; calm is a number below 2^40 that is not drawn twice: nodes and messages that are told apart by what
    /// they draw are in calm weather, too. Scaled to less than 2^24 it is 0.
    #[inline]
    pub(crate) fn bits(&mut self, stream: StreamId) -> u64 {
        let is_watched = self.sources[stream.0 as usize].watched.is_some();
        let calm = if is_watched { self.ahead(stream) >> 24 } else { 0 };
        self.decide(stream, "u64", calm, |raw| raw)
    }

    /// Uniform in `0..n`; calm is 0.
    #[inline]
    pub(crate) fn below(&mut self, stream: StreamId, kind: &'static str, n: u64) -> u64 {
        debug_assert!(n > 0, "nothing to choose from");
        let value = self.decide(stream, kind, 0, |raw| scale(raw, n));
        // An override may come from another version of the program, where there was more to choose from.
        value.min(n - 1)
    }

    /// Whether something of probability `ratio` happens; calm is that it does not. 0 % takes no draw.
    #[inline]
    pub(crate) fn chance(&mut self, stream: StreamId, kind: &'static str, ratio: Ratio) -> bool {
        !ratio.is_zero() && self.decide(stream, kind, 0, |raw| ratio.admits(raw) as u64) != 0
    }

    /// The decisions so far, when they are recorded.
    pub(crate) fn take_record(&mut self) -> Option<Vec<Decision>> {
        self.record.take()
    }
}

fn root(number: u64, purpose: &[u8; 18]) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&number.to_le_bytes());
    key[8..26].copy_from_slice(purpose);
    ChaCha8Rng::from_seed(key)
}

/// Maps a uniform `raw` to `0..n` (Lemire's multiplication, without the rejection: the bias is below n/2⁶⁴).
#[inline]
pub(crate) fn scale(raw: u64, n: u64) -> u64 {
    ((raw as u128 * n as u128) >> 64) as u64
}

/// A keyed hash of a counter: two rounds of Stafford's variant 13 of the MurmurHash3 finaliser.
#[inline]
fn hash(key: [u64; 2], index: u64) -> u64 {
    mix(mix(index.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ key[0]) ^ key[1])
}

#[inline]
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// FNV-1a: names to stream ids, the same on every machine and in every version.
pub(crate) const fn name_hash(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut i = 0;
    while i < bytes.len() {
        hash = (hash ^ bytes[i] as u64).wrapping_mul(0x100_0000_01b3);
        i += 1;
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chance(seed: u64, overrides: Overrides) -> Chance {
        let mut chance = Chance::new();
        chance.reset(Seed(seed), overrides, true, None);
        chance
    }

    fn draws(chance: &mut Chance, name: &str, count: usize) -> Vec<u64> {
        let stream = chance.open(name_hash(name), || name.to_owned());
        (0..count).map(|_| chance.below(stream, "test", 1000)).collect()
    }

    #[test]
    fn a_draw_more_in_one_stream_moves_no_other() {
        let (mut first, mut second) = (chance(1, Overrides::default()), chance(1, Overrides::default()));
        draws(&mut second, "b/rand", 17);
        draws(&mut first, "c/rand", 3);
        assert_eq!(draws(&mut first, "a/rand", 50), draws(&mut second, "a/rand", 50));
    }

    #[test]
    fn streams_and_seeds_differ() {
        let mut one = chance(1, Overrides::default());
        let (a, b) = (draws(&mut one, "a/rand", 50), draws(&mut one, "b/rand", 50));
        assert_ne!(a, b);
        assert_ne!(a, draws(&mut chance(2, Overrides::default()), "a/rand", 50));
    }

    #[test]
    fn overrides_change_their_decision_and_no_other() {
        let plain = draws(&mut chance(1, Overrides::default()), "a/rand", 10);
        let mut overrides = Overrides::default();
        overrides.set("a/rand", 3, 7);
        let mut edited = chance(1, overrides.clone());
        let got = draws(&mut edited, "a/rand", 10);
        let mut expected = plain.clone();
        expected[3] = 7;
        assert_eq!(got, expected);
        assert_eq!(edited.take_record().expect("recorded")[3].value, 7);

        overrides.calm("a/rand");
        let got = draws(&mut chance(1, overrides), "a/rand", 10);
        assert_eq!(got, [0, 0, 0, 7, 0, 0, 0, 0, 0, 0], "a point wins over a calm stream");
    }

    #[test]
    fn what_is_told_apart_by_a_draw_is_in_calm_weather_too() {
        let mut overrides = Overrides::default();
        ["a/rand", "b/rand"].into_iter().for_each(|name| overrides.calm(name));
        let mut chance = chance(1, overrides);
        let streams = ["a/rand", "b/rand"].map(|name| chance.open(name_hash(name), || name.to_owned()));
        let ids: Vec<u64> =
            streams.iter().flat_map(|stream| [(); 100].map(|()| chance.bits(*stream))).collect();
        assert_eq!(ids.iter().collect::<std::collections::BTreeSet<_>>().len(), 200);
        assert!(ids.iter().all(|id| scale(*id, 1 << 24) == 0));
        let record = chance.take_record().expect("recorded");
        assert!(record.iter().all(|decision| decision.value == decision.calm), "they are calm");
    }

    #[test]
    fn another_future_has_the_same_past() {
        let drawn = |redraws: &[Redraw]| {
            let mut overrides = Overrides { redraws: redraws.to_vec(), ..Overrides::default() };
            overrides.set("a/rand", 1, 7);
            overrides.set("a/rand", 8, 7);
            overrides.calm("a/rand");
            overrides.calm("b/rand");
            let mut chance = chance(1, overrides);
            let [a, b] = ["a/rand", "b/rand"].map(|name| chance.open(name_hash(name), || name.to_owned()));
            let both: Vec<[u64; 2]> =
                (0..10).map(|_| [a, b].map(|stream| chance.below(stream, "test", 1000))).collect();
            let late = draws(&mut chance, "late", 5);
            (both, late)
        };
        let (plain, late) = drawn(&[]);
        let at = |after, salt| drawn(&[Redraw { after, salt }]);
        let (one, two) = (at(10, 1), at(10, 2));
        assert_eq!((&one.0[..5], one.0[1]), (&plain[..5], [7, 0]), "five rounds are ten decisions");
        assert!(one.0[5..].iter().any(|[a, _]| *a != 0), "a stream with points lives again");
        assert!(one.0.iter().all(|[_, b]| *b == 0), "one that is calm throughout stays so");
        assert_ne!(one.0[5..], two.0[5..]);
        assert!(one.1 != late && one.1 != two.1, "streams that open later are other ones, too");
        assert_eq!(at(10, 1), one, "a future is a function of its salt");
        assert_ne!(at(0, 1).0[..5], plain[..5]);
        assert_eq!(at(1000, 1), (plain, late));

        let twice = |salt| drawn(&[Redraw { after: 10, salt: 1 }, Redraw { after: 16, salt }]);
        assert_eq!(twice(2).0[..8], one.0[..8], "the first future is the past of the second");
        assert_ne!(twice(2).0[8..], one.0[8..]);
        assert_ne!(twice(2).0[8..], twice(3).0[8..]);
        let at_once = drawn(&[Redraw { after: 0, salt: 1 }, Redraw { after: 0, salt: 2 }]);
        assert_ne!(at_once, at(0, 1), "two at one moment are both made");
    }

    #[test]
    fn draws_are_uniform_enough() {
        let mut buckets = [0_u32; 10];
        for value in draws(&mut chance(5, Overrides::default()), "a/rand", 100_000) {
            buckets[value as usize / 100] += 1;
        }
        // Expectation 10,000, standard deviation 95: five of them.
        assert!(buckets.iter().all(|count| (9_525..10_475).contains(count)), "{buckets:?}");
    }
}
