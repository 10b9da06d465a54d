//! The controller in doubt and with a lease, by stores that say what they are told to.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use futures::FutureExt;
use stormglass_sim::time::Instant;
use stormglass_sim::{Seed, Sim};

use super::super::bugs::Bugs;
use super::super::message::{Config, Gid, Rule};
use super::super::protocol::{Grant, LeaseConfig};
use super::controller::{CURRENT, Controller, ControllerConfig, Ended, NEXT, parse, text};
use super::lease::{LEASE, parse_lease};
use crate::kv::client::VersionedKv;
use crate::kv::message::{Version, Versioned};
use crate::kv::protocol::{PutError, Unanswered};

/// A store in which another's configuration is the next one as soon as somebody has put one.
struct Contended {
    first: Config,
    theirs: Config,
    told: PutError,
    was_put: Cell<bool>,
}

impl VersionedKv for Contended {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, Unanswered> {
        let found = if key == CURRENT { Some(&self.first) } else { Some(&self.theirs) };
        let found = found.filter(|_| key == CURRENT || self.was_put.get());
        Ok(found.map(|config| Versioned { value: text(config), version: 1 }))
    }

    async fn put(&self, _: &str, _: &str, _: Version) -> Result<(), PutError> {
        self.was_put.set(true);
        Err(self.told)
    }
}

fn join(config: &Config, gid: Gid) -> Config {
    let groups = [(gid, vec![format!("g{gid}:1")])];
    config.after(&Rule::Join(groups.into()), Bugs::NONE, 0).unwrap()
}

#[test]
fn whose_put_may_have_been_carried_out_does_not_know() {
    let first = join(&Config::empty(2), 1);
    let (mine, other) = (join(&first, 2), join(&first, 3));
    let ended = |told, theirs: &Config| {
        let (first, theirs) = (first.clone(), theirs.clone());
        let store = Contended { first, theirs, told, was_put: Cell::new(false) };
        Controller::new(store, ControllerConfig::default()).change_to(&mine).now_or_never()
    };
    assert_eq!(ended(PutError::Maybe, &join(&mine, 4)), Some(Ended::Unknown));
    assert_eq!(ended(PutError::Unknown, &join(&mine, 4)), Some(Ended::Unknown));
    assert_eq!(ended(PutError::Maybe, &other), Some(Ended::Lost), "of each number one is posted");
    assert_eq!(ended(PutError::Version, &join(&mine, 4)), Some(Ended::Lost));
}

/// A store that is silent after so many reads.
struct Silent {
    current: Config,
    reads: Cell<usize>,
}

impl VersionedKv for Silent {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, Unanswered> {
        self.reads.set(self.reads.get().checked_sub(1).ok_or(Unanswered)?);
        let found = (key == CURRENT).then(|| Versioned { value: text(&self.current), version: 1 });
        Ok(found)
    }

    async fn put(&self, key: &str, _: &str, _: Version) -> Result<(), PutError> {
        if key == NEXT { Ok(()) } else { Err(PutError::Unknown) }
    }
}

#[test]
fn whom_the_store_does_not_answer_does_not_know() {
    let current = join(&Config::empty(2), 1);
    // It moves nothing: there is only the store to be asked.
    let next = current.after(&Rule::Move(0, 1), Bugs::NONE, 0).unwrap();
    let controller = |reads| {
        let store = Silent { current: current.clone(), reads: Cell::new(reads) };
        Controller::new(store, ControllerConfig::default())
    };
    for reads in 0..4 {
        assert_eq!(controller(reads).change_to(&next).now_or_never(), Some(Ended::Unknown), "{reads}");
    }
    assert_eq!(controller(0).recover().now_or_never(), Some(Ended::Unknown));
    assert_eq!(controller(1).recover().now_or_never(), Some(Ended::Unknown));
    assert_eq!(controller(2).recover().now_or_never(), Some(Ended::Changed));
}

const DURATION: Duration = Duration::from_secs(1);

/// A store that answers at once. Where there is a thief, it takes the lease when something is posted, and what follows hangs.
#[derive(Default)]
struct Shared {
    stored: RefCell<BTreeMap<String, Versioned>>,
    thief: Option<u64>,
}

impl Shared {
    fn set(&self, key: &str, value: String) {
        let version = self.stored.borrow().get(key).map_or(0, |found| found.version) + 1;
        self.stored.borrow_mut().insert(key.into(), Versioned { value, version });
    }

    fn lease(&self, holder: Option<u64>) {
        self.set(LEASE, serde_json::to_string(&Grant { holder, duration: DURATION }).unwrap());
    }

    fn value(&self, key: &str) -> String {
        self.stored.borrow().get(key).map(|found| found.value.clone()).unwrap_or_default()
    }

    fn controller(self: &Rc<Self>) -> Controller<Rc<Self>> {
        let lease = Some(LeaseConfig { duration: DURATION, drift_ppm: 1000 });
        Controller::new(self.clone(), ControllerConfig { lease, ..ControllerConfig::default() })
    }
}

impl VersionedKv for Shared {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, Unanswered> {
        Ok(self.stored.borrow().get(key).cloned())
    }

    async fn put(&self, key: &str, value: &str, version: Version) -> Result<(), PutError> {
        if key == CURRENT && self.thief.is_some() {
            pending::<()>().await;
        }
        if self.stored.borrow().get(key).map_or(0, |found| found.version) != version {
            return Err(PutError::Version);
        }
        self.set(key, value.to_owned());
        if key == NEXT && self.thief.is_some() {
            self.lease(self.thief);
        }
        Ok(())
    }
}

/// Configurations 1 to 3, between which nothing moves.
fn chain() -> [Config; 3] {
    let first = join(&Config::empty(2), 1);
    let after = |config: &Config| config.after(&Rule::Move(0, 1), Bugs::NONE, 0).unwrap();
    let second = after(&first);
    [first, second.clone(), after(&second)]
}

#[test]
fn who_takes_over_a_lease_waits_for_it_and_finishes_what_was_left() {
    let [first, second, third] = chain();
    let outcome = Sim::new(Seed(1)).run(move |_| async move {
        let store = Rc::new(Shared::default());
        store.set(CURRENT, text(&first));
        store.set(NEXT, text(&second));
        store.lease(Some(7));
        let began = Instant::now();
        assert_eq!(store.controller().change_to(&third).await, Ended::Changed);
        let waited = began.elapsed();
        assert!(DURATION <= waited && waited < DURATION * 2, "{waited:?}");
        assert_eq!(parse(&store.value(CURRENT)), Some(third));
        assert_eq!(parse_lease(&store.value(LEASE)).unwrap().holder, None, "it was given back");
        let began = Instant::now();
        assert_eq!(store.controller().recover().await, Ended::Changed);
        assert_eq!(began.elapsed(), Duration::ZERO, "nobody has it");
    });
    outcome.unwrap();
}

#[test]
fn who_loses_its_lease_stops_and_leaves_it_to_the_other() {
    let [first, second, _] = chain();
    let outcome = Sim::new(Seed(1)).run(move |_| async move {
        let store = Rc::new(Shared { thief: Some(7), ..Shared::default() });
        store.set(CURRENT, text(&first));
        assert_eq!(store.controller().change_to(&second).await, Ended::Unknown);
        assert_eq!(parse(&store.value(CURRENT)), Some(first));
        assert_eq!(parse_lease(&store.value(LEASE)).unwrap().holder, Some(7));
    });
    outcome.unwrap();
}
