//! Planted bugs: what one is, and which ones a run has switched on.
//!
//! A system's `bugs` module lists its known wrong turns with `known_bugs!`. The code that can go wrong holds
//! one visible `if self.bugs.has(Bug::X)`; the set is a value given at run time, so that one binary holds the
//! right and the wrong.
//!
//! Some of them may be harmless: another way to do it right. They are the control: an oracle that flags one sees
//! what is not there.

use std::fmt;
use std::marker::PhantomData;

/// The known wrong turns of one system.
pub trait Known: Copy + fmt::Debug + Eq + 'static {
    /// Every one of them, in the order of the enum.
    const ALL: &'static [Self];
    /// The name by which a command line and a replay file call it: kebab-case.
    fn name(self) -> &'static str;
    /// The property that the belief contradicts, by the name it has in `spec` (or `linearizable`, `live`); of a harmless one,
    /// empty. Many a run falls by another one first, which sees a consequence earlier: `cargo xtask bugs` counts what fell.
    fn clause(self) -> &'static str;
    /// The story that must catch it; of a harmless one, the story that must not flag it.
    fn story(self) -> &'static str;
    /// It breaks nothing.
    fn is_harmless(self) -> bool;
    /// Its place in [`Known::ALL`].
    fn index(self) -> u32;
}

/// The bugs that a run has switched on: a small set, copied freely.
#[derive(PartialEq, Eq)]
pub struct Bugs<B> {
    bits: u128,
    kind: PhantomData<B>,
}

impl<B: Known> Bugs<B> {
    /// No bug: the system as it should be.
    pub const NONE: Bugs<B> = Bugs { bits: 0, kind: PhantomData };

    /// This one bug.
    pub fn only(bug: B) -> Self {
        Self::NONE.with(bug)
    }

    /// The set with `bug` added.
    #[must_use]
    pub fn with(self, bug: B) -> Self {
        Bugs { bits: self.bits | 1 << bug.index(), kind: PhantomData }
    }

    /// Is `bug` switched on?
    pub fn has(self, bug: B) -> bool {
        self.bits & 1 << bug.index() != 0
    }

    /// The bugs switched on, in the order of the enum.
    pub fn iter(self) -> impl Iterator<Item = B> {
        B::ALL.iter().copied().filter(move |&bug| self.has(bug))
    }
}

impl<B> Clone for Bugs<B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B> Copy for Bugs<B> {}

impl<B: Known> Default for Bugs<B> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<B: Known> FromIterator<B> for Bugs<B> {
    fn from_iter<I: IntoIterator<Item = B>>(bugs: I) -> Self {
        bugs.into_iter().fold(Self::NONE, Self::with)
    }
}

impl<B: Known> fmt::Debug for Bugs<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Known::name)).finish()
    }
}

/// A name that no bug of the system has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no bug of {system} is called `{name}`; there are: {known}")]
pub struct UnknownBug {
    /// The system that was asked.
    pub system: &'static str,
    /// The name that was given.
    pub name: String,
    /// The names it has, separated by commas.
    pub known: String,
}

/// The bug called `name`, or an error that lists the names there are.
pub fn parse<B: Known>(system: &'static str, name: &str) -> Result<B, UnknownBug> {
    B::ALL.iter().copied().find(|bug| bug.name() == name).ok_or_else(|| UnknownBug {
        system,
        name: name.to_owned(),
        known: B::ALL.iter().map(|bug| bug.name()).collect::<Vec<_>>().join(", "),
    })
}

/// Declares a system's enum of bugs and all that [`Known`] asks of it.
macro_rules! known_bugs {
    ($(#[$enum_doc:meta])* $system:literal $bug:ident {
        $($(#[$doc:meta])* $variant:ident = $name:literal, breaks $clause:literal, caught_by $story:literal;)+
    } $(harmless {
        $($(#[$calm_doc:meta])* $calm:ident = $calm_name:literal, survives $calm_story:literal;)+
    })?) => {
        $(#[$enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $bug { $($(#[$doc])* $variant,)+ $($($(#[$calm_doc])* $calm,)+)? }

        impl $bug {
            /// Every bug, in order of the enum; the harmless ones at the end.
            pub const ALL: &'static [$bug] = &[$($bug::$variant,)+ $($($bug::$calm,)+)?];

            /// The name by which a command line and a replay file call it.
            pub fn name(self) -> &'static str {
                match self { $($bug::$variant => $name,)+ $($($bug::$calm => $calm_name,)+)? }
            }

            /// The property that the belief contradicts, by the name it has in `spec` (or `linearizable`, `live`); of a
            /// harmless one, empty.
            pub fn clause(self) -> &'static str {
                match self { $($bug::$variant => $clause,)+ $($($bug::$calm => "",)+)? }
            }

            /// The story that must catch it; of a harmless one, the story that must not flag it.
            pub fn story(self) -> &'static str {
                match self { $($bug::$variant => $story,)+ $($($bug::$calm => $calm_story,)+)? }
            }
        }

        impl $crate::bugs::Known for $bug {
            const ALL: &'static [Self] = Self::ALL;
            fn name(self) -> &'static str { self.name() }
            fn clause(self) -> &'static str { self.clause() }
            fn story(self) -> &'static str { self.story() }
            fn is_harmless(self) -> bool { self.clause().is_empty() }
            fn index(self) -> u32 { self as u32 }
        }

        impl std::str::FromStr for $bug {
            type Err = $crate::bugs::UnknownBug;
            fn from_str(name: &str) -> Result<Self, Self::Err> { $crate::bugs::parse($system, name) }
        }

        impl std::fmt::Display for $bug {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.name()) }
        }
    };
}

pub(crate) use known_bugs;
