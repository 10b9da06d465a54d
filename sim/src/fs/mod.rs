//! Files: the disk of a simulated node, and the real one.
//!
//! # The fault model: what may break, what never will, and why
//!
//! Content exists twice, in the **page cache** and on the **platter**; so do directory entries.
//!
//! *A process crash* ([`Disk::process_crash`]) kills the handles and nothing else: the kernel outlives the
//! process, and everything written is readable after the restart, synced or not.
//!
//! *A power loss* ([`Disk::power_loss`]) leaves the platter. Of what was not synced it keeps any subset:
//! - each dirty **block** of a file for itself, so later writes may survive earlier ones;
//! - one dirty block of the disk may be **torn**: each of its sectors is the new or the old one. A sector never
//!   tears; drives promise that much and nothing above it;
//! - **lengths** follow the data. A file that grew ends with its last surviving block, or at its full length
//!   with zeros where blocks are missing (both are seen on ext4 and XFS). A file that was cut and rewritten is
//!   cut, with any subset of the new blocks, or not cut, with none of the new blocks beyond the cut;
//! - each **directory change** (create, remove, rename) happened or did not, in any order that keeps what
//!   depends on each other in order. A rename is atomic: the old state or the new, never neither, never both.
//!   The journal's module says why exactly this set of outcomes.
//!
//! *Never*, whatever the draws, unless a destroying fault is switched on: what an fsync of a file acknowledged
//! (content and length) and what an fsync of a directory acknowledged (its names) survives everything: all that
//! was done before the fsync *began*, and nothing of what was done while it was under way. The two
//! are independent, as fsync(2) has it: a new file needs both, and syncing a file whose name is lost keeps
//! nothing that anybody could find. (ext4 in fact makes the name durable too; POSIX does not promise it.)
//!
//! *Destroying faults* break even that, as real drives do: bit rot, lost writes, misdirected writes
//! ([`Fault`]). No protocol survives them on all its copies, hence [`Disk::protect`].
//!
//! *Failing operations* break no promise, because they answer with an error, and programs mishandle them all
//! the same: EIO, ENOSPC at any byte, short reads and writes, stalls, and above all the fsync that fails once
//! and drops its dirty pages, after which the next one succeeds over lost data.
//!
//! # What is left out
//! Links (hard and symbolic), permissions, times and other attributes, memory maps, `O_DIRECT` and `O_SYNC`,
//! file locks, hole punching; block allocation (a rot never hits the file system's own metadata, a full disk
//! still makes directory entries); the drive's queue and bandwidth (latency is drawn per operation). The page
//! cache writes back on its own only when [`DiskConfig::write_back`] says so, and never drops clean pages under
//! memory pressure unless asked ([`Disk::drop_caches`]).

mod bytes;
mod disk;
mod draw;
mod errno;
mod event;
mod faults;
mod file;
mod flight;
mod inside;
mod journal;
mod names;
mod ops;
mod options;
mod pages;
mod platter;
mod power;
mod real;
mod stream;
mod sync;
mod tree;
mod view;
mod whole;

pub use disk::{Disk, DiskConfig, Handle};
pub use draw::{Calm, Draw};
pub use event::DiskEvent;
pub use faults::{Fault, FaultId, FaultRule};
pub use file::File;
pub use flight::{Change, Done, Ticket};
pub use ops::{
    create_dir, create_dir_all, metadata, read, read_dir, read_to_string, remove_dir, remove_dir_all,
    remove_file, rename, sync_dir, try_exists, write,
};
pub use options::{DirEntry, Metadata, OpenOptions};
pub use power::PowerLoss;
pub use view::{DurableEntry, DurableView};
