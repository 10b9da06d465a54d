//! Whoever runs the store: decrees to the replicated controller, or changes by a controller of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use stormglass_sim::chance::Ratio;
use stormglass_sim::net::{Latency, LinkConfig};
use stormglass_sim::time::sleep;
use stormglass_systems::kv;
use stormglass_systems::shardkv::client::{Controller, DecreeError, Decrees, Ended};
use stormglass_systems::shardkv::message::{Config, Gid, Num, Rule, Shard};
use stormglass_systems::shardkv::spec::{Ghost, Observation};

use super::cast::Cast;
use super::hand::Hand;
use crate::stories::about;

pub(super) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A network on which a message takes 1 to 8 ms.
pub(super) fn brisk() -> LinkConfig {
    LinkConfig::with_latency(Latency::Uniform(millis(1), millis(8)))
}

/// The same; some messages are lost, some come twice, and some late.
pub(super) fn rough() -> LinkConfig {
    let latency = Latency::TwoHumped {
        fast: (millis(1), millis(8)),
        slow: (millis(30), millis(300)),
        slow_share: Ratio::percent(5),
    };
    LinkConfig { loss: Ratio::percent(3), duplicate: Ratio::percent(5), ..LinkConfig::with_latency(latency) }
}

/// Gives decrees, and waits until they are answered. The observer judges every answer.
pub(super) struct Admin {
    pub(super) hand: Hand,
    decrees: Decrees,
}

impl Admin {
    pub(super) fn new(hand: Hand) -> Admin {
        let decrees = hand.cast.decrees();
        Admin { hand, decrees }
    }

    pub(super) async fn join(&mut self, gids: &[Gid]) {
        let rule = Rule::Join(self.hand.cast.named(gids));
        self.decree(format!("join of {gids:?}"), rule).await;
    }

    pub(super) async fn leave(&mut self, gids: &[Gid]) {
        self.decree(format!("leave of {gids:?}"), Rule::Leave(gids.to_vec())).await;
    }

    pub(super) async fn move_shard(&mut self, shard: Shard, gid: Gid) {
        self.decree(format!("move of shard {shard} to {gid}"), Rule::Move(shard, gid)).await;
    }

    async fn decree(&mut self, what: String, rule: Rule) {
        let since = self.now();
        self.hand.note(Some(what));
        let told = match self.decrees.decree(rule.clone()).await {
            Ok(num) => Ok(num),
            Err(DecreeError::Refused(why)) => Err(why),
            Err(DecreeError::NotDone | DecreeError::Unknown) => unreachable!("its patience has no end"),
        };
        self.hand.note(None);
        let by = self.decrees.last();
        self.hand.cast.probe.observe(|| Observation::Decreed { by, rule, since, told });
    }

    pub(super) async fn query(&mut self) -> Config {
        self.ask("query".into(), None).await
    }

    pub(super) async fn history(&mut self, num: u64) -> Config {
        self.ask(format!("query of configuration {num}"), Some(num)).await
    }

    async fn ask(&mut self, what: String, num: Option<Num>) -> Config {
        let since = self.now();
        self.hand.note(Some(what));
        let config = self.decrees.query(num).await.expect("its patience has no end");
        self.hand.note(None);
        let told = config.clone();
        self.hand.cast.probe.observe(|| Observation::Queried { since, num, config: told });
        config
    }

    /// The latest configuration, as the observer knows.
    fn now(&self) -> Num {
        self.hand.cast.probe.ghost(Ghost::current).unwrap_or_default()
    }

    /// So many joins, leaves and moves among these groups, at least one of which stays.
    pub(super) async fn shuffle(&mut self, gids: &[Gid], times: usize, pace: Duration) {
        let draw = self.hand.cast.world.stream("admin");
        let mut inside: BTreeSet<Gid> = self.query().await.groups.into_keys().collect();
        let shards = self.hand.cast.plan.shards as u64;
        for _ in self.hand.each(0..times) {
            let gid = gids[draw.below(gids.len() as u64) as usize];
            if draw.below(3) == 0 && inside.contains(&gid) {
                self.move_shard(draw.below(shards) as Shard, gid).await;
            } else if inside.insert(gid) {
                self.join(&[gid]).await;
            } else if inside.len() > 1 {
                inside.remove(&gid);
                self.leave(&[gid]).await;
            }
            sleep(about(draw, pace)).await;
        }
    }

    /// Waits until the shards are where the configuration wants them.
    pub(super) async fn settles(&mut self) {
        let config = self.query().await;
        self.hand.note(Some(format!("configuration {} to be carried out", config.num)));
        while !self.hand.cast.is_settled(&config) {
            sleep(millis(10)).await;
        }
        self.hand.note(None);
    }
}

impl Cast {
    /// Whether every shard is served by its group; who had it before may keep it yet.
    pub(super) fn is_settled(&self, config: &Config) -> bool {
        let all = |shard: usize, owner: &Gid| {
            self.probe.ghost(|ghost| *owner == 0 || ghost.serving(shard) == Some(*owner)).unwrap_or(true)
        };
        config.shards.iter().enumerate().all(|(shard, owner)| all(shard, owner))
    }
}

/// A controller that moves shards itself.
pub(super) struct Boss {
    pub(super) hand: Hand,
    pub(super) controller: Controller<kv::client::Clerk>,
}

impl Boss {
    pub(super) fn new(hand: Hand) -> Boss {
        let controller = hand.cast.controller();
        Boss { hand, controller }
    }

    /// Stores the first configuration.
    pub(super) async fn init(&mut self) {
        self.hand.note(Some("the first configuration".into()));
        self.controller.init(&self.hand.cast.first()).await;
        self.hand.note(None);
    }

    pub(super) async fn query(&self) -> Config {
        self.hand.note(Some("query".into()));
        let config = self.controller.query().await.unwrap_or_default();
        self.hand.note(None);
        config
    }

    pub(super) async fn recover(&self) {
        self.hand.note(Some("recovery".into()));
        self.controller.recover().await;
        self.hand.note(None);
    }

    /// Changes the configuration by a rule, if it makes sense in the current one.
    pub(super) async fn change(&self, rule: &Rule) -> Ended {
        let current = self.query().await;
        let Ok(next) = current.after(rule, self.hand.cast.bugs, 0) else { return Ended::Lost };
        self.hand.note(Some(format!("change to configuration {} by {rule:?}", next.num)));
        let ended = self.controller.change_to(&next).await;
        self.hand.note(None);
        ended
    }

    pub(super) async fn join(&self, gids: &[Gid]) -> Ended {
        self.change(&Rule::Join(self.hand.cast.named(gids))).await
    }

    pub(super) async fn leave(&self, gids: &[Gid]) -> Ended {
        self.change(&Rule::Leave(gids.to_vec())).await
    }

    /// So many joins, leaves and moves among these groups; group 1 stays. Perhaps others change the configuration, too.
    pub(super) async fn shuffle(&self, gids: &[Gid], times: usize, pace: Duration) {
        let draw = self.hand.cast.world.stream(&format!("boss/{}", self.hand.name));
        for _ in self.hand.each(0..times) {
            self.recover().await;
            let inside = self.query().await.groups;
            let gid = gids[draw.below(gids.len() as u64) as usize];
            let rule = if !inside.contains_key(&gid) {
                Rule::Join(self.hand.cast.named(&[gid]))
            } else if gid == 1 || draw.below(3) == 0 {
                Rule::Move(draw.below(self.hand.cast.plan.shards as u64) as Shard, gid)
            } else {
                Rule::Leave(vec![gid])
            };
            _ = self.change(&rule).await;
            sleep(about(draw, pace)).await;
        }
    }
}
