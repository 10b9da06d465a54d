//! What the servers of the controller replicate: all configurations there have been.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::bugs::{Bug, Bugs};
use super::super::message::{Complaint, Config, Decree, Num, Query};

/// What was asked last by one clerk, and how it was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Last {
    number: u64,
    answer: Result<Num, Complaint>,
}

/// All configurations, and the last decree of each clerk. None is forgotten: a few bytes for each client there ever was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controller {
    configs: Vec<Config>,
    heard: BTreeMap<u64, Last>,
}

impl Controller {
    /// The controller of so many shards, which nobody serves.
    pub fn new(shards: usize) -> Self {
        Controller { configs: vec![Config::empty(shards)], heard: BTreeMap::new() }
    }

    /// Every configuration so far, from number 0.
    pub fn configs(&self) -> &[Config] {
        &self.configs
    }

    /// The configuration that is asked for; the latest, if that does not exist yet.
    pub fn query(&self, query: &Query) -> &Config {
        let latest = self.configs.len() - 1;
        let num = query.num.and_then(|num| usize::try_from(num).ok()).unwrap_or(latest);
        &self.configs[num.min(latest)]
    }

    /// Executes a decree, once; `salt` differs between servers, for a bug.
    ///
    /// # Errors
    /// When it changes nothing.
    pub fn decree(&mut self, decree: &Decree, bugs: Bugs, salt: u64) -> Result<Num, Complaint> {
        let by = decree.by;
        match self.heard.get(&by.clerk) {
            _ if bugs.has(Bug::ForgetsDecrees) => {}
            Some(last) if last.number == by.number => return last.answer.clone(),
            Some(last) if last.number > by.number => return Err(Complaint::Old),
            _ => {}
        }
        let answer = self.query(&Query { num: None }).after(&decree.rule, bugs, salt).map(|next| {
            let num = next.num;
            self.configs.push(next);
            num
        });
        self.heard.insert(by.clerk, Last { number: by.number, answer: answer.clone() });
        answer
    }
}
