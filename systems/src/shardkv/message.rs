//! What travels: configurations, what clients ask of a group, what moves a shard, what is asked of the controller.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// A group of servers, from 1; 0 is nobody.
pub type Gid = u64;

/// The number of a configuration. Everything that moves a shard bears the number of the configuration it moves for,
/// which fences off whoever still works on an older one.
pub type Num = u64;

/// A part of the keys, from 0.
pub type Shard = usize;

/// How often a key has been written; 0 for a key that does not exist.
pub type Version = u64;

/// Who serves which shard.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Config {
    /// 0 for the one before the first; grows by one.
    pub num: Num,
    /// The group that serves each shard; 0: none, because there is no group.
    pub shards: Vec<Gid>,
    /// The group that has the content of each shard until it is handed over for this configuration; 0: there is none
    /// yet, the shard begins empty.
    pub origins: Vec<Gid>,
    /// The addresses of each group's servers.
    pub groups: BTreeMap<Gid, Vec<String>>,
}

/// A value and the version at which it was installed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Versioned {
    /// The value.
    pub value: String,
    /// Its version, from 1.
    pub version: Version,
}

/// Which request of which clerk this is.
///
/// A request that comes again under its old number is answered as it was the first time, and not executed again: that
/// is how copies made by the network, and resends of an append, do no harm. A clerk that resends a versioned put may
/// number it anew, as the lab of 2025 has it: then the version alone keeps it from being executed twice, and the
/// clerk's word for what it cannot know is *maybe*.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Stamp {
    /// The clerk, by an id it drew at random when it was made.
    pub clerk: u64,
    /// Numbered from 1; a clerk has one request under way at a time.
    pub number: u64,
}

/// A change of one key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Change {
    /// Installs a value if the key has this version (0: if it does not exist).
    Put {
        /// The value.
        value: String,
        /// The version the key must have.
        version: Version,
    },
    /// Installs a value, whatever is there.
    Set(String),
    /// Appends to what is there.
    Append(String),
    /// Installs `to` if the value is `from` (`None`: if the key does not exist).
    Cas {
        /// The value the key must have.
        from: Option<String>,
        /// The value it gets.
        to: String,
    },
}

/// Changes a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Write {
    /// The key.
    pub key: String,
    /// What is done to it.
    pub change: Change,
    /// Which request this is.
    pub by: Stamp,
    /// A number of writes that the shard had executed before the clerk first sent this. `None`: it knows none, and asks
    /// for one; then this is not executed, and no copy of it is.
    pub after: Option<u64>,
}

/// Reads a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Get {
    /// The key.
    pub key: String,
}

/// A group's answer to a [`Get`].
pub type Read = Result<Option<Versioned>, NotServed>;

/// A group's answer to a [`Write`].
pub type Written = Result<Result<(), Rejection>, NotServed>;

/// Why a change was executed without effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Rejection {
    /// The key has another version.
    Version,
    /// The key does not exist, and the put gave a version above 0.
    NoKey,
    /// The key has another value than the compare-and-set expected.
    Differs,
    /// The shard is full: with this it would be larger than a group can hand over.
    Full,
}

/// Why a request was not executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotServed {
    /// The group does not serve the key's shard, now.
    WrongGroup,
    /// The clerk has sent later requests since: this is an old copy, for whose answer nobody waits.
    Old,
    /// The shard has forgotten clerks since the request was first sent, this one perhaps: nobody knows whether it has
    /// executed the request before, or a copy of it. It has not done so now. Or the request only asks, see [`Write::after`].
    Forgotten {
        /// How many writes it has executed.
        writes: u64,
    },
}

/// A shard's content: all that moves with it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Content {
    /// Its keys.
    pub data: BTreeMap<String, Versioned>,
    /// The last request heard of each clerk, and how it was answered.
    pub heard: BTreeMap<u64, Heard>,
    /// How many writes it has executed.
    pub writes: u64,
    /// How many it had executed when it last heard of a clerk that is no longer in `heard`; 0: it has forgotten nobody.
    pub forgotten: u64,
    /// What its keys and values take in a message, at most.
    pub bytes: u64,
}

/// The last request that a shard has heard of one clerk.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Heard {
    /// Its number.
    pub number: u64,
    /// How it was answered.
    pub refused: Option<Rejection>,
    /// When, counted in writes to the shard: the clerk that is idle for longest is forgotten first.
    pub at: u64,
}

/// A part of a shard's [`Content`], which travels and is replicated as bytes: no message and no command may be as large as
/// a shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Where in the whole it begins.
    pub from: u64,
    /// How long the whole is.
    pub total: u64,
    /// What is there.
    pub bytes: Bytes,
}

/// What a group has of a shard that is on its way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Taken {
    /// All of it: it serves the shard.
    Whole,
    /// So many bytes: it wants those that follow.
    Until(u64),
}

/// Asks the group that serves a shard to do so no longer, and for a part of its content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// The shard.
    pub shard: Shard,
    /// The configuration it moves for.
    pub num: Num,
    /// Where the part begins.
    pub from: u64,
}

/// Gives a part of a shard to the group that is to serve it; with the last one, the shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Install {
    /// The shard.
    pub shard: Shard,
    /// The configuration it moves for.
    pub num: Num,
    /// What is in it.
    pub part: Part,
}

/// Tells the group that had a shard that another has it now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delete {
    /// The shard.
    pub shard: Shard,
    /// The configuration it moved for.
    pub num: Num,
}

/// Asks a group's server of which group it is, whether it leads or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who;

/// The answer to [`Who`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The group.
    pub gid: Gid,
    /// Into how many shards it divides the keys.
    pub shards: usize,
    /// Which of the group's servers this one is.
    pub server: u64,
    /// The addresses of all of them.
    pub members: BTreeMap<u64, String>,
    /// The controller that it follows, as it was told; none: somebody else moves its shards.
    pub controller: Vec<String>,
    /// Whether a server of that controller answers it now.
    pub reached: bool,
}

/// What became of a step of a move. Asked again, a group answers the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Moved<T> {
    /// It is so.
    Done(T),
    /// It was given away for this configuration and deleted: its new group has it.
    Gone,
    /// The shard is past that: it has moved for a later configuration.
    Stale,
    /// The group has never had what it is asked for.
    Never,
}

/// Asks the controller to let groups take part. Answered by the number of the configuration that makes it so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    /// These take part, with the addresses of their servers.
    Join(BTreeMap<Gid, Vec<String>>),
    /// These do no longer.
    Leave(Vec<Gid>),
    /// This shard goes to this group, until the next join or leave.
    Move(Shard, Gid),
}

/// A [`Rule`] and which request it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decree {
    /// What to do.
    pub rule: Rule,
    /// Which request this is.
    pub by: Stamp,
}

/// Why a [`Rule`] changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Complaint {
    /// A group takes part already, or its name is 0.
    #[error("group {0} cannot join: it takes part already, or its number is 0")]
    Joined(Gid),
    /// A group does not take part.
    #[error("there is no group {0}")]
    NoGroup(Gid),
    /// There is no such shard.
    #[error("there is no shard {0}")]
    NoShard(Shard),
    /// Its clerk has asked for something else since: this is an old copy, for whose answer nobody waits.
    #[error("an old copy of a request")]
    Old,
}

/// Asks the controller for a configuration; `None`: for the latest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Its number.
    pub num: Option<Num>,
}
