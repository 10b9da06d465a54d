//! The next configuration: balanced, with the fewest moves, and the same on every server.
//!
//! With `n` shards and `g` groups, `n % g` groups have one shard more than the others. Those that have most already are
//! the ones that keep one more; then no group gives away a shard that it could have kept. Nothing here depends on more
//! than the configuration and the order of numbers.

use std::collections::BTreeMap;

use super::super::bugs::{Bug, Bugs};
use super::super::message::{Complaint, Config, Gid, Rule, Shard};

/// FNV-1a, 32 bits.
const OFFSET: u32 = 0x811c_9dc5;
const PRIME: u32 = 0x0100_0193;

/// The shard of a key, where there are so many (at least 1).
pub fn shard_of(key: &str, shards: usize) -> Shard {
    let hash = key.bytes().fold(OFFSET, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(PRIME));
    hash as usize % shards.max(1)
}

impl Config {
    /// The configuration 0 of so many shards: nobody serves any.
    pub fn empty(shards: usize) -> Config {
        Config { shards: vec![0; shards], origins: vec![0; shards], ..Config::default() }
    }

    /// The group that serves the shard of this key, with its servers.
    pub fn group_of(&self, key: &str) -> Option<(Gid, &[String])> {
        let gid = *self.shards.get(shard_of(key, self.shards.len()))?;
        Some((gid, self.groups.get(&gid)?))
    }

    /// The configuration after this one. `salt` differs from server to server, for a bug.
    ///
    /// # Errors
    /// When the rule makes no sense here: nothing is changed then.
    pub fn after(&self, rule: &Rule, bugs: Bugs, salt: u64) -> Result<Config, Complaint> {
        let mut next = self.clone();
        match rule {
            Rule::Join(groups) => {
                let known = |gid: &&Gid| **gid == 0 || self.groups.contains_key(gid);
                if let Some(gid) = groups.keys().find(known) {
                    return Err(Complaint::Joined(*gid));
                }
                next.groups.extend(groups.clone());
                next.rebalance(bugs, salt);
            }
            Rule::Leave(gids) => {
                for gid in gids {
                    next.groups.remove(gid).ok_or(Complaint::NoGroup(*gid))?;
                }
                next.rebalance(bugs, salt);
            }
            Rule::Move(shard, gid) => {
                let slot = next.shards.get_mut(*shard).ok_or(Complaint::NoShard(*shard))?;
                if !self.groups.contains_key(gid) {
                    return Err(Complaint::NoGroup(*gid));
                }
                *slot = *gid;
            }
        }
        next.num += 1;
        for (origin, served) in next.origins.iter_mut().zip(&self.shards) {
            if *served != 0 {
                *origin = *served;
            }
        }
        Ok(next)
    }

    /// The shards that change hands between this configuration and `next`: shard, from whom (who has its content), to
    /// whom.
    pub fn moves<'a>(&'a self, next: &'a Config) -> impl Iterator<Item = (Shard, Gid, Gid)> + 'a {
        let changed = move |&(shard, to): &(Shard, Gid)| self.shards.get(shard) != Some(&to);
        next.shards
            .iter()
            .copied()
            .enumerate()
            .filter(changed)
            .map(|(shard, to)| (shard, next.origins[shard], to))
    }

    fn rebalance(&mut self, bugs: Bugs, salt: u64) {
        if self.groups.is_empty() {
            self.shards.fill(0);
            return;
        }
        let mut counts: BTreeMap<Gid, usize> = self.groups.keys().map(|gid| (*gid, 0)).collect();
        for gid in &mut self.shards {
            match counts.get_mut(gid) {
                Some(count) => *count += 1,
                None => *gid = 0,
            }
        }
        let mut order: Vec<Gid> = counts.keys().copied().collect();
        let salt = if bugs.has(Bug::BalanceByMapOrder) { salt } else { 0 };
        order.sort_by_key(|gid| (std::cmp::Reverse(counts[gid]), gid ^ salt));
        if bugs.has(Bug::BalanceAnew) {
            for (shard, gid) in self.shards.iter_mut().enumerate() {
                *gid = order[shard % order.len()];
            }
            return;
        }
        let (least, more) = (self.shards.len() / order.len(), self.shards.len() % order.len());
        let mut room: Vec<(Gid, usize)> =
            order.iter().enumerate().map(|(place, gid)| (*gid, least + usize::from(place < more))).collect();
        let quota: BTreeMap<Gid, usize> = room.iter().copied().collect();
        // Whoever has too many gives away its last ones.
        for gid in self.shards.iter_mut().rev() {
            if let Some(count) = counts.get_mut(gid).filter(|count| **count > quota[gid]) {
                *count -= 1;
                *gid = 0;
            }
        }
        for (gid, room) in &mut room {
            *room -= counts[gid];
        }
        for gid in self.shards.iter_mut().filter(|gid| **gid == 0) {
            let taker = room.iter_mut().find(|(_, room)| *room > 0).expect("quotas add up to all shards");
            taker.1 -= 1;
            *gid = taker.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn join(config: &Config, gids: &[Gid]) -> Config {
        let groups = gids.iter().map(|gid| (*gid, vec![format!("{gid}:1")])).collect();
        config.after(&Rule::Join(groups), Bugs::NONE, 0).unwrap()
    }

    /// Shards of each group.
    fn counts(config: &Config) -> Vec<usize> {
        config.groups.keys().map(|gid| config.shards.iter().filter(|owner| *owner == gid).count()).collect()
    }

    fn changed(one: &Config, other: &Config) -> usize {
        one.shards.iter().zip(&other.shards).filter(|(a, b)| a != b).count()
    }

    /// The fewest moves to any balanced assignment, by trying all of them.
    fn fewest(old: &Config, next: &Config) -> usize {
        let gids: Vec<Gid> = next.groups.keys().copied().collect();
        if gids.is_empty() {
            return old.shards.iter().filter(|gid| **gid != 0).count();
        }
        let shards = old.shards.len();
        let all = (0..gids.len().pow(shards as u32)).filter_map(|code| {
            let mut code = code;
            let mut owners = Vec::with_capacity(shards);
            let mut sizes = vec![0usize; gids.len()];
            for _ in 0..shards {
                owners.push(gids[code % gids.len()]);
                sizes[code % gids.len()] += 1;
                code /= gids.len();
            }
            let balanced = sizes.iter().max()? - sizes.iter().min()? <= 1;
            balanced.then(|| owners.iter().zip(&old.shards).filter(|(a, b)| a != b).count())
        });
        all.min().unwrap()
    }

    #[derive(Debug, Clone)]
    enum Step {
        Join(Vec<Gid>),
        Leave(Gid),
        Move(Shard, Gid),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            3 => prop::collection::btree_set(1u64..5, 1..3).prop_map(|gids| Step::Join(gids.into_iter().collect())),
            2 => (1u64..5).prop_map(Step::Leave),
            2 => (0usize..5, 1u64..5).prop_map(|(shard, gid)| Step::Move(shard, gid)),
        ]
    }

    proptest! {
        #[test]
        fn balanced_with_the_fewest_moves(steps in prop::collection::vec(step(), 1..12)) {
            let mut config = Config::empty(5);
            for step in steps {
                let rule = match step {
                    Step::Join(gids) => Rule::Join(gids.into_iter().map(|gid| (gid, vec![])).collect()),
                    Step::Leave(gid) => Rule::Leave(vec![gid]),
                    Step::Move(shard, gid) => Rule::Move(shard, gid),
                };
                let Ok(next) = config.after(&rule, Bugs::NONE, 0) else { continue };
                prop_assert_eq!(next.num, config.num + 1);
                prop_assert!(next.shards.iter().all(|gid| next.groups.contains_key(gid) || next.groups.is_empty()));
                if !matches!(rule, Rule::Move(..)) {
                    let sizes = counts(&next);
                    let spread = sizes.iter().max().unwrap_or(&0) - sizes.iter().min().unwrap_or(&0);
                    prop_assert!(spread <= 1, "{:?}", next);
                    prop_assert_eq!(changed(&config, &next), fewest(&config, &next), "{:?} to {:?}", config, next);
                }
                for (shard, origin) in next.origins.iter().enumerate() {
                    let served = config.shards[shard];
                    prop_assert_eq!(*origin, if served == 0 { config.origins[shard] } else { served });
                }
                config = next;
            }
        }

        #[test]
        fn every_key_has_a_shard(key in ".{0,8}", shards in 1usize..20) {
            prop_assert!(shard_of(&key, shards) < shards);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let config = join(&Config::empty(10), &[1]);
        let refused = |rule| config.after(&rule, Bugs::NONE, 0).unwrap_err();
        assert_eq!(refused(Rule::Join([(1, vec![])].into())), Complaint::Joined(1));
        assert_eq!(refused(Rule::Join([(0, vec![])].into())), Complaint::Joined(0));
        assert_eq!(refused(Rule::Leave(vec![1, 2])), Complaint::NoGroup(2));
        assert_eq!(refused(Rule::Move(10, 1)), Complaint::NoShard(10));
        assert_eq!(refused(Rule::Move(9, 3)), Complaint::NoGroup(3));
    }

    #[test]
    fn the_content_of_a_shard_that_nobody_serves_is_not_forgotten() {
        let one = join(&Config::empty(2), &[7]);
        assert_eq!((one.shards.clone(), one.origins.clone()), (vec![7, 7], vec![0, 0]));
        let none = one.after(&Rule::Leave(vec![7]), Bugs::NONE, 0).unwrap();
        let two = join(&none, &[8]);
        assert_eq!((none.shards.clone(), two.shards.clone()), (vec![0, 0], vec![8, 8]));
        assert_eq!(two.origins, [7, 7]);
        assert_eq!(none.moves(&two).collect::<Vec<_>>(), [(0, 7, 8), (1, 7, 8)]);
    }

    #[test]
    fn the_bugs_unbalance_differ_or_move_too_much() {
        let three = join(&Config::empty(10), &[1, 2, 3]);
        let rule = Rule::Join([(4, vec![])].into());
        let right = three.after(&rule, Bugs::NONE, 0).unwrap();
        assert_eq!(changed(&three, &right), 2);
        let anew = three.after(&rule, Bugs::only(Bug::BalanceAnew), 0).unwrap();
        assert!(changed(&three, &anew) > 2);
        let by_map = |salt| {
            Config::empty(10).after(
                &Rule::Join([(1, vec![]), (2, vec![]), (3, vec![])].into()),
                Bugs::only(Bug::BalanceByMapOrder),
                salt,
            )
        };
        assert_ne!(by_map(1), by_map(2));
    }
}
