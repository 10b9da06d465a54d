//! What the loads of all `stormglass client`s share.

use std::fs::File;
use std::io;
use std::path::Path;

use stormglass_sim::signal::ctrl_c;
use stormglass_sim::task::JoinSet;

use super::Complaint;
use super::output::say;
use crate::campaign::write_whole;
use crate::report::command;

/// Waits for all clients of a load, or for Ctrl-C. What is in flight then stays open in the history.
pub(super) async fn finish(mut working: JoinSet<()>) -> Result<(), Complaint> {
    stormglass_sim::select! {
        done = all(&mut working) => done?,
        _ = ctrl_c() => {}
    }
    working.shutdown().await;
    Ok(())
}

async fn all(working: &mut JoinSet<()>) -> Result<(), Complaint> {
    while let Some(ended) = working.join_next().await {
        ended.map_err(|error| Complaint::Internal(format!("a client failed: {error}")))?;
    }
    Ok(())
}

fn unwritable(path: &Path, error: io::Error) -> Complaint {
    Complaint::usage(format!("--history {}: {error}", path.display()))
}

/// Whether a history can be written there: better asked before the load than after it. What is there stays.
pub(super) fn writable(path: &Path) -> Result<(), Complaint> {
    let open = || {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder)?;
        }
        File::options().create(true).append(true).open(path).map(drop)
    };
    open().map_err(|error| unwritable(path, error))
}

/// Writes a history, as lines, and says how it is judged.
pub(super) fn write(path: &Path, lines: &[u8], model: &str) -> Result<(), Complaint> {
    write_whole(path, lines).map_err(|error| unwritable(path, error))?;
    let path = path.display();
    say(&format!("  judge it:  {}", command(&format!("check {path} --model {model}"))))?;
    Ok(())
}
