//! Counters, locks and banks. The world keeps numbers in digits.

use super::{Case, World, get, put};
use std::collections::BTreeMap;
use stormglass_checker::models::Text;
use stormglass_checker::models::bank::{self, Bank};
use stormglass_checker::models::counter::{self, Counter};
use stormglass_checker::models::lock::{self, Lock};

fn number(world: &World, key: &Text) -> i64 {
    get(world, key).map_or(0, |digits| digits.parse().unwrap())
}

fn change(world: &mut World, key: &Text, by: i64) {
    let sum = number(world, key) + by;
    put(world, key, &sum.to_string());
}

pub(crate) struct Counters;

impl Case for Counters {
    type Model = Counter;
    const NAME: &'static str = "counter";

    fn model() -> Counter {
        Counter
    }

    fn run(world: &mut World, input: &counter::Input) -> counter::Output {
        use counter::{Input, Output};
        match input {
            Input::Inc { key, by } => {
                change(world, key, *by);
                Output::Done
            }
            Input::Read { key } => Output::Value(number(world, key)),
        }
    }

    fn completed() -> Vec<(counter::Input, counter::Output)> {
        use counter::{Input, Output};
        let read = |seen| (Input::Read { key: "x".into() }, Output::Value(seen));
        let mut all = vec![read(0), read(1), read(2), read(3), read(-1)];
        all.extend(Self::pending().into_iter().map(|input| (input, Output::Done)));
        all
    }

    fn pending() -> Vec<counter::Input> {
        let inc = |by| counter::Input::Inc { key: "x".into(), by };
        vec![inc(1), inc(2), inc(-1)]
    }
}

pub(crate) struct Locks;

impl Case for Locks {
    type Model = Lock;
    const NAME: &'static str = "lock";

    fn model() -> Lock {
        Lock
    }

    fn run(world: &mut World, input: &lock::Input) -> lock::Output {
        use lock::{Input, Output};
        let holder = world.get("x").map(|(holder, _)| holder.clone());
        match input {
            Input::Acquire { key, owner } if holder.is_none() => {
                put(world, key, &owner.to_string());
                Output::Done
            }
            Input::Release { owner, .. } if holder == Some(owner.to_string()) => {
                world.remove("x");
                Output::Done
            }
            _ => Output::Refused,
        }
    }

    fn completed() -> Vec<(lock::Input, lock::Output)> {
        use lock::Output;
        let done = Self::pending().into_iter().map(|input| (input, Output::Done));
        let refused = Self::pending().into_iter().map(|input| (input, Output::Refused));
        done.chain(refused).collect()
    }

    fn pending() -> Vec<lock::Input> {
        use lock::Input;
        let acquire = |owner| Input::Acquire { key: "x".into(), owner };
        let release = |owner| Input::Release { key: "x".into(), owner };
        vec![acquire(1), release(1), acquire(2), release(2)]
    }
}

/// Two accounts, one of them with 2 to begin with.
pub(crate) struct Banks;

impl Banks {
    fn balance(world: &World, account: &Text) -> i64 {
        number(world, account) + if **account == *"a" { 2 } else { 0 }
    }

    fn transfer(from: &str, to: &str, amount: u64) -> bank::Input {
        bank::Input::Transfer { from: from.into(), to: to.into(), amount }
    }
}

impl Case for Banks {
    type Model = Bank;
    const NAME: &'static str = "bank";

    fn model() -> Bank {
        Bank::new([("a".into(), 2), ("c".into(), 0)])
    }

    fn run(world: &mut World, input: &bank::Input) -> bank::Output {
        use bank::{Input, Output};
        match input {
            Input::Transfer { from, to, amount } => {
                let amount = *amount as i64;
                let enough = Self::balance(world, from) >= amount;
                if enough {
                    change(world, from, -amount);
                    change(world, to, amount);
                }
                Output::Transferred(enough)
            }
            Input::Deposit { to, amount } => {
                change(world, to, *amount as i64);
                Output::Done
            }
            Input::Read => {
                let accounts = ["a", "b", "c"].map(Text::from);
                let balance = |account: Text| (account.clone(), Self::balance(world, &account));
                Output::Balances(accounts.map(balance).into())
            }
        }
    }

    /// An account without a balance may be left out.
    fn accepts(seen: &bank::Output, answer: &bank::Output) -> bool {
        let normal = |output: &bank::Output| match output {
            bank::Output::Balances(balances) => {
                let some = balances.iter().filter(|(_, balance)| **balance != 0);
                bank::Output::Balances(some.map(|(account, balance)| (account.clone(), *balance)).collect())
            }
            other => other.clone(),
        };
        normal(seen) == normal(answer)
    }

    fn completed() -> Vec<(bank::Input, bank::Output)> {
        use bank::{Input, Output};
        let read = |a, b| {
            let balances: BTreeMap<Text, i64> = [("a".into(), a), ("b".into(), b)].into();
            (Input::Read, Output::Balances(balances))
        };
        let mut all = vec![read(2, 0), read(0, 2), read(1, 1), read(-1, 3)];
        for input in Self::pending() {
            match input {
                Input::Transfer { .. } => {
                    all.push((input.clone(), Output::Transferred(true)));
                    all.push((input, Output::Transferred(false)));
                }
                _ => all.push((input, Output::Done)),
            }
        }
        all
    }

    fn pending() -> Vec<bank::Input> {
        let deposit = bank::Input::Deposit { to: "b".into(), amount: 1 };
        vec![Self::transfer("a", "b", 2), Self::transfer("b", "a", 1), Self::transfer("a", "b", 1), deposit]
    }
}
