//! Where a clerk finds out who serves what.

use std::time::Duration;

use super::super::message::{Config, Query};
use super::controller::{CURRENT, NEXT, parse};
use crate::kv;
use crate::rsm::{Client, Heard};

/// Where configurations are found.
#[derive(Debug)]
pub enum Directory {
    /// At the servers of a replicated controller.
    Controller(Client),
    /// In a key/value store, where controllers keep the current one and the next.
    Store(kv::client::Clerk),
    /// Always the same.
    Fixed(Config),
}

impl Directory {
    /// The replicated controller with servers at these addresses.
    pub fn controller(servers: Vec<String>) -> Self {
        Directory::Controller(Client::new(servers))
    }

    /// The configuration in force, and after it the next if it is being carried out: some of its shards may have moved
    /// already. Empty: nobody answered within `patience`.
    pub(super) async fn ask(&mut self, patience: Duration) -> Vec<Config> {
        match self {
            Directory::Controller(servers) => match servers.ask(&Query { num: None }, patience).await {
                Heard::Done(config) => vec![config],
                Heard::Refused | Heard::Silence => Vec::new(),
            },
            Directory::Store(store) => {
                let both = futures::future::join(store.get(CURRENT), store.get(NEXT));
                let Ok((Ok(current), Ok(next))) = stormglass_sim::time::timeout(patience * 2, both).await
                else {
                    return Vec::new();
                };
                let mut found: Vec<Config> =
                    [current, next].into_iter().flatten().filter_map(|found| parse(&found.value)).collect();
                if found.len() == 2 && found[1].num <= found[0].num {
                    found.pop();
                }
                found
            }
            Directory::Fixed(config) => vec![config.clone()],
        }
    }
}
