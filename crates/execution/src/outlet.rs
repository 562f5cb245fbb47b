//! The sending half of a WebSocket connection, shared by the gateway's event loop and the publisher: a push leaves from
//! the thread that made it, whatever the event loop is busy with.

use parking_lot::Mutex;
use rustix::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use rustix::io::{Errno, fcntl_dupfd_cloexec, writev};
use std::io::IoSlice;
use std::sync::atomic::{AtomicU64, Ordering};

/// Final-fragment bit of a frame's first byte.
const FINAL: u8 = 0x80;
/// Bytes that have left a queue are dropped from its front at this size.
const COMPACT: usize = 1 << 20;

/// Kinds of frames that a server sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// A message.
    Text = 1,
    /// The last frame: nothing is sent after it.
    Close = 8,
    /// Answer to a ping.
    Pong = 10,
}

/// What waits for the socket.
#[derive(Debug, Default)]
struct Queue {
    socket: Option<OwnedFd>,
    bytes: Vec<u8>,
    /// Bytes at the front that have left.
    left: usize,
    closing: bool,
}

/// The sending half of one connection. Frames leave in the order in which they were sent, whole and never mixed.
#[derive(Debug)]
pub struct Outlet {
    id: u64,
    socket: RawFd,
    queue: Mutex<Queue>,
}

impl Outlet {
    /// For a connected, non-blocking socket, of which it takes a handle of its own.
    ///
    /// # Errors
    /// When the system gives none.
    pub fn new(socket: BorrowedFd<'_>) -> std::io::Result<Self> {
        static IDS: AtomicU64 = AtomicU64::new(1);
        let socket = fcntl_dupfd_cloexec(socket, 0)?;
        let (id, number) = (IDS.fetch_add(1, Ordering::Relaxed), socket.as_raw_fd());
        Ok(Self { id, socket: number, queue: Mutex::new(Queue { socket: Some(socket), ..Queue::default() }) })
    }

    /// A number that no other outlet of this process had.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its handle, to wait until the socket takes more.
    #[must_use]
    pub fn socket(&self) -> RawFd {
        self.socket
    }

    /// Sends a frame without waiting: what the socket does not take stays here, to be [flushed](Self::flush). Returns
    /// the bytes that stay. After a [`FrameKind::Close`] or [`Self::close`] nothing is sent.
    pub fn send(&self, kind: FrameKind, payload: &[u8]) -> usize {
        let mut queue = self.queue.lock();
        if queue.closing {
            return queue.waiting();
        }
        queue.closing = kind == FrameKind::Close;
        let (header, length) = header(kind, payload.len());
        queue.push(&header[..length], payload);
        queue.waiting()
    }

    /// Sends what waited, as far as the socket takes it; the bytes that stay.
    pub fn flush(&self) -> usize {
        let mut queue = self.queue.lock();
        queue.flush();
        queue.waiting()
    }

    /// Bytes that wait for the socket.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.queue.lock().waiting()
    }

    /// Lets go of the socket; what waited is lost.
    pub fn close(&self) {
        *self.queue.lock() = Queue { closing: true, ..Queue::default() };
    }
}

/// A server's frame header: at most ten bytes, not masked.
fn header(kind: FrameKind, length: usize) -> ([u8; 10], usize) {
    let mut header = [0; 10];
    header[0] = FINAL | kind as u8;
    if let Ok(short) = u16::try_from(length) {
        if short < 126 {
            header[1] = short as u8;
            return (header, 2);
        }
        header[1] = 126;
        header[2..4].copy_from_slice(&short.to_be_bytes());
        return (header, 4);
    }
    header[1] = 127;
    header[2..].copy_from_slice(&(length as u64).to_be_bytes());
    (header, 10)
}

impl Queue {
    fn waiting(&self) -> usize {
        self.bytes.len() - self.left
    }

    /// Sends a frame past an empty queue, and queues the rest.
    fn push(&mut self, header: &[u8], payload: &[u8]) {
        let total = header.len() + payload.len();
        let mut sent = 0;
        while self.waiting() == 0 && sent < total {
            let part = match sent.checked_sub(header.len()) {
                None => self.write(&[IoSlice::new(&header[sent..]), IoSlice::new(payload)]),
                Some(start) => self.write(&[IoSlice::new(&payload[start..])]),
            };
            match part {
                Some(part) => sent += part,
                None => break,
            }
        }
        if self.socket.is_some() && sent < total {
            self.bytes.extend_from_slice(&header[sent.min(header.len())..]);
            self.bytes.extend_from_slice(&payload[sent.saturating_sub(header.len())..]);
        }
    }

    fn flush(&mut self) {
        while self.waiting() > 0 {
            match self.write(&[IoSlice::new(&self.bytes[self.left..])]) {
                Some(part) => self.left += part,
                None => break,
            }
        }
        if self.waiting() == 0 {
            self.bytes.clear();
            self.left = 0;
        } else if self.left > COMPACT {
            self.bytes.drain(..self.left);
            self.left = 0;
        }
    }

    /// Bytes that the socket took; `None` when it takes none now. A broken one takes none ever: its reading half, which
    /// the gateway watches, says so too.
    fn write(&self, parts: &[IoSlice<'_>]) -> Option<usize> {
        let socket = self.socket.as_ref()?;
        loop {
            match writev(socket, parts) {
                Ok(part) => return Some(part),
                Err(Errno::INTR) => {}
                Err(_) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixStream;

    /// An outlet and the other end of its socket.
    fn pair() -> (Outlet, UnixStream) {
        let (near, far) = UnixStream::pair().expect("sockets");
        near.set_nonblocking(true).expect("a socket");
        (Outlet::new(near.as_fd()).expect("a handle"), far)
    }

    /// Takes whole frames off the front of `data`.
    fn frames(data: &mut Vec<u8>) -> Vec<(u8, Vec<u8>)> {
        let mut found = Vec::new();
        loop {
            let Some(&short) = data.get(1) else { return found };
            let (head, length) = match short {
                126 if data.len() >= 4 => (4, usize::from(u16::from_be_bytes([data[2], data[3]]))),
                127 if data.len() >= 10 => {
                    (10, u64::from_be_bytes(data[2..10].try_into().expect("eight bytes")) as usize)
                }
                short if short < 126 => (2, usize::from(short)),
                _ => return found,
            };
            if data.len() < head + length {
                return found;
            }
            found.push((data[0], data[head..head + length].to_vec()));
            data.drain(..head + length);
        }
    }

    #[test]
    fn frames_are_framed() {
        let (outlet, mut far) = pair();
        let lengths = [0, 1, 125, 126, 300, 65_535, 65_536];
        for length in lengths {
            assert_eq!(outlet.send(FrameKind::Text, &vec![b'x'; length]), 0);
        }
        assert_eq!(outlet.send(FrameKind::Pong, b"p"), 0);
        drop(outlet);
        let mut data = Vec::new();
        far.read_to_end(&mut data).expect("the stream ends with the outlet");
        let found = frames(&mut data);
        assert!(data.is_empty());
        assert_eq!(found.len(), lengths.len() + 1);
        for ((first, payload), length) in found.iter().zip(lengths) {
            assert_eq!((*first, payload.len()), (0x81, length));
        }
        assert_eq!(found[lengths.len()], (0x8a, b"p".to_vec()));
    }

    #[test]
    fn what_the_socket_does_not_take_waits_in_order() {
        let (outlet, mut far) = pair();
        let message = |number: usize| vec![number as u8; 10_000 + number];
        for number in 0..300 {
            outlet.send(FrameKind::Text, &message(number));
        }
        let before = outlet.unsent();
        assert!(before > 1_000_000, "{before} bytes wait");
        far.set_nonblocking(true).expect("a socket");
        let (mut data, mut found) = (Vec::new(), Vec::new());
        let mut buffer = vec![0; 1 << 16];
        while found.len() < 300 {
            while let Ok(length) = far.read(&mut buffer) {
                data.extend_from_slice(&buffer[..length]);
            }
            found.extend(frames(&mut data));
            outlet.flush();
        }
        for (number, (_, payload)) in found.iter().enumerate() {
            assert!(*payload == message(number), "message {number} is not what was sent");
        }
        assert_eq!(outlet.unsent(), 0);
    }

    #[test]
    fn nothing_follows_the_close() {
        let (outlet, mut far) = pair();
        outlet.send(FrameKind::Close, b"\x03\xf5");
        outlet.send(FrameKind::Text, b"late");
        outlet.close();
        outlet.send(FrameKind::Text, b"later");
        let mut data = Vec::new();
        far.read_to_end(&mut data).expect("the stream ends with the close");
        assert_eq!(data, b"\x88\x02\x03\xf5");
    }
}
