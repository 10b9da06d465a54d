//! What a worker does for others: hands out parts of its map outputs.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use stormglass_sim::fs::File;
use stormglass_sim::net::rpc::Server;

use super::super::message::{Attempt, Bytes, Fetch, Fetched, Piece};
use super::Config;

/// The output of a map attempt: a file with a sorted run for each part.
pub(super) struct Output {
    pub(super) file: File,
    /// Where each part ends in it.
    pub(super) ends: Vec<u64>,
}

/// What this incarnation has to give, by map and attempt.
pub(super) type Outputs = Rc<RefCell<BTreeMap<(u32, Attempt), Rc<Output>>>>;

pub(super) fn serve(server: &mut Server, config: &Config, outputs: Outputs) {
    let room = config.chunk;
    server.on(move |_, request: Fetch| {
        let outputs = outputs.clone();
        async move { hand_out(&outputs, &request, room).await }
    });
}

/// Pieces in the order in which they are wanted, at least one, and no more bytes than there is room for.
async fn hand_out(outputs: &Outputs, request: &Fetch, mut room: usize) -> Fetched {
    let mut pieces = Vec::new();
    for (map, attempt, offset) in &request.wanted {
        let output = outputs.borrow().get(&(*map, *attempt)).cloned();
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
    // A disk that fails is as good as none.
    match output.file.read_exact_at(&mut bytes, start + offset.min(of)).await {
        Ok(()) => Piece::Bytes { of, bytes: Bytes(bytes) },
        Err(_) => Piece::NotHere,
    }
}
