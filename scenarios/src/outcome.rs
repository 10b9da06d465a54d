//! What one run of a story came to, and the exit codes that say so.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use stormglass_sim::Schedule;

/// The answer of one run, or of a whole campaign: the worst answer of its runs.
///
/// The order is the order of gravity: a campaign in which one run broke and another violated safety is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Verdict {
    /// Every claim held.
    #[serde(rename = "holds")]
    Holds,
    /// The environment destroyed what the protocol needs, so that nothing can be asked of it.
    #[serde(rename = "excused")]
    Excused,
    /// The judge ran out of its budget. Never a silent pass.
    #[serde(rename = "undecided")]
    Undecided,
    /// Something good never happened within its stated bound.
    #[serde(rename = "liveness_violated")]
    Liveness,
    /// Something bad happened.
    #[serde(rename = "safety_violated")]
    Safety,
    /// Stormglass itself went wrong; the run says nothing about the system.
    #[serde(rename = "broken")]
    Broken,
}

impl Verdict {
    /// The exit code of the command: 0 holds, 1 safety, 2 liveness, 3 undecided, 70 broken.
    pub fn exit_code(self) -> u8 {
        match self {
            Verdict::Holds | Verdict::Excused => 0,
            Verdict::Safety => 1,
            Verdict::Liveness => 2,
            Verdict::Undecided => 3,
            Verdict::Broken => 70,
        }
    }

    /// True when the run is something a person must look at: a finding, written to disk.
    pub fn is_failure(self) -> bool {
        matches!(self, Verdict::Safety | Verdict::Liveness | Verdict::Broken)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Holds => "holds",
            Verdict::Excused => "excused",
            Verdict::Undecided => "undecided",
            Verdict::Liveness => "liveness violated",
            Verdict::Safety => "safety violated",
            Verdict::Broken => "broken",
        })
    }
}

/// The claim that fell and the proof that it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fall {
    /// Which oracle fired: `linearizable`, `always`, `invariant`, `panic`, `deadlock`, `converges`, `hang`, `abort`, …
    pub oracle: String,
    /// The claim, in a few words; as a headline it is what a reader sees first.
    pub claim: String,
    /// The witness: one sentence, or a few lines, that a person can check.
    pub witness: String,
    /// The node it happened on, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// Of a panic, where in the code: file, line and column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

impl Fall {
    /// A fall without a node and a place.
    pub fn new(oracle: &str, claim: impl Into<String>, witness: impl Into<String>) -> Fall {
        Fall { oracle: oracle.into(), claim: claim.into(), witness: witness.into(), node: None, place: None }
    }

    /// What two failures of one build share when they are the same failure: their [`words`](Self::words), and the place of a
    /// panic, for two assertions may have the same words.
    pub fn signature(&self) -> String {
        match &self.place {
            Some(place) => format!("{} at {place}", self.words()),
            None => self.words(),
        }
    }

    /// What stays of a failure when the code around it changes: the oracle, and the claim with its numbers taken out.
    /// A digit right after a letter is part of a name (`I4`) and stays; eight digits or more, were they hexadecimal, are a
    /// number.
    pub fn words(&self) -> String {
        let mut signature = format!("{}: ", self.oracle);
        let mut before = ' ';
        for c in without_ids(&self.claim).chars().take(160) {
            let in_name = before.is_ascii_alphabetic();
            match c {
                '0'..='9' if before == '#' => {}
                '0'..='9' if !in_name => {
                    signature.push('#');
                    before = '#';
                }
                // The rest of a name's number belongs to the name.
                '0'..='9' => signature.push(c),
                _ => {
                    signature.push(if c == '\n' { ' ' } else { c });
                    before = c;
                }
            }
        }
        signature
    }
}

/// A text with a `0` for every word that is a long hexadecimal number, or several with dashes between them.
fn without_ids(text: &str) -> String {
    let is_in_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let is_id = |word: &str| {
        let is_of_one = |c: char| c.is_ascii_hexdigit() || c == '-';
        word.len() >= 8 && word.chars().all(is_of_one) && word.contains(|c: char| c.is_ascii_digit())
    };
    let mut shorter = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_in_word(c)).unwrap_or(rest.len());
        let (word, more) = rest.split_at(end);
        shorter.push_str(if is_id(word) { "0" } else { word });
        let between = more.find(is_in_word).unwrap_or(more.len());
        shorter.push_str(&more[..between]);
        rest = &more[between..];
    }
    shorter
}

/// Everything that is known of one run; the same shape in worker answers, `--json` and findings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The story's name.
    pub story: String,
    /// The seed of the run.
    pub seed: u64,
    /// The planted bug, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bug: Option<String>,
    /// The schedule, where it is not the default.
    #[serde(default, skip_serializing_if = "is_default")]
    pub schedule: Schedule,
    /// The answer.
    pub verdict: Verdict,
    /// Present when the verdict is a failure or undecided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fall: Option<Fall>,
    /// Why the run is excused, when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excuse: Option<String>,
    /// Virtual time at the end of the run, in nanoseconds; 0 when the process died.
    pub at_ns: u64,
    /// Digest of every event of the run; `None` when the process died.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "hex")]
    pub digest: Option<u64>,
    /// How many events the run had.
    #[serde(default)]
    pub events: u64,
    /// How often each `sometimes!` and `reachable!` was seen.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub seen: BTreeMap<String, u64>,
    /// The weather as the seed resolved it, one line a fault.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weather: Vec<String>,
    /// Virtual time from the calm to convergence, in nanoseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converged_ns: Option<u64>,
    /// What replays it, where story, seed, bug and schedule do not: a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// What the run covered, where a guided campaign asks; it is told to nobody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) covered: Option<Covered>,
}

/// What a run covered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Covered {
    /// How many decisions it took.
    pub(crate) drawn: u64,
    /// The steps that followed one another, as [`stormglass_sim::Outcome::coverage`] has them.
    pub(crate) steps: Vec<u32>,
}

impl Outcome {
    /// An outcome of which nothing but the verdict is known: the process that ran it is gone.
    pub fn lost(story: &str, seed: u64, bug: Option<&str>, verdict: Verdict, fall: Fall) -> Outcome {
        Outcome {
            story: story.into(),
            seed,
            bug: bug.map(str::to_owned),
            schedule: Schedule::default(),
            verdict,
            fall: Some(fall),
            excuse: None,
            at_ns: 0,
            digest: None,
            events: 0,
            seen: BTreeMap::new(),
            weather: Vec::new(),
            converged_ns: None,
            file: None,
            covered: None,
        }
    }

    /// The same under another schedule.
    pub(crate) fn under(self, schedule: Schedule) -> Outcome {
        Outcome { schedule, ..self }
    }

    /// The failure's signature, for deduplication; `None` when the claim held.
    pub fn signature(&self) -> Option<String> {
        self.fall.as_ref().map(Fall::signature)
    }

    /// The failure's [words](Fall::words), for who has another build; `None` when the claim held.
    pub fn words(&self) -> Option<String> {
        self.fall.as_ref().map(Fall::words)
    }

    /// Virtual time at the end of the run.
    pub fn at(&self) -> Duration {
        Duration::from_nanos(self.at_ns)
    }

    /// `STORY:SEED[:BUG] [--schedule NAME]`, or a file: what `replay` takes.
    pub fn reference(&self) -> String {
        if let Some(file) = &self.file {
            return file.clone();
        }
        let mut reference = format!("{}:{}", self.story, self.seed);
        if let Some(bug) = &self.bug {
            reference.push_str(&format!(":{bug}"));
        }
        if !is_default(&self.schedule) {
            reference.push_str(&format!(" --schedule {}", self.schedule));
        }
        reference
    }
}

/// Whether a run is under the schedule that nobody has to name.
pub(crate) fn is_default(schedule: &Schedule) -> bool {
    *schedule == Schedule::default()
}

/// A digest travels as a hex string: JSON numbers lose bits above 2^53 in many readers.
pub(crate) mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(digest: &Option<u64>, to: S) -> Result<S::Ok, S::Error> {
        match digest {
            Some(digest) => to.serialize_str(&format!("{digest:#018x}")),
            None => to.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u64>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let digits = text.strip_prefix("0x").unwrap_or(&text);
        u64::from_str_radix(digits, 16)
            .map(Some)
            .map_err(|_| D::Error::custom(format!("`{text}` is not a hex digest")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_forgets_numbers_and_keeps_words() {
        let one = Fall::new("panic", "index 17 out of 4", "at a.rs:3");
        let two = Fall::new("panic", "index 9 out of 12", "at a.rs:3");
        let other = Fall::new("always", "index 9 out of 12", "");
        assert_eq!(one.signature(), "panic: index # out of #");
        assert_eq!(Fall::new("invariant", "I42 holds at 42", "").signature(), "invariant: I42 holds at #");
        assert_eq!(one.signature(), two.signature());
        assert_ne!(two.signature(), other.signature());
        let lost = |id: &str| Fall::new("claim", format!("{id} is lost, of 3"), "").signature();
        assert_eq!(lost("3f2a9c1e-77b0-4d6c-9a51-0c6d5b1e8f42"), "claim: # is lost, of #");
        assert_eq!(lost("deadbeef01"), lost("12345678"));
        assert_eq!(lost("feedback"), "claim: feedback is lost, of #");
    }

    #[test]
    fn assertions_with_the_same_words_are_told_apart_by_their_place() {
        let at = |place: &str| {
            let place = Some(place.to_owned());
            Fall { place, ..Fall::new("panic", "assertion `left == right` failed", "") }
        };
        assert_ne!(at("a.rs:3:5").signature(), at("a.rs:9:5").signature());
        assert_eq!(at("a.rs:3:5").signature(), "panic: assertion `left == right` failed at a.rs:3:5");
        assert_eq!(at("a.rs:3:5").words(), at("a.rs:9:5").words(), "a line may move");
    }

    #[test]
    fn gravity_orders_verdicts() {
        use Verdict::*;
        let worst = [Holds, Liveness, Safety, Excused].into_iter().max().unwrap();
        assert_eq!(worst, Safety);
        assert_eq!([Safety, Broken].into_iter().max().unwrap().exit_code(), 70);
    }

    #[test]
    fn an_outcome_survives_json() {
        let mut outcome =
            Outcome::lost("kv/x", u64::MAX, Some("b"), Verdict::Safety, Fall::new("abort", "c", "w"));
        outcome.digest = Some(u64::MAX - 1);
        let text = serde_json::to_string(&outcome).unwrap();
        assert!(text.contains("\"0xfffffffffffffffe\""), "{text}");
        assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome);
    }
}
