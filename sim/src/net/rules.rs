//! Faults that pick their messages: "the third AppendEntries from a to c".

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use super::message::Envelope;
use crate::NodeId;
use crate::hub::looks;

/// What becomes of a message that a rule picked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is lost.
    Drop,
    /// It arrives this much later than it would have.
    Delay(Duration),
    /// It arrives so many times more.
    Duplicate(u32),
    /// It arrives with this bit of its payload flipped (modulo its length).
    Corrupt {
        /// Counted from the first byte's lowest bit.
        bit: u64,
    },
}

/// Names a rule of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleId(pub(crate) u32);

type Predicate = Rc<dyn Fn(&Envelope<'_>) -> bool>;

/// Picks messages by what they are. A rule without conditions picks every message.
#[derive(Clone)]
pub struct Rule {
    from: Option<NodeId>,
    to: Option<NodeId>,
    kind: Option<String>,
    predicate: Option<Predicate>,
    /// How many matches pass before the rule acts.
    skip: u64,
    /// On how many it acts then.
    times: u64,
    /// Whether it counts them.
    counts: bool,
    pub(crate) fate: Fate,
}

impl Rule {
    /// A rule with this fate for what it picks.
    pub fn new(fate: Fate) -> Rule {
        Rule {
            from: None,
            to: None,
            kind: None,
            predicate: None,
            skip: 0,
            times: u64::MAX,
            counts: false,
            fate,
        }
    }

    /// Only messages from this node.
    #[must_use]
    pub fn from(mut self, node: NodeId) -> Rule {
        self.from = Some(node);
        self
    }

    /// Only messages to this node.
    #[must_use]
    pub fn to(mut self, node: NodeId) -> Rule {
        self.to = Some(node);
        self
    }

    /// Only messages of this type: an RPC's `NAME`, `"NAME reply"`, `"udp"`, `"tcp data"`.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Rule {
        self.kind = Some(kind.into());
        self
    }

    /// Only messages of which this is true. It sees the message and must not call into the world.
    #[must_use]
    pub fn matching(mut self, predicate: impl Fn(&Envelope<'_>) -> bool + 'static) -> Rule {
        self.predicate = Some(Rc::new(predicate));
        self
    }

    /// Only the *n*th match, counted from 1.
    #[must_use]
    pub fn nth(mut self, n: u64) -> Rule {
        (self.skip, self.times, self.counts) = (n.saturating_sub(1), 1, true);
        self
    }

    /// Only the first *n* matches.
    #[must_use]
    pub fn first(mut self, n: u64) -> Rule {
        (self.times, self.counts) = (n, true);
        self
    }

    /// Whether what it does to one node's message can depend on another's.
    fn is_shared(&self) -> bool {
        self.from.is_none() && (self.counts || self.predicate.is_some())
    }

    fn picks(&self, envelope: &Envelope<'_>) -> bool {
        let kind_fits = |kind: &String| match kind.strip_suffix(" reply") {
            Some(request) if envelope.reply => request == envelope.kind,
            _ => kind == envelope.kind && !envelope.reply,
        };
        self.from.is_none_or(|from| from == envelope.from)
            && self.to.is_none_or(|to| to == envelope.to)
            && self.kind.as_ref().is_none_or(kind_fits)
            && self.predicate.as_ref().is_none_or(|predicate| predicate(envelope))
    }
}

impl fmt::Debug for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rule { from, to, kind, skip, times, fate, .. } = self;
        write!(f, "{fate:?} from {from:?} to {to:?} kind {kind:?}, {times} times after {skip}")
    }
}

/// The rules of a world, in the order in which they were made.
#[derive(Default)]
pub(crate) struct Rules {
    rules: Vec<(RuleId, Rule)>,
    made: u32,
}

impl Rules {
    pub(crate) const fn new() -> Rules {
        Rules { rules: Vec::new(), made: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    pub(crate) fn add(&mut self, rule: Rule) -> RuleId {
        self.made += 1;
        let id = RuleId(self.made);
        self.rules.push((id, rule));
        id
    }

    pub(crate) fn remove(&mut self, id: RuleId) {
        self.rules.retain(|(other, _)| *other != id);
    }

    /// The fate of a message: of the first rule that picks it and is not used up. Every rule that matches counts.
    pub(crate) fn fate(&mut self, envelope: &Envelope<'_>) -> Option<Fate> {
        let mut fate = None;
        for (_, rule) in &mut self.rules {
            if !rule.picks(envelope) {
                continue;
            }
            if rule.is_shared() {
                looks();
            }
            if rule.skip > 0 {
                rule.skip -= 1;
            } else if rule.times > 0 {
                rule.times -= 1;
                fate = fate.or(Some(rule.fate));
            }
        }
        fate
    }
}
