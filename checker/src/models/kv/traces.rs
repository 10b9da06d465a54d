//! Which operations of unknown outcome left a trace that somebody saw.
//!
//! After a put of `v` and until the next, every state begins with `v`; after an append of `v`, every state
//! contains it; after a delete, the first to look finds the key missing. If nobody saw such a state, the
//! operation can be taken out of any legal sequence: those between it and the next put change without looking.
//! A failed compare-and-set looks, too: it says that the value was another, which anything may have made so.

use super::{Input, Kv, Output};
use crate::model::Seen;
use std::collections::BTreeSet;

/// What was seen of one key.
pub(super) struct Traces<'a> {
    /// Values read, or expected by a compare-and-set. With appends, without those that begin another: a value
    /// that begins another contains nothing that the other does not.
    values: BTreeSet<&'a str>,
    /// The key was seen, or expected, missing or empty.
    missing: bool,
    appends: bool,
    failed_swap: bool,
}

impl<'a> Traces<'a> {
    pub(super) fn of(others: &[Seen<'a, Kv>]) -> Self {
        let mut traces = Self { values: BTreeSet::new(), missing: false, appends: false, failed_swap: false };
        for (input, output) in others {
            traces.appends |= matches!(input, Input::Append { .. });
            traces.failed_swap |= *output == Some(&Output::Swapped(false));
            if let Some(Output::Value(value)) = output {
                traces.saw(value.as_deref());
            }
            if let Input::Cas { from, .. } = input {
                traces.saw(from.as_deref());
            }
        }
        if traces.appends {
            let sorted: Vec<&str> = traces.values.iter().copied().collect();
            for pair in sorted.windows(2).filter(|pair| pair[1].starts_with(pair[0])) {
                traces.values.remove(pair[0]);
            }
        }
        traces
    }

    fn saw(&mut self, value: Option<&'a str>) {
        match value {
            None | Some("") => self.missing = true,
            Some(value) => {
                self.values.insert(value);
            }
        }
    }

    /// Whether it may be needed to explain what was seen.
    pub(super) fn may_show(&self, input: &Input) -> bool {
        self.failed_swap && !matches!(input, Input::Get { .. }) || self.shows(input)
    }

    /// Whether somebody saw what it may have done.
    pub(super) fn shows(&self, input: &Input) -> bool {
        let shows = |written: &str, appends: bool| match written {
            "" => self.missing || appends && !self.values.is_empty(),
            _ if appends => self.values.iter().any(|value| value.contains(written)),
            _ => self.values.contains(written),
        };
        match input {
            Input::Get { .. } => false,
            Input::Put { value, .. } | Input::Cas { value, .. } => shows(value, self.appends),
            Input::Append { value, .. } => shows(value, true),
            // What was deleted is missing, or is whatever was appended since.
            Input::Delete { .. } => self.missing || self.appends && !self.values.is_empty(),
        }
    }
}
