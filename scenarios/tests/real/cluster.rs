//! Three servers of a replicated service, each a process that is killed and comes back where it was.

use std::path::{Path, PathBuf};

use crate::processes::{Process, Said, free_address, until};

/// Three servers and the command lines that start them.
pub(crate) struct Cluster {
    folder: PathBuf,
    system: &'static str,
    addresses: [String; 3],
    servers: [Option<Process>; 3],
}

impl Cluster {
    /// Of `raft` or of a system that is built on it.
    pub(crate) fn start(folder: &Path, system: &'static str) -> Cluster {
        let addresses = [(); 3].map(|()| free_address());
        let mut cluster =
            Cluster { folder: folder.to_owned(), system, addresses, servers: [None, None, None] };
        (0..3).for_each(|at| cluster.restart(at));
        cluster
    }

    /// Kills a server, if it runs, and starts it where it was.
    #[track_caller]
    fn restart(&mut self, at: usize) {
        if let Some(process) = self.servers[at].take() {
            process.kill_9();
        }
        let peers: Vec<String> =
            self.addresses.iter().zip(1..).map(|(address, id)| format!("{id}={address}")).collect();
        let (system, id) = (self.system, at + 1);
        let line = format!(
            "serve {system} --id {id} --peers {} --data data-{at} --election 100ms --snapshot 2000",
            peers.join(",")
        );
        self.servers[at] = Some(Process::start(&self.folder, &line));
    }

    pub(crate) fn client(&self, line: &str) -> Process {
        let (system, servers) = (self.system, self.addresses.join(","));
        Process::start(&self.folder, &format!("client {system} --servers {servers} --patience 30s {line}"))
    }

    /// An operation that ends well.
    #[track_caller]
    pub(crate) fn does(&self, line: &str) -> Said {
        self.client(line).said().ends(0)
    }

    /// A line for each server, how it stands.
    fn status(&self) -> Vec<String> {
        let line = format!("client raft --servers {} --patience 1s status", self.addresses.join(","));
        Process::start(&self.folder, &line).said().out.lines().map(str::to_owned).collect()
    }

    pub(crate) fn kill_leader(&mut self) {
        let leads = || self.status().iter().position(|line| line.contains("\tleads\t"));
        let leader = until("a leader", leads);
        self.restart(leader);
    }

    /// Waits until the loads have done some more.
    pub(crate) fn get_on(&self) {
        let applied = || {
            let status = self.status();
            let applied =
                status.iter().filter_map(|line| line.split("\tapplied ").nth(1)?.split('\t').next());
            applied.filter_map(|index| index.parse::<u64>().ok()).max()
        };
        let before = until("a server that answers", applied);
        until("loads that get on", || (applied()? >= before + 60).then_some(()));
    }

    /// Kills all three, and starts them with what `left` leaves of their directories.
    pub(crate) fn kill_all(&mut self, left: fn(&Path)) {
        for server in &mut self.servers {
            server.take().into_iter().for_each(Process::kill_9);
        }
        for at in 0..3 {
            left(&self.folder.join(format!("data-{at}")));
            self.restart(at);
        }
    }
}
