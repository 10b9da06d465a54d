//! A bank: transfers between accounts, deposits from outside, reads of all balances. No balance is ever negative:
//! a transfer of more than there is fails, says so, and moves nothing. The accounts are one object, not many: a
//! read sees all of them at one instant.

use super::Text;
use crate::model::{Model, Next, Phrase};
use std::collections::BTreeMap;

/// What a client asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Moves `amount` if it is there. Answered by [`Output::Transferred`].
    Transfer {
        /// Whose balance shrinks.
        from: Text,
        /// Whose balance grows.
        to: Text,
        /// How much.
        amount: u64,
    },
    /// Adds `amount` from outside. Answered by [`Output::Done`].
    Deposit {
        /// Whose balance grows.
        to: Text,
        /// How much.
        amount: u64,
    },
    /// Asks for all balances. Answered by [`Output::Balances`].
    Read,
}

/// What the bank answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The deposit took effect.
    Done,
    /// Whether there was enough, and it was moved.
    Transferred(bool),
    /// Every balance. An account that is not named has none, which is the same as 0.
    Balances(BTreeMap<Text, i64>),
}

/// The bank. [`Default`] starts without money: let the history begin with deposits.
#[derive(Clone, Debug, Default)]
pub struct Bank(BTreeMap<Text, i128>);

impl Bank {
    /// A bank that starts with these balances.
    pub fn new(balances: impl IntoIterator<Item = (Text, u64)>) -> Self {
        let balances = balances.into_iter().filter(|(_, balance)| *balance > 0);
        Self(balances.map(|(account, balance)| (account, balance.into())).collect())
    }
}

/// One representative for equal balances: those that are 0 are left out.
fn add(mut balances: BTreeMap<Text, i128>, account: &Text, amount: i128) -> BTreeMap<Text, i128> {
    let balance = balances.remove(account).unwrap_or(0) + amount;
    if balance != 0 {
        balances.insert(account.clone(), balance);
    }
    balances
}

impl Model for Bank {
    /// All balances but those that are 0; wide enough for any sum of a history that fits in memory.
    type State = BTreeMap<Text, i128>;
    type Input = Input;
    type Output = Output;

    fn init(&self) -> Self::State {
        self.0.clone()
    }

    fn step(&self, state: &Self::State, input: &Input, output: Option<&Output>) -> Next<Self::State> {
        match (input, output) {
            (Input::Transfer { from, to, amount }, output) => {
                let amount = i128::from(*amount);
                let enough = state.get(from).copied().unwrap_or(0) >= amount;
                match output {
                    None | Some(Output::Transferred(true)) => {
                        Next::when(enough, || add(add(state.clone(), from, -amount), to, amount))
                    }
                    Some(Output::Transferred(false)) => Next::when(!enough, || state.clone()),
                    Some(_) => Next::Nowhere,
                }
            }
            (Input::Deposit { to, amount }, None | Some(Output::Done)) => {
                Next::One(add(state.clone(), to, i128::from(*amount)))
            }
            (Input::Read, None) => Next::One(state.clone()),
            (Input::Read, Some(Output::Balances(seen))) => {
                let seen = seen.iter().filter(|(_, balance)| **balance != 0);
                let same = seen.map(|(a, b)| (a, i128::from(*b))).eq(state.iter().map(|(a, b)| (a, *b)));
                Next::when(same, || state.clone())
            }
            _ => Next::Nowhere,
        }
    }

    /// The nodes of a tree are at least half full.
    fn weight(&self, state: &Self::State) -> usize {
        2 * size_of::<(Text, i128)>() * state.len()
    }

    fn read_only(&self, input: &Input, output: Option<&Output>) -> bool {
        *input == Input::Read || output == Some(&Output::Transferred(false))
    }

    fn settles(&self, input: &Input, _: &Output) -> bool {
        *input == Input::Read
    }

    fn describe(&self, input: &Input, output: Option<&Output>) -> Phrase {
        match input {
            Input::Transfer { from, to, amount } => {
                let (verb, past) = match output {
                    Some(Output::Transferred(false)) => ("failed transfer", "failed to transfer"),
                    _ => ("transfer", "transferred"),
                };
                Phrase { verb, past, rest: format!("{amount} from {from} to {to}") }
            }
            Input::Deposit { to, amount } => {
                Phrase { verb: "deposit", past: "deposited", rest: format!("{amount} to {to}") }
            }
            Input::Read => {
                let rest = match output {
                    Some(Output::Balances(seen)) => balances(seen),
                    _ => "all balances".to_owned(),
                };
                Phrase { verb: "read", past: "read", rest }
            }
        }
    }

    fn show(&self, _: Option<&str>, state: &Self::State) -> String {
        balances(state)
    }
}

fn balances(of: &BTreeMap<Text, impl std::fmt::Display>) -> String {
    match of.is_empty() {
        true => "no balances".to_owned(),
        false => of
            .iter()
            .map(|(account, balance)| format!("{account} = {balance}"))
            .collect::<Vec<_>>()
            .join(", "),
    }
}
