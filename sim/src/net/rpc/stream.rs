//! Calls over streams: how they travel for real, and in a world on demand.
//!
//! A frame is its length (u32, of what follows), the call's number (u64), a tag, and the rest: for a request (tag 0)
//! its method (u64) and payload, for a reply (tag 1 and up: the status) its payload. All little-endian. One
//! connection carries all calls from one node to one address; when it breaks, each of them ends as unknown.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::super::address::Target;
use super::super::message::Status;
use super::super::tcp::{TcpListener, TcpStream};
use super::server::{RawCall, ReplyTo};
use super::{Error, Request, decode, encode, method_of};
use crate::NodeId;
use crate::executor::{JoinHandle, JoinSet, spawn};
use crate::hub::{HUB, simulated, with_core};
use crate::time::timeout;

const REQUEST: u8 = 0;
/// What a frame may hold; a longer one is an error of the peer, and the connection ends.
const LARGEST: usize = 64 << 20;
/// How many requests of one connection may wait for the server; then it reads no further.
const BACKLOG: usize = 1024;

/// Whether calls travel over streams here: for real, and in a world that wants it so.
#[inline]
pub(super) fn carries_calls() -> bool {
    !simulated() || with_core(|core| core.rpc_over_streams)
}

/// A call over the connection to its address, which is opened at the first.
pub(super) async fn call<R: Request>(
    to: &Target,
    request: &R,
    patience: Duration,
) -> Result<R::Reply, Error> {
    let refused = |error: io::Error| Error::Refused(format!("{to}: {error}"));
    let payload = encode(request, Vec::new()).map_err(|why| Error::Refused(format!("the request {why}")))?;
    // Whether the request may have left: until then, running out of patience is a refusal.
    let sent = std::cell::Cell::new(false);
    let exchange = async {
        let address = to.resolve().await.map_err(refused)?;
        let connection = connection(address).await.map_err(refused)?;
        let (answer, reply) = oneshot::channel();
        sent.set(true);
        connection.send(method_of::<R>(), &payload, answer);
        let broken = |_| Error::Unknown(format!("the connection to {to} broke"));
        let (status, payload) = reply.await.map_err(broken)?;
        match status {
            Status::Ok => decode(&payload).map_err(|why| Error::Unknown(format!("the reply {why}"))),
            Status::NoListener => Err(Error::Refused(format!("nobody listens at {to}"))),
            Status::NoMethod => Err(Error::Refused(format!("{to} does not serve {}", R::NAME))),
            Status::Undecodable => Err(Error::Refused(format!("{to} could not decode the request"))),
        }
    };
    match timeout(patience, exchange).await {
        Ok(result) => result,
        Err(_) if sent.get() => Err(Error::Unknown(format!("no reply from {to} within {patience:?}"))),
        Err(_) => Err(Error::Refused(format!("no connection to {to} within {patience:?}"))),
    }
}

type Waiting = Rc<RefCell<BTreeMap<u64, oneshot::Sender<(Status, Vec<u8>)>>>>;

/// The client's end of a connection.
#[derive(Clone)]
struct Connection {
    frames: mpsc::UnboundedSender<Vec<u8>>,
    waiting: Waiting,
    next: Rc<std::cell::Cell<u64>>,
}

/// Locked while it is being opened, so that calls at the same time share it.
type Slot = Rc<Mutex<Option<Connection>>>;

thread_local! {
    /// The connections of each node to each address; for real, under [`NodeId::WORLD`].
    static CONNECTIONS: RefCell<BTreeMap<(NodeId, SocketAddr), Slot>> = const { RefCell::new(BTreeMap::new()) };
}

async fn connection(address: SocketAddr) -> io::Result<Connection> {
    let node = if simulated() { HUB.with(|hub| hub.node.get()) } else { NodeId::WORLD };
    let slot = CONNECTIONS.with(|all| all.borrow_mut().entry((node, address)).or_default().clone());
    let mut slot = slot.lock().await;
    if let Some(connection) = slot.as_ref().filter(|connection| !connection.frames.is_closed()) {
        return Ok(connection.clone());
    }
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (frames, outgoing) = mpsc::unbounded_channel();
    let connection = Connection { frames, waiting: Waiting::default(), next: Rc::default() };
    *slot = Some(connection.clone());
    let waiting = connection.waiting.clone();
    drop(spawn(async move {
        let (read, write) = tokio::io::split(stream);
        let replies = async {
            let mut read = tokio::io::BufReader::new(read);
            while let Ok(Some(frame)) = read_frame(&mut read).await {
                let Some(status) = status_of(frame.tag) else { break };
                if let Some(answer) = waiting.borrow_mut().remove(&frame.call) {
                    // The caller may have lost its patience.
                    let _ = answer.send((status, frame.rest));
                }
            }
        };
        let requests = write_frames(write, outgoing);
        // Whichever ends first ends the connection: the channel closes, and every caller learns that it broke.
        futures::future::select(std::pin::pin!(replies), std::pin::pin!(requests)).await;
        waiting.borrow_mut().clear();
    }));
    Ok(connection)
}

/// Forgets all connections: their world is gone.
pub(crate) fn forget_connections() {
    let all = CONNECTIONS.try_with(|all| std::mem::take(&mut *all.borrow_mut()));
    drop(all);
}

impl Connection {
    fn send(&self, method: u64, payload: &[u8], answer: oneshot::Sender<(Status, Vec<u8>)>) {
        let call = self.next.get();
        self.next.set(call + 1);
        self.waiting.borrow_mut().insert(call, answer);
        if self.frames.send(frame(call, REQUEST, &method.to_le_bytes(), payload)).is_err() {
            self.waiting.borrow_mut().remove(&call);
        }
    }
}

struct Frame {
    call: u64,
    tag: u8,
    rest: Vec<u8>,
}

fn frame(call: u64, tag: u8, head: &[u8], payload: &[u8]) -> Vec<u8> {
    let length = 9 + head.len() + payload.len();
    let mut frame = Vec::with_capacity(4 + length);
    frame.extend_from_slice(&(length as u32).to_le_bytes());
    frame.extend_from_slice(&call.to_le_bytes());
    frame.push(tag);
    frame.extend_from_slice(head);
    frame.extend_from_slice(payload);
    frame
}

/// The next frame; `None` at the end of the stream.
async fn read_frame(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> io::Result<Option<Frame>> {
    let length = match stream.read_u32_le().await {
        Ok(length) => length as usize,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    if !(9..=LARGEST).contains(&length) {
        let message = format!("a frame of {length} bytes; 9 to {LARGEST} are allowed");
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let call = stream.read_u64_le().await?;
    let tag = stream.read_u8().await?;
    let mut rest = vec![0; length - 9];
    stream.read_exact(&mut rest).await?;
    Ok(Some(Frame { call, tag, rest }))
}

async fn write_frames(
    mut stream: impl tokio::io::AsyncWrite + Unpin,
    mut frames: mpsc::UnboundedReceiver<Vec<u8>>,
) {
    while let Some(frame) = frames.recv().await {
        if stream.write_all(&frame).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

fn tag_of(status: Status) -> u8 {
    match status {
        Status::Ok => 1,
        Status::NoListener => 2,
        Status::NoMethod => 3,
        Status::Undecodable => 4,
    }
}

fn status_of(tag: u8) -> Option<Status> {
    [Status::Ok, Status::NoListener, Status::NoMethod, Status::Undecodable]
        .into_iter()
        .find(|&status| tag_of(status) == tag)
}

/// The server's end: accepts connections and gathers their requests.
pub(super) struct Accepting {
    local: SocketAddr,
    calls: mpsc::Receiver<RawCall>,
    task: JoinHandle<()>,
}

/// Where a reply to a request of a connection goes.
pub(crate) struct ReplyFrame {
    call: u64,
    frames: mpsc::UnboundedSender<Vec<u8>>,
}

impl ReplyFrame {
    pub(super) fn send(self, status: Status, payload: Vec<u8>) {
        // The connection may be gone; then nobody waits.
        let _ = self.frames.send(frame(self.call, tag_of(status), &[], &payload));
    }
}

impl Accepting {
    pub(super) async fn bind(address: SocketAddr) -> io::Result<Accepting> {
        let listener = TcpListener::bind(address).await?;
        let local = listener.local_addr()?;
        let (gather, calls) = mpsc::channel(BACKLOG);
        let task = spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let accepted = listener.accept();
                // Ended connections are joined on the way, or they would pile up.
                let ended = async {
                    if connections.join_next().await.is_none() {
                        std::future::pending::<()>().await;
                    }
                };
                let accepted = crate::select! {
                    accepted = accepted => accepted,
                    () = ended => continue,
                };
                match accepted {
                    Ok((stream, peer)) => connections.spawn(serve(stream, peer, gather.clone())),
                    Err(error) => {
                        tracing::warn!("accepting a connection failed: {error}");
                        crate::time::sleep(Duration::from_millis(10)).await;
                    }
                }
            }
        });
        Ok(Accepting { local, calls, task })
    }

    pub(super) fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub(super) async fn next(&mut self) -> io::Result<RawCall> {
        self.calls.recv().await.ok_or_else(|| io::ErrorKind::BrokenPipe.into())
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, gather: mpsc::Sender<RawCall>) {
    // Without it, small replies wait for the peer's acknowledgements; it may fail on a connection that is gone.
    let _ = stream.set_nodelay(true);
    let (read, write) = tokio::io::split(stream);
    let (frames, outgoing) = mpsc::unbounded_channel();
    let requests = async {
        let mut read = tokio::io::BufReader::new(read);
        while let Ok(Some(frame)) = read_frame(&mut read).await {
            let (REQUEST, Some((method, payload))) = (frame.tag, frame.rest.split_first_chunk()) else {
                return;
            };
            let (method, payload) = (u64::from_le_bytes(*method), payload.to_vec());
            let reply = ReplyTo::Stream(ReplyFrame { call: frame.call, frames: frames.clone() });
            if gather.send(RawCall { from: peer, method, payload, reply }).await.is_err() {
                return;
            }
        }
    };
    let replies = write_frames(write, outgoing);
    futures::future::select(std::pin::pin!(requests), std::pin::pin!(replies)).await;
}
