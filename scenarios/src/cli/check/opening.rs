//! What the accounts of a bank hold before the first operation.

use std::collections::BTreeMap;

use stormglass_checker::models::Text;
use stormglass_checker::models::bank::{Bank, Input, Output};

type Operation = stormglass_checker::Operation<Input, Output>;

#[derive(Clone, Debug)]
pub(super) enum Opening {
    Balances(BTreeMap<Text, u64>),
    /// What a read saw before anything was moved.
    FirstRead,
}

impl Opening {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "first-read" {
            return Ok(Opening::FirstRead);
        }
        let mut balances = BTreeMap::new();
        for entry in text.split(',') {
            let pair = entry.split_once('=').filter(|(account, _)| !account.is_empty());
            let (account, balance) =
                pair.ok_or_else(|| format!("expected account=balance or first-read; found {entry:?}"))?;
            let balance = balance.parse().map_err(|_| {
                format!(
                    "expected a whole number, not negative, as the balance of {account}; it is {balance:?}"
                )
            })?;
            if balances.insert(Text::from(account), balance).is_some() {
                return Err(format!("{account} has two balances"));
            }
        }
        Ok(Opening::Balances(balances))
    }
}

/// The bank of a history. An error is what was expected of the history.
pub(super) fn bank(opening: Option<&Opening>, history: &[Operation]) -> Result<Bank, String> {
    match opening {
        None => Ok(Bank::default()),
        Some(Opening::Balances(balances)) => Ok(Bank::new(balances.clone())),
        Some(Opening::FirstRead) => first_read(history),
    }
}

fn first_read(history: &[Operation]) -> Result<Bank, String> {
    let moves = history.iter().filter(|operation| operation.input != Input::Read);
    let begins = moves.map(|operation| operation.call).min().unwrap_or(u64::MAX);
    let reads = history.iter().filter(|operation| operation.returned_at().is_some_and(|at| at < begins));
    let balances = reads.min_by_key(|operation| operation.returned_at()).and_then(Operation::output);
    let Some(Output::Balances(seen)) = balances else {
        return Err("expected a read that returned before the first transfer or deposit was called, since \
                    --opening is first-read"
            .to_owned());
    };
    let positive = seen.iter().map(|(account, balance)| {
        let balance = u64::try_from(*balance);
        balance.map(|balance| (account.clone(), balance)).map_err(|_| {
            format!("expected no negative balance to open with; the first read saw one of {account}")
        })
    });
    Ok(Bank::new(positive.collect::<Result<Vec<_>, _>>()?))
}

/// What is said with a violation if nobody said what was there, and no deposit did.
pub(super) fn hint(opening: Option<&Opening>, model: &str) -> Option<&'static str> {
    (opening.is_none() && model == "bank")
        .then_some("the bank was taken to open without money; --opening says what was there")
}
