//! The ends a disk can meet: a process crash, a power loss, a new disk.

use super::disk::Disk;
use super::draw::{Draw, happens};
use super::tree::{Ino, Tree};
use crate::chance::Ratio;

/// How much a power loss takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PowerLoss {
    /// Drawn: in 1 of 8 everything survives (the calm outcome), in 3 nothing unsynced does, in 4 each unsynced
    /// block, length and directory change is drawn for itself.
    #[default]
    Drawn,
    /// Everything written survives.
    KeepAll,
    /// Nothing unsynced survives.
    LoseAll,
    /// Each unsynced block, length and directory change is drawn for itself.
    Mixed,
}

/// One power loss: its fates, its counts.
struct Outage<'a> {
    how: PowerLoss,
    lost_rate: Ratio,
    draw: &'a mut dyn Draw,
    lost: u64,
}

impl Outage<'_> {
    fn loses(&mut self, kind: &'static str) -> bool {
        let lost = match self.how {
            PowerLoss::KeepAll => false,
            PowerLoss::LoseAll => true,
            PowerLoss::Drawn | PowerLoss::Mixed => happens(self.draw, kind, self.lost_rate),
        };
        self.lost += u64::from(lost);
        lost
    }
}

impl Disk {
    /// The process dies. All handles are dead; everything written stays in the page cache and readable. Of the
    /// operations begun and not completed at `now` each has happened, or not, and of a write a prefix.
    pub fn process_crash(&mut self, now: u64, draw: &mut dyn Draw) {
        self.end_flights(now, draw);
        for open in std::mem::take(&mut self.handles).into_values() {
            self.tree.node_mut(open.ino).handles -= 1;
            self.retire(open.ino);
        }
        self.recorder.incident("process_crash", 0);
    }

    /// The power fails: the process dies, and of what was not synced a part survives. The page cache is cold
    /// afterwards.
    pub fn power_loss(&mut self, how: PowerLoss, now: u64, draw: &mut dyn Draw) {
        self.end_flights(now, draw);
        let how = match how {
            PowerLoss::Drawn => match draw.below("power loss", 8) {
                0 => PowerLoss::KeepAll,
                1..=3 => PowerLoss::LoseAll,
                _ => PowerLoss::Mixed,
            },
            decided => decided,
        };
        let mut outage = Outage { how, lost_rate: self.config.unsynced_lost, draw, lost: 0 };
        self.handles.clear();
        self.journal.power_loss(&mut self.tree, || !outage.loses("directory change lost"));
        self.tree.restart();
        let files = self.files();
        let torn = self.torn_block(&files, &mut outage);
        let sector = self.config.sector_size as usize;
        self.used = 0;
        for ino in files {
            let Ok(pages) = self.tree.file_mut(ino) else { continue };
            let torn = torn.filter(|(file, _)| *file == ino).map(|(_, index)| index);
            pages.power_loss(torn, sector, |kind| outage.loses(kind));
            self.used += pages.len();
        }
        let lost = outage.lost;
        self.recorder.incident("power_loss", lost);
    }

    /// The block that was being written when the power failed. Blocks tear only in a mixed loss.
    fn torn_block(&self, files: &[Ino], outage: &mut Outage<'_>) -> Option<(Ino, u64)> {
        let tearable = self.config.sector_size < self.config.block_size && outage.how == PowerLoss::Mixed;
        if !tearable {
            return None;
        }
        let dirty = || {
            let blocks = |ino: &Ino| self.tree.file(*ino).map(|pages| (*ino, pages)).ok();
            files
                .iter()
                .filter_map(blocks)
                .flat_map(|(ino, pages)| pages.dirty_data().map(move |index| (ino, index)))
        };
        let count = dirty().count() as u64;
        if count == 0 || !happens(outage.draw, "block torn", self.config.torn) {
            return None;
        }
        dirty().nth(super::pages::to_usize(outage.draw.below("torn block", count)))
    }

    /// The disk is replaced by an empty one of the same kind. Handles die; settings and faults stay.
    pub fn wipe(&mut self) {
        self.tree = Tree::new();
        self.journal = super::journal::Journal::default();
        self.handles.clear();
        self.flights.clear();
        self.used = 0;
        self.recorder.incident("wipe", 0);
    }
}
