//! The promises about shards: who serves them, what moves, what is written.

use super::super::protocol::Seen;
use super::ghost::digest;
use super::{Ghost, Observation, Phase, ensure};

/// K0: every server of a group does the same at the same place of the log.
pub fn replicas_agree(past: &Ghost, seen: &Observation) -> Result<(), String> {
    match seen {
        Observation::Applied { gid, index, seen } => {
            let first = past.executed_as(*gid, *index);
            ensure(first.is_none_or(|first| first == digest(seen)), || {
                format!(
                    "at entry {index} a server of group {gid} did {seen:?}, and another had done something else"
                )
            })
        }
        Observation::Configured { config, .. } => {
            let known = past.config(config.num).unwrap_or(config);
            ensure(known == config, || {
                format!(
                    "configuration {} is {:?} on one server and {:?} on another",
                    config.num, known.shards, config.shards
                )
            })
        }
        _ => Ok(()),
    }
}

/// K1: what is served is served by the one group that has the shard, between its install and its freeze. Of reads it sees
/// those that go through the log; one that goes past it may be overtaken on its way by what the other servers execute, and
/// is judged by the history alone.
pub fn one_group_serves(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Step { gid, seen } = seen else { return Ok(()) };
    match seen {
        Seen::Wrote { shard, num, .. } | Seen::Looked { shard, num } => {
            let held = past.held(*shard, *gid);
            ensure(held.phase == Phase::Serving && held.num == *num, || {
                format!("group {gid} served shard {shard} as of configuration {num}, which it has {held:?}")
            })
        }
        Seen::Installed { shard, num, .. } | Seen::Born { shard, num } => {
            let other = past.serving(*shard).filter(|other| other != gid);
            ensure(other.is_none(), || {
                let other = other.unwrap_or_default();
                format!(
                    "group {gid} took up shard {shard} for configuration {num} while group {other} serves it"
                )
            })
        }
        _ => Ok(()),
    }
}

/// K2: a step for a configuration that is older than the shard changes nothing; nor does one that was taken before. Of a
/// shard that comes in parts each follows the one before it.
pub fn old_numbers_change_nothing(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Step { gid, seen } = seen else { return Ok(()) };
    let (what, shard, num, again) = match seen {
        Seen::Took { shard, num, from, .. } => {
            let has = past.arrived(*shard, *gid, *num);
            ensure(has == Some(*from), || {
                format!(
                    "group {gid} took what follows byte {from} of shard {shard} for configuration {num}, of which it had {has:?}"
                )
            })?;
            ("took a part of", *shard, *num, false)
        }
        Seen::Froze { shard, num, .. } => ("froze", *shard, *num, false),
        Seen::Installed { shard, num, .. } | Seen::Born { shard, num } => ("installed", *shard, *num, false),
        Seen::Deleted { shard, num } => ("deleted", *shard, *num, true),
        _ => return Ok(()),
    };
    let held = past.held(shard, *gid);
    ensure(num > held.num || again && num == held.num, || {
        format!("group {gid} {what} shard {shard} for configuration {num}, which it had {held:?}")
    })
}

/// K3: what is installed is what was frozen last, for the same configuration (or by the same group, which kept it).
pub fn installed_is_what_was_frozen(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Step { gid, seen: Seen::Installed { shard, num, digest } } = seen else { return Ok(()) };
    let frozen = past.frozen(*shard);
    let same = frozen.is_some_and(|was| was.digest == *digest && (was.num == *num || was.gid == *gid));
    ensure(same, || {
        format!("group {gid} installed shard {shard} for configuration {num}; frozen last was {frozen:?}")
    })
}

/// K4: a shard is deleted only where it is frozen and another group has installed it.
pub fn deleted_after_install(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Step { gid, seen: Seen::Deleted { shard, num } } = seen else { return Ok(()) };
    let held = past.held(*shard, *gid);
    ensure(held.phase == Phase::Frozen && past.was_installed(*shard, *num), || {
        format!(
            "group {gid} deleted shard {shard} for configuration {num}; it has it {held:?}, and nobody else yet"
        )
    })
}

/// K6: a key's versions count its writes, one after the other, whichever group executes them.
pub fn versions_are_a_chain(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Step { gid, seen: Seen::Wrote { key, version, .. } } = seen else { return Ok(()) };
    let latest = past.version(key);
    ensure(*version == latest + 1, || {
        format!("`{key}` was at version {latest} when group {gid} installed version {version}")
    })
}

/// K7: nobody begins anew with a shard that somebody has had. Groups that follow no controller never begin but as the
/// founder: what is lost there, K3 and K4 see.
pub fn no_shard_is_lost(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Step { gid, seen: Seen::Born { shard, num } } = seen else { return Ok(()) };
    ensure(!past.was_born(*shard), || {
        format!(
            "group {gid} began with an empty shard {shard} at configuration {num}, which others have had before"
        )
    })
}

/// K10: the state of a group after an entry is the same on all its servers, also on those that have it from a snapshot.
pub fn snapshots_are_whole(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Snapshot { gid, index, digest } = seen else { return Ok(()) };
    ensure(past.snapshot(*gid, *index).is_none_or(|other| other == *digest), || {
        format!(
            "the state of a server of group {gid} after entry {index} is not the one of which a snapshot was taken"
        )
    })
}

/// K9: a write is executed once, however often it is sent to whom.
pub fn executed_once(past: &Ghost, seen: &Observation) -> Result<(), String> {
    let Observation::Step { gid, seen: Seen::Wrote { key, by, version, .. } } = seen else { return Ok(()) };
    ensure(!past.was_executed(*by), || {
        let (clerk, number) = (by.clerk, by.number);
        format!(
            "write {number} of clerk {clerk} had been executed when group {gid} made version {version} of `{key}` of it"
        )
    })
}
