//! Processes of the command `stormglass`. None outlives its test, and none is waited for without end.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Naps after which a wait is given up: a minute, of which a machine at leisure needs a part.
const NAPS: u32 = 6000;

/// Asks again and again until there is an answer.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "waits for other processes, outside every world")]
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    for _ in 0..NAPS {
        if let Some(answer) = ask() {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("not in a minute: {what}");
}

/// From the line with which a load begins.
pub(crate) fn first_key(out: &str) -> Option<String> {
    let (line, _) = out.split_once('\n')?;
    let (_, keys) = line.split_once("keys ")?;
    keys.split_whitespace().next().map(str::to_owned)
}

/// A process of the command, killed when dropped.
pub(crate) struct Process {
    child: Child,
    line: String,
    out: PathBuf,
    err: PathBuf,
}

/// What a process came to.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Process {
    /// Starts a command line in `folder`, where its output goes too.
    pub(crate) fn start(folder: &Path, line: &str) -> Process {
        Process::spawn(folder, line, None)
    }

    /// Starts one with a limit of the shell's `ulimit`, as `-n 64`.
    pub(crate) fn start_under(folder: &Path, limit: &str, line: &str) -> Process {
        Process::spawn(folder, line, Some(limit))
    }

    fn spawn(folder: &Path, line: &str, limit: Option<&str>) -> Process {
        static STARTED: AtomicU32 = AtomicU32::new(0);
        let number = STARTED.fetch_add(1, Ordering::Relaxed);
        let (out, err) = (folder.join(format!("{number}.out")), folder.join(format!("{number}.err")));
        let mut command = match limit {
            None => Command::new(env!("CARGO_BIN_EXE_stormglass")),
            Some(limit) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("ulimit {limit}; exec \"$@\""), "sh"]);
                shell.arg(env!("CARGO_BIN_EXE_stormglass"));
                shell
            }
        };
        let child = command
            .args(line.split_whitespace())
            .current_dir(folder)
            .env_remove("CARGO")
            .env_remove("CLICOLOR_FORCE")
            .stdin(Stdio::null())
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        Process { child, line: line.to_owned(), out, err }
    }

    /// What it has printed so far.
    pub(crate) fn out(&self) -> String {
        fs::read_to_string(&self.out).unwrap()
    }

    pub(crate) fn err(&self) -> String {
        fs::read_to_string(&self.err).unwrap()
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// SIGKILL, to a process that is at work until then.
    #[track_caller]
    pub(crate) fn kill_9(mut self) {
        assert!(self.is_running(), "{} ended by itself: {}", self.line, self.err());
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().signal(), Some(9), "{}", self.line);
    }

    /// Ctrl-C.
    pub(crate) fn interrupt(&self) {
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status().unwrap();
        assert!(status.success(), "nobody to interrupt: {}", self.line);
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn said(mut self) -> Said {
        let line = self.line.clone();
        let status = until(&format!("the end of `{line}`"), || self.child.try_wait().unwrap());
        Said { code: status.code(), out: self.out(), err: self.err() }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended, and then there is nothing to kill.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

impl Said {
    /// Expects this exit code.
    #[track_caller]
    pub(crate) fn ends(self, code: i32) -> Said {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Expects these words on stdout.
    #[track_caller]
    pub(crate) fn says(self, words: &str) -> Said {
        assert!(self.out.contains(words), "no {words:?} in stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// Expects these words on stderr, and no panic.
    #[track_caller]
    pub(crate) fn complains(self, words: &str) -> Said {
        assert!(self.err.contains(words), "no {words:?} in stderr:\n{}\nstdout:\n{}", self.err, self.out);
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }
}

/// A port that was free a moment ago. Below those that the system gives to outgoing connections: a client that calls a
/// dead server's port could be given that very port, and be connected to itself.
pub(crate) fn free_address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let address = |_| {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 20_000 + (std::process::id().wrapping_mul(61) + step) % 12_000;
        let address = format!("127.0.0.1:{port}");
        TcpListener::bind(&address).is_ok().then_some(address)
    };
    (0..12_000).find_map(address).expect("a free port")
}

/// A server and the command line that starts it.
pub(crate) struct Server {
    folder: PathBuf,
    address: String,
    flags: &'static str,
    process: Option<Process>,
}

impl Server {
    /// Starts `serve kv` with these flags.
    pub(crate) fn start(folder: &Path, flags: &'static str) -> Server {
        let mut server = Server { folder: folder.to_owned(), address: free_address(), flags, process: None };
        server.restart();
        server
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What it has printed on stderr since it was last started.
    pub(crate) fn err(&self) -> String {
        self.process.as_ref().map_or_else(String::new, Process::err)
    }

    /// Kills it, if it runs, and starts it where it was.
    #[track_caller]
    pub(crate) fn restart(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill_9();
        }
        let line = format!("serve kv --listen {} {}", self.address, self.flags);
        let mut process = Process::start(&self.folder, &line);
        until("a server that serves", || {
            assert!(process.is_running(), "`{line}` ended: {}", process.err());
            (self.client("--patience 1s get nothing").said().code == Some(1)).then_some(())
        });
        self.process = Some(process);
    }

    /// Starts `client kv`.
    pub(crate) fn client(&self, line: &str) -> Process {
        Process::start(&self.folder, &format!("client kv --server {} {line}", self.address))
    }

    /// The version of a key, 0 if there is none.
    #[track_caller]
    pub(crate) fn version(&self, key: &str) -> u64 {
        let said = self.client(&format!("get {key}")).said();
        if said.code == Some(1) {
            return 0;
        }
        said.ends(0).out.split('\t').next().unwrap().parse().unwrap()
    }
}
