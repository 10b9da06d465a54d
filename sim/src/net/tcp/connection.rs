//! One end of a connection: RFC 9293's state machine, pure. Segments and the time go in; what to send is asked for.

use super::SECOND;
use super::receiving::Receiving;
use super::segment::{ACK, FIN, Header, PROBE, RST, SYN};
use super::sending::Sending;
use std::io;
use std::ops::Range;

/// How often a SYN is sent again, and how often the answer to one: Linux's numbers.
const SYN_RETRIES: u32 = 6;
const SYN_ACK_RETRIES: u32 = 5;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A SYN was sent.
    Connecting,
    /// A SYN has come and was answered.
    Accepting,
    /// Both sides know each other. Which halves are closed, the halves know.
    Open,
    Broken(Break),
}

/// Why a connection is no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// Nobody listens.
    Refused,
    /// The peer is gone, or this side closed without reading everything.
    Reset,
    /// The peer did not answer.
    TimedOut,
}

impl Break {
    pub(super) fn kind(self) -> io::ErrorKind {
        match self {
            Break::Refused => io::ErrorKind::ConnectionRefused,
            Break::Reset => io::ErrorKind::ConnectionReset,
            Break::TimedOut => io::ErrorKind::TimedOut,
        }
    }
}

#[derive(Debug)]
pub(super) struct Connection {
    state: State,
    pub(super) sending: Sending,
    pub(super) receiving: Receiving,
    /// The number of this side's SYN.
    syn: u64,
    /// How often the SYN, or the answer to one, was sent again, and when it was sent last.
    tries: u32,
    tried: u64,
    /// What must be said as soon as possible.
    says: u8,
    /// Whether nobody holds this end any more.
    orphan: bool,
}

/// What is to be sent: the header's part that the connection knows, and which of its bytes.
pub(super) struct Saying {
    pub(super) flags: u8,
    pub(super) seq: u64,
    pub(super) bytes: Range<usize>,
}

impl Connection {
    fn new(state: State, syn: u64, peer: u64, now: u64) -> Connection {
        Connection {
            state,
            sending: Sending::new(syn + 1),
            receiving: Receiving::new(peer),
            syn,
            tries: 0,
            tried: now,
            says: SYN,
            orphan: false,
        }
    }

    /// The end that connects.
    pub(super) fn connect(syn: u64, now: u64) -> Connection {
        Connection::new(State::Connecting, syn, 0, now)
    }

    /// The end that answers a SYN.
    pub(super) fn answer(syn: u64, header: &Header, now: u64) -> Connection {
        Connection::new(State::Accepting, syn, header.seq + 1, now)
    }

    pub(super) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    pub(super) fn broken(&self) -> Option<Break> {
        match self.state {
            State::Broken(why) => Some(why),
            _ => None,
        }
    }

    /// Whether the connection's end has nothing left to do.
    pub(super) fn is_over(&self) -> bool {
        self.orphan && (self.broken().is_some() || self.sending.is_finished())
    }

    pub(super) fn is_orphan(&self) -> bool {
        self.orphan
    }

    /// Whether a read need not wait.
    pub(super) fn is_readable(&self) -> bool {
        self.receiving.available() > 0 || self.receiving.is_at_end() || self.broken().is_some()
    }

    /// Whether a write need not wait.
    pub(super) fn is_writable(&self) -> bool {
        match self.state {
            State::Connecting | State::Accepting => false,
            State::Open => self.sending.is_closed() || self.sending.room() > 0,
            State::Broken(_) => true,
        }
    }

    /// Why a write must fail, if it must.
    pub(super) fn write_error(&self) -> Option<io::ErrorKind> {
        match self.state {
            _ if self.sending.is_closed() => Some(io::ErrorKind::BrokenPipe),
            // The peer had said that it is done (Linux).
            State::Broken(Break::Reset) if self.receiving.is_at_end() => Some(io::ErrorKind::BrokenPipe),
            State::Broken(why) => Some(why.kind()),
            _ => None,
        }
    }

    /// Takes a segment. `false`: it is of no connection of this end, and its sender must be told with RST.
    pub(super) fn receive(&mut self, header: &Header, data: &[u8], now: u64) -> bool {
        match self.state {
            State::Connecting => return self.receive_connecting(header, now),
            State::Broken(_) => return false,
            State::Accepting | State::Open => {}
        }
        if header.has(RST) {
            if self.receiving.is_plausible(header.seq) {
                self.state = State::Broken(Break::Reset);
            }
            return true;
        }
        if header.has(SYN) {
            // Again, as its answer was lost; or a stranger's, who will know it from the answer.
            self.says |= if self.state == State::Accepting { SYN } else { ACK };
            return true;
        }
        if self.state == State::Accepting {
            if header.ack != self.syn + 1 {
                return false;
            }
            self.open(header, now);
        }
        let known = header.ack <= self.sending.top();
        if !self.receiving.is_plausible(header.seq) || !known {
            self.says |= ACK;
            return true;
        }
        self.sending.acknowledge(header.ack, header.ack + u64::from(header.window), now);
        if header.has(PROBE) {
            self.says |= ACK;
        }
        if data.is_empty() && !header.has(FIN) {
            return true;
        }
        if self.orphan && header.seq + data.len() as u64 > self.receiving.next() && !data.is_empty() {
            // Nobody will ever read it.
            self.break_off();
            return true;
        }
        self.receiving.accept(header.seq, data, header.has(FIN));
        self.says |= ACK;
        true
    }

    fn receive_connecting(&mut self, header: &Header, now: u64) -> bool {
        let answers = header.has(ACK) && header.ack == self.syn + 1;
        match (header.has(RST), header.has(SYN)) {
            (true, _) if answers => self.state = State::Broken(Break::Refused),
            (false, true) if answers => {
                self.receiving = Receiving::new(header.seq + 1);
                self.open(header, now);
                self.says |= ACK;
            }
            (false, _) => return false,
            (true, _) => {}
        }
        true
    }

    fn open(&mut self, header: &Header, now: u64) {
        self.state = State::Open;
        self.says = 0;
        if self.tries == 0 {
            self.sending.pace.measure(now - self.tried);
        }
        self.sending.acknowledge(self.syn + 1, header.ack + u64::from(header.window), now);
    }

    /// What to send now, if anything.
    pub(super) fn next(&mut self, now: u64) -> Option<Saying> {
        let says = |flags, seq| Some(Saying { flags, seq, bytes: 0..0 });
        match self.state {
            State::Broken(_) => {
                let reset = self.says & RST != 0;
                self.says = 0;
                if reset { says(RST | ACK, self.sending.top()) } else { None }
            }
            State::Connecting | State::Accepting => {
                let again = self.says & SYN != 0;
                self.says = 0;
                let ack = if self.state == State::Accepting { ACK } else { 0 };
                if again { says(SYN | ack, self.syn) } else { None }
            }
            State::Open => {
                if let Some(piece) = self.sending.piece(now) {
                    self.says &= !ACK;
                    let fin = if piece.fin { FIN } else { 0 };
                    return Some(Saying { flags: ACK | fin, seq: piece.seq, bytes: piece.bytes });
                }
                let flags = std::mem::take(&mut self.says);
                if flags == 0 { None } else { says(flags | ACK, self.sending.top()) }
            }
        }
    }

    /// When time itself has a word.
    pub(super) fn deadline(&self) -> Option<u64> {
        match self.state {
            State::Connecting | State::Accepting => Some(self.tried + (SECOND << self.tries)),
            State::Open => self.sending.pace.deadline(),
            State::Broken(_) => None,
        }
    }

    /// The deadline has come. Returns what that meant, for the trace.
    pub(super) fn expire(&mut self, now: u64) -> &'static str {
        let (goes_on, what) = match self.state {
            State::Connecting | State::Accepting => {
                let limit = if self.state == State::Connecting { SYN_RETRIES } else { SYN_ACK_RETRIES };
                self.tries += 1;
                self.tried = now;
                self.says |= SYN;
                (self.tries <= limit, "syn again")
            }
            State::Open if self.sending.is_stalled() => {
                self.says |= PROBE;
                (self.sending.expire(now), "probe")
            }
            State::Open => (self.sending.expire(now), "retransmit"),
            State::Broken(_) => (true, ""),
        };
        if goes_on {
            return what;
        }
        self.state = State::Broken(Break::TimedOut);
        self.says = 0;
        "times out"
    }

    /// The first unread bytes have been read.
    pub(super) fn consume(&mut self, count: usize) -> bool {
        let opens = self.receiving.consume(count);
        if opens && self.is_open() {
            self.says |= ACK;
        }
        opens
    }

    /// Nobody holds this end any more: what was written is still sent; what comes is answered by RST.
    pub(super) fn abandon(&mut self) {
        self.orphan = true;
        match self.state {
            State::Connecting => self.state = State::Broken(Break::Reset),
            State::Open if !self.receiving.has_unread() => self.sending.close(),
            State::Accepting | State::Open => self.break_off(),
            State::Broken(_) => {}
        }
    }

    /// Ends the connection at once, and tells the peer so.
    pub(super) fn break_off(&mut self) {
        if matches!(self.state, State::Accepting | State::Open) {
            self.says = RST;
        }
        if self.broken().is_none() {
            self.state = State::Broken(Break::Reset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What one end says now, as a header.
    fn says(end: &mut Connection) -> Option<Header> {
        let saying = end.next(0)?;
        let (window, ack) = (end.receiving.tell(), end.receiving.next());
        Some(Header { source: 1, target: 2, flags: saying.flags, window, seq: saying.seq, ack })
    }

    fn open() -> (Connection, Connection) {
        let mut a = Connection::connect(1 << 40, 0);
        let syn = says(&mut a).expect("SYN");
        let mut b = Connection::answer(2 << 40, &syn, 0);
        let answer = says(&mut b).expect("SYN-ACK");
        assert!(a.receive(&answer, &[], 0) && a.is_open() && !b.is_open());
        let ack = says(&mut a).expect("ACK");
        assert!(b.receive(&ack, &[], 0) && b.is_open());
        (a, b)
    }

    #[test]
    fn a_syn_that_comes_again_is_answered_again_and_a_handshake_ends_once() {
        let mut a = Connection::connect(1 << 40, 0);
        let syn = says(&mut a).expect("SYN");
        let mut b = Connection::answer(2 << 40, &syn, 0);
        let answer = says(&mut b).expect("SYN-ACK");
        assert_eq!(says(&mut b), None);
        assert!(b.receive(&syn, &[], 0));
        assert_eq!(says(&mut b), Some(answer), "at once, and not after a second");
        assert!(a.receive(&answer, &[], 0));
        let ack = says(&mut a).expect("ACK");
        assert!(b.receive(&ack, &[], 0) && a.receive(&answer, &[], 0));
        assert_eq!(says(&mut a), Some(ack), "the answer came again: so did its acknowledgement get lost");
    }

    #[test]
    fn segments_of_an_earlier_connection_change_nothing() {
        let (mut a, _) = open();
        let stale = Header { source: 2, target: 1, flags: ACK, window: 9, seq: 1 << 39, ack: 1 << 40 };
        assert!(a.receive(&Header { flags: ACK | FIN, ..stale }, b"stale", 0));
        assert!(!a.is_readable(), "neither bytes nor an end");
        assert_eq!(says(&mut a).map(|it| (it.flags, it.ack)), Some((ACK, (2 << 40) + 1)));
        assert!(a.receive(&Header { flags: RST | ACK, ..stale }, &[], 0));
        assert_eq!(a.broken(), None);
        assert!(a.receive(&Header { flags: RST | ACK, seq: (2 << 40) + 1, ..stale }, &[], 0));
        assert_eq!(a.broken(), Some(Break::Reset), "while one of its own peer ends it");
    }

    #[test]
    fn what_answers_no_syn_of_this_end_is_rejected() {
        let mut a = Connection::connect(3 << 40, 0);
        let stale = Header { source: 2, target: 1, flags: SYN | ACK, window: 9, seq: 7, ack: 1 << 40 };
        assert!(!a.receive(&stale, &[], 0) && !a.is_open());
        assert!(a.receive(&Header { flags: RST | ACK, ..stale }, &[], 0));
        assert_eq!(a.broken(), None, "a refusal of another SYN");
        assert!(a.receive(&Header { flags: RST | ACK, ack: (3 << 40) + 1, ..stale }, &[], 0));
        assert_eq!(a.broken(), Some(Break::Refused));
    }
}
