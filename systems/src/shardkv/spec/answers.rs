//! The promises about what is told: a refusal is certain, and a decree is carried out once.

use super::super::message::{Complaint, Config, Gid, Num, Rule, Stamp};
use super::super::protocol::Seen;
use super::{Ghost, Observation, ensure};

/// K11: a write that a client was told is certainly not done has no effect, neither before nor after. Of a write that nobody
/// took, that could not be promised where the network makes copies; stories in which clients give up have no such network.
pub fn refusals_are_certain(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Refused { clerk, numbers } => {
            past.executed_of(*clerk, numbers).map_or(Ok(()), |Stamp { clerk, number }| {
                Err(format!("write {number} of clerk {clerk} was refused for certain, and had been executed"))
            })
        }
        Observation::Step { gid, seen: Seen::Wrote { by, key, version, .. } } => {
            let Stamp { clerk, number } = *by;
            ensure(!past.was_refused(*by), || {
                format!(
                    "group {gid} made version {version} of `{key}` of write {number} of clerk {clerk}, which had been \
                     refused for certain"
                )
            })
        }
        _ => Ok(()),
    }
}

/// K12: a decree makes one configuration, however often it is sent, and its client is told that one; or it makes none, and
/// its client is told a reason that held at some time since it asked. Whoever asks for a configuration is told one that was
/// made; who asks for the latest, none older than there was when it asked.
pub fn decrees_are_carried_out_once(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Configured { by, rule, config } => {
            let (num, other) = (config.num, past.decreed(*by).unwrap_or(config.num));
            ensure(other == num, || format!("{rule:?} made configuration {other}, and its copy made {num}"))?;
            ensure(!past.was_objected_to(*by), || {
                format!("{rule:?} made configuration {num} after it had been refused")
            })
        }
        Observation::Decreed { by, rule, told: Ok(num), .. } => {
            ensure(past.decreed(*by) == Some(*num), || {
                format!("{rule:?} was told to be configuration {num}; it made {:?}", past.decreed(*by))
            })
        }
        Observation::Decreed { by, rule, since, told: Err(why) } => {
            ensure(past.decreed(*by).is_none(), || {
                format!("{rule:?} was refused, {why}, and made configuration {:?}", past.decreed(*by))
            })?;
            ensure(is_right(past, *since, rule, why), || {
                format!("{rule:?} was refused, {why}: at no time since configuration {since} was that so")
            })
        }
        Observation::Queried { since, num, config } => told(past, *since, *num, config),
        _ => Ok(()),
    }
}

/// Whether a complaint about a rule was right in one of the configurations since this one.
fn is_right(past: &Ghost, since: Num, rule: &Rule, why: &Complaint) -> bool {
    let takes_part = |num, gid: &Gid| past.config(num).is_some_and(|config| config.groups.contains_key(gid));
    let mut nums = since..=past.current();
    match (rule, why) {
        (Rule::Join(groups), Complaint::Joined(gid)) => {
            groups.contains_key(gid) && (*gid == 0 || nums.any(|num| takes_part(num, gid)))
        }
        (Rule::Leave(gids), Complaint::NoGroup(gid)) => {
            gids.contains(gid) && nums.any(|num| !takes_part(num, gid))
        }
        (Rule::Move(_, to), Complaint::NoGroup(gid)) => to == gid && nums.any(|num| !takes_part(num, gid)),
        (Rule::Move(shard, _), Complaint::NoShard(none)) => {
            shard == none && past.config(past.current()).is_none_or(|config| config.shards.len() <= *shard)
        }
        // Whoever waits for an answer has asked for nothing else since.
        _ => false,
    }
}

fn told(past: &Ghost, since: Num, asked: Option<Num>, config: &Config) -> Result<(), String> {
    let num = config.num;
    let made = past.config(num).map_or_else(|| Config::empty(config.shards.len()), Config::clone);
    ensure(made == *config, || format!("configuration {num} is {made:?}, and was told to be {config:?}"))?;
    match asked {
        None => ensure(num >= since, || {
            format!("configuration {num} was told to be the latest when there had been {since}")
        }),
        Some(asked) => {
            ensure(num <= asked, || format!("configuration {num} was told to who asked for {asked}"))
        }
    }
}
