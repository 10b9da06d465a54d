//! What a worker does for others: hands out parts of its map outputs.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use stormglass_sim::fs::File;
use stormglass_sim::net::rpc::Server;
use stormglass_sim::sync::watch;

use super::super::message::{Attempt, Bytes, Fetch, Fetched, JobId, Piece};

/// A file with a sorted run for each part: the output of a map attempt, or a spill on the way to it. It is open only while
/// it is read: a worker has as many as it does maps.
pub(super) struct Output {
    pub(super) path: PathBuf,
    /// Where each part ends in it.
    pub(super) ends: Vec<u64>,
}

/// What this incarnation has to give, by job, map and attempt. Outside of a world it is handed out by another thread.
pub(super) type Outputs = Arc<watch::Sender<BTreeMap<(JobId, u32, Attempt), Arc<Output>>>>;

/// Hands out up to `room` bytes at a time.
pub(super) fn serve(server: &mut Server, room: usize, outputs: Outputs) {
    server.on(move |_, request: Fetch| {
        let outputs = outputs.clone();
        async move { hand_out(&outputs, &request, room).await }
    });
}

/// Pieces in the order in which they are wanted, at least one, and no more bytes than there is room for.
async fn hand_out(outputs: &Outputs, request: &Fetch, mut room: usize) -> Fetched {
    let mut pieces = Vec::new();
    for (map, attempt, offset) in &request.wanted {
        let output = outputs.borrow().get(&(request.job, *map, *attempt)).cloned();
        let piece = match &output {
            None => Piece::NotHere,
            Some(output) => piece(output, request.part, *offset, room).await,
        };
        if let Piece::Bytes { bytes, .. } = &piece {
            room -= bytes.0.len();
        }
        pieces.push(piece);
        if room == 0 {
            break;
        }
    }
    Fetched { pieces }
}

async fn piece(output: &Output, part: u32, offset: u64, room: usize) -> Piece {
    let part = part as usize;
    let start = if part == 0 { 0 } else { output.ends.get(part - 1).copied().unwrap_or(u64::MAX) };
    let Some(end) = output.ends.get(part).copied().filter(|end| *end >= start) else { return Piece::NotHere };
    let of = end - start;
    let length = of.saturating_sub(offset).min(room as u64) as usize;
    let mut bytes = vec![0; length];
    let read = async {
        if length == 0 {
            return Ok(());
        }
        File::open(&output.path).await?.read_exact_at(&mut bytes, start + offset.min(of)).await
    };
    // A disk that fails is as good as none.
    match read.await {
        Ok(()) => Piece::Bytes { of, bytes: Bytes(bytes) },
        Err(_) => Piece::NotHere,
    }
}
