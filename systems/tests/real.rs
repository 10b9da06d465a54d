//! The same servers and clerks for real: tokio, sockets on the loopback, files below the build's directory.

use std::path::PathBuf;

use stormglass_sim::real;
use stormglass_sim::task::spawn;
use stormglass_systems::kv::client::{self, Clerk};
use stormglass_systems::kv::lock::{self, Lock};
use stormglass_systems::kv::message::Versioned;
use stormglass_systems::kv::protocol::PutError;
use stormglass_systems::kv::{log, server};
use stormglass_systems::kvonce;

/// A port that was free a moment ago.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn fresh_directory(name: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    _ = std::fs::remove_dir_all(&directory);
    directory
}

#[test]
fn a_durable_server_keeps_its_promises_over_a_restart() {
    let directory = fresh_directory("kv-durable");
    real::block_on(async {
        for start in 0..3 {
            let log = log::Config { directory: directory.clone(), compact_after: 300 };
            let address = free_address();
            let config = server::Config {
                address: address.clone(),
                storage: server::Storage::Durable(log),
                ..server::Config::default()
            };
            let server = spawn(server::run(config));
            let clerk = Clerk::new(address, client::Config::default());
            for round in 0..20 {
                let version = start * 20 + round;
                assert_eq!(clerk.put("k", &format!("v{version}"), version).await, Ok(()));
                assert_eq!(clerk.put("k", "late", version).await, Err(PutError::Version));
                let value = format!("v{version}");
                assert_eq!(clerk.get("k").await, Ok(Some(Versioned { value, version: version + 1 })));
            }
            assert_eq!(clerk.put("missing", "v", 1).await, Err(PutError::NoKey));
            let lock = Lock::new(&clerk, "lock", lock::Config::default());
            let grant = lock.acquire().await;
            assert_eq!(clerk.get("lock").await.unwrap().unwrap().value, grant.id());
            lock.release(grant).await;
            server.abort();
            _ = server.await;
        }
    })
    .unwrap();
}

#[test]
fn a_damaged_log_is_refused_with_its_name() {
    let directory = fresh_directory("kv-damaged");
    real::block_on(async {
        let log = log::Config { directory: directory.clone(), ..log::Config::default() };
        let address = free_address();
        let config = server::Config {
            address: address.clone(),
            storage: server::Storage::Durable(log),
            ..server::Config::default()
        };
        let server = spawn(server::run(config.clone()));
        let clerk = Clerk::new(address, client::Config::default());
        for version in 0..3 {
            clerk.put("k", "value", version).await.unwrap();
        }
        server.abort();
        _ = server.await;
        let path = directory.join("log");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        let error = server::run(config).await.unwrap_err().to_string();
        assert!(
            error.contains("kv-damaged/log") && error.contains("the frame at byte 0 is damaged"),
            "{error}"
        );
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "it was left as it is");
    })
    .unwrap();
}

#[test]
fn exactly_once_over_real_sockets() {
    real::block_on(async {
        let address = free_address();
        let config = kvonce::server::Config { address: address.clone(), ..kvonce::server::Config::default() };
        let server = spawn(kvonce::server::run(config));
        let mut clerk = kvonce::client::Clerk::new(address, kvonce::client::Config::default());
        assert_eq!(clerk.get("k").await, "");
        assert_eq!(clerk.append("k", "a").await, "");
        assert_eq!(clerk.append("k", "b").await, "a");
        clerk.put("k", "c").await;
        assert_eq!(clerk.get("k").await, "c");
        server.abort();
    })
    .unwrap();
}
