//! The promises about configurations: each has one content, they are taken up in their order, and they are fair. Those
//! who change them take turns.

use super::super::message::{Config, Gid, Num, Rule};
use super::super::protocol::Seen;
use super::{Ghost, Observation, Phase, ensure};

/// K5: configurations are numbered without gaps, have one content each, and one is done with before the next: a group
/// takes up the next when its shards have come and gone, and a controller publishes when every shard is where it belongs.
pub fn configurations_are_followed(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Configured { config, .. } => ensure(config.num <= past.current() + 1, || {
            format!("configuration {} was made when {} was the latest", config.num, past.current())
        }),
        Observation::Step { gid, seen: Seen::Adopted { num } } => takes_up(past, *gid, *num),
        Observation::Stored { current: false, config } => {
            let (num, latest) = (config.num, past.current());
            ensure(num == latest + 1, || {
                format!("configuration {num} was posted as next while {latest} is current")
            })?;
            ensure(past.config(num).is_none_or(|known| known == config), || {
                format!("a second configuration {num} was posted")
            })
        }
        Observation::Stored { current: true, config } => publishes(past, config),
        _ => Ok(()),
    }
}

fn takes_up(past: &Ghost, gid: Gid, num: Num) -> Result<(), String> {
    let before = past.adopted(gid);
    ensure(num == before + 1 && past.config(num).is_some(), || {
        format!("group {gid} took up configuration {num} after {before}")
    })?;
    let Some(config) = past.config(before) else { return Ok(()) };
    config.shards.iter().enumerate().try_for_each(|(shard, owner)| {
        let held = past.held(shard, gid);
        let awaited = *owner == gid && held.phase != Phase::Serving && held.num <= before;
        let kept = *owner != gid && *owner != 0 && held.phase == Phase::Frozen && held.num <= before;
        ensure(!awaited && !kept, || {
            format!("group {gid} took up configuration {num}; at {before} shard {shard} was to go to {owner}: {held:?}")
        })
    })
}

fn publishes(past: &Ghost, config: &Config) -> Result<(), String> {
    let (num, latest) = (config.num, past.current());
    if latest == 0 {
        return Ok(());
    }
    ensure(num == latest + 1, || format!("configuration {num} was published when {latest} was current"))?;
    ensure(past.config(num) == Some(config), || {
        format!("configuration {num} was published, but never posted as next")
    })?;
    config.shards.iter().enumerate().filter(|(_, owner)| **owner != 0).try_for_each(|(shard, owner)| {
        let held = past.held(shard, *owner);
        ensure(held.phase == Phase::Serving || held.num > num, || {
            format!("configuration {num} was published; shard {shard} is not yet served by group {owner}: {held:?}")
        })
    })
}

/// K8: after a join or a leave no group has two shards more than another, and no shard moved that could have stayed. A
/// move moves one shard. Of a configuration that a controller without a server stores as the next one the groups tell what
/// it was.
pub fn balanced_with_fewest_moves(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Configured { rule, config, .. } => {
            let empty = Config::empty(config.shards.len());
            let before = if config.num == 1 { Some(&empty) } else { past.config(config.num - 1) };
            before.map_or(Ok(()), |before| {
                balanced(before, config, matches!(rule, Rule::Move(..)), &format!("{rule:?}"))
            })
        }
        Observation::Stored { current: false, config } => {
            past.config(config.num.saturating_sub(1)).map_or(Ok(()), |before| {
                let num = config.num;
                balanced(before, config, before.groups == config.groups, &format!("configuration {num}"))
            })
        }
        _ => Ok(()),
    }
}

fn balanced(before: &Config, config: &Config, by_hand: bool, what: &str) -> Result<(), String> {
    let moved = before.shards.iter().zip(&config.shards).filter(|(old, new)| old != new).count();
    if by_hand {
        return ensure(moved <= 1, || format!("{what} moved {moved} shards"));
    }
    let count = |config: &Config, gid: Gid| config.shards.iter().filter(|owner| **owner == gid).count();
    let after: Vec<usize> = config.groups.keys().map(|gid| count(config, *gid)).collect();
    let spread = after.iter().max().unwrap_or(&0) - after.iter().min().unwrap_or(&0);
    ensure(spread <= 1 && (after.is_empty() || after.iter().sum::<usize>() == config.shards.len()), || {
        format!("{what} gave the groups {after:?} shards")
    })?;
    // Those that have most may keep most.
    let mut had: Vec<usize> = config.groups.keys().map(|gid| count(before, *gid)).collect();
    had.sort_unstable_by(|a, b| b.cmp(a));
    let mut quotas = after;
    quotas.sort_unstable_by(|a, b| b.cmp(a));
    let stay: usize = had.iter().zip(&quotas).map(|(had, quota)| *had.min(quota)).sum();
    let nobody = if config.groups.is_empty() { count(before, 0) } else { 0 };
    let fewest = config.shards.len() - stay - nobody;
    ensure(moved == fewest, || format!("{what} moved {moved} shards where {fewest} were enough"))
}

/// K13: while clocks differ by no more than was declared, controllers with a lease work one after the other: whose lease
/// stands by its own clock is the one to whom the store gave it last. What is sent then may arrive after that, or be sent
/// once more: K2 and K5 hold whatever becomes of the lease.
pub fn one_controller_works(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Works { holder } = seen else { return Ok(()) };
    ensure(past.lease() == Some(*holder), || {
        format!(
            "controller {holder:016x} worked with a lease that was {}",
            match past.lease() {
                Some(other) => format!("controller {other:016x}'s"),
                None => "given back".to_owned(),
            }
        )
    })
}
