//! Objects whose operations change a value: registers and maps.

use stormglass_checker::models::Text;
use stormglass_checker::models::kv::{self, Kv};
use stormglass_checker::models::register::{self, Register};
use stormglass_checker::models::versioned_kv::{self, VersionedKv};

use super::generate::{Object, Plan, Rng, value};

/// Half reads, half writes.
pub(crate) struct Registers {
    values: Vec<Option<Text>>,
    written: u64,
    plan: Plan,
}

impl Object for Registers {
    type Model = Register;

    fn new(plan: Plan) -> Self {
        Self { values: vec![None; plan.keys], written: 0, plan }
    }

    fn draw(&mut self, rng: &mut Rng, _: usize, (_, key): (usize, &Text)) -> register::Input {
        match rng.below(2) {
            0 => register::Input::Read { register: key.clone() },
            _ => register::Input::Write {
                register: key.clone(),
                value: value(rng, &mut self.written, self.plan.values),
            },
        }
    }

    fn apply(&mut self, key: usize, input: &register::Input) -> Option<register::Output> {
        Some(match input {
            register::Input::Read { .. } => register::Output::Value(self.values[key].clone()),
            register::Input::Write { value, .. } => {
                self.values[key] = Some(value.clone());
                register::Output::Done
            }
        })
    }
}

/// Half gets; the rest puts, or compare-and-sets, or appends with a put at times.
pub(crate) struct Maps<const CHANGES: u8> {
    values: Vec<Option<Text>>,
    written: u64,
    plan: Plan,
}

pub(crate) const PUTS: u8 = 0;
pub(crate) const SWAPS: u8 = 1;
pub(crate) const APPENDS: u8 = 2;

impl<const CHANGES: u8> Object for Maps<CHANGES> {
    type Model = Kv;

    fn new(plan: Plan) -> Self {
        Self { values: vec![None; plan.keys], written: 0, plan }
    }

    fn draw(&mut self, rng: &mut Rng, _: usize, (_, key): (usize, &Text)) -> kv::Input {
        let key = key.clone();
        if rng.below(2) == 0 {
            return kv::Input::Get { key };
        }
        let value_of = |map: &mut Self, rng: &mut Rng| value(rng, &mut map.written, map.plan.values);
        match CHANGES {
            SWAPS => {
                let from = Some(value_of(self, rng)).filter(|_| rng.below(10) > 0);
                kv::Input::Cas { key, from, value: value_of(self, rng) }
            }
            APPENDS => {
                let mut value = value_of(self, rng).to_string();
                value.push('.');
                match rng.below(20) {
                    0 => kv::Input::Put { key, value: value.into() },
                    _ => kv::Input::Append { key, value: value.into() },
                }
            }
            _ => kv::Input::Put { key, value: value_of(self, rng) },
        }
    }

    fn apply(&mut self, key: usize, input: &kv::Input) -> Option<kv::Output> {
        let state = &mut self.values[key];
        Some(match input {
            kv::Input::Get { .. } => kv::Output::Value(state.clone()),
            kv::Input::Cas { from, value, .. } => {
                let swapped = from == state;
                if swapped {
                    *state = Some(value.clone());
                }
                kv::Output::Swapped(swapped)
            }
            kv::Input::Append { value, .. } => {
                *state = Some([state.as_deref().unwrap_or_default(), value].concat().into());
                kv::Output::Done
            }
            kv::Input::Put { value, .. } => {
                *state = Some(value.clone());
                kv::Output::Done
            }
            kv::Input::Delete { .. } => {
                *state = None;
                kv::Output::Done
            }
        })
    }
}

/// Puts over the version that the client thinks is there, and gets.
pub(crate) struct VersionedMaps {
    values: Vec<Option<(Text, u64)>>,
    written: u64,
}

impl Object for VersionedMaps {
    type Model = VersionedKv;

    fn new(plan: Plan) -> Self {
        Self { values: vec![None; plan.keys], written: 0 }
    }

    fn draw(&mut self, rng: &mut Rng, _: usize, (at, key): (usize, &Text)) -> versioned_kv::Input {
        let key = key.clone();
        if rng.below(2) == 0 {
            return versioned_kv::Input::Get { key };
        }
        let version = self.values[at].as_ref().map_or(0, |(_, version)| *version);
        versioned_kv::Input::Put { key, value: value(rng, &mut self.written, 0), version }
    }

    fn apply(&mut self, key: usize, input: &versioned_kv::Input) -> Option<versioned_kv::Output> {
        let state = &mut self.values[key];
        Some(match input {
            versioned_kv::Input::Get { .. } => match state.clone() {
                Some((value, version)) => versioned_kv::Output::Value { value, version },
                None => versioned_kv::Output::NoKey,
            },
            versioned_kv::Input::Put { value, version, .. } => {
                let there = state.as_ref().map_or(0, |(_, version)| *version);
                if there != *version {
                    return Some(versioned_kv::Output::Version);
                }
                *state = Some((value.clone(), version + 1));
                versioned_kv::Output::Ok
            }
        })
    }
}
