//! The shell around [`Store`]: takes a request, tells the observer, answers.

use std::cell::RefCell;
use std::io;
use std::rc::Rc;

use stormglass_sim::net::rpc::{self, Request};

use super::bugs::Bugs;
use super::message::{Append, Command, Get, Put};
use super::protocol::Store;
use super::spec::{Observation, Probe};

impl Request for Get {
    type Reply = String;
    const NAME: &'static str = "Get";
}

impl Request for Put {
    type Reply = String;
    const NAME: &'static str = "Put";
}

impl Request for Append {
    type Reply = String;
    const NAME: &'static str = "Append";
}

/// How a server is run.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens, "0.0.0.0:7000".
    pub address: String,
    /// Planted bugs.
    pub bugs: Bugs,
    /// Who watches.
    pub probe: Probe,
}

impl Default for Config {
    fn default() -> Self {
        Config { address: "0.0.0.0:7000".into(), bugs: Bugs::NONE, probe: Probe::blind() }
    }
}

/// Runs a server until its port fails. It keeps all in memory: it must not crash.
///
/// # Errors
/// Those of opening the port, and of the network.
pub async fn run(config: Config) -> io::Result<()> {
    let mut server = rpc::Server::bind(&config.address).await?;
    let shell = Rc::new(Shell { store: RefCell::new(Store::new(config.bugs)), probe: config.probe });
    serve(&mut server, &shell, |get: Get| Command::Get(get));
    serve(&mut server, &shell, |put: Put| Command::Put(put));
    serve(&mut server, &shell, |append: Append| Command::Append(append));
    server.serve().await
}

struct Shell {
    store: RefCell<Store>,
    probe: Probe,
}

fn serve<R: Request<Reply = String>>(server: &mut rpc::Server, shell: &Rc<Shell>, wrap: fn(R) -> Command) {
    let shell = Rc::clone(shell);
    server.on_maybe(move |_, request: R| {
        let reply = shell.handle(wrap(request));
        async move { reply }
    });
}

impl Shell {
    fn handle(&self, command: Command) -> Option<String> {
        let by = command.by();
        let store = &mut *self.store.borrow_mut();
        let effects = store.step(&command);
        if effects.executed {
            self.probe.observe(|| Observation::Executed(command));
        } else if matches!(command, Command::Get(_)) {
            let (kept, clerks) = (store.kept(by.clerk), store.clerks());
            self.probe.observe(|| Observation::Read { by, kept, clerks });
        }
        effects.reply
    }
}
