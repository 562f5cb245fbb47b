//! The raw channel of a chain, straight from the publisher to a socket.

mod support;

use execution::Outlet;
use protocol::Side;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use support::{Market, SNAPSHOT_EVERY, Scratch};

const CHANNEL: &str = "chain.BTC.raw";

/// A subscriber.
struct Reader {
    outlet: Arc<Outlet>,
    stream: UnixStream,
}

impl Reader {
    fn join(market: &Market) -> Self {
        let (near, stream) = UnixStream::pair().expect("sockets");
        near.set_nonblocking(true).expect("a socket");
        let outlet = Arc::new(Outlet::new(near.as_fd()).expect("a handle"));
        assert!(market.host().join_chain(1, Arc::clone(&outlet)), "there is a chain");
        Self { outlet, stream }
    }

    /// The next message; they are longer than 125 bytes and shorter than 64 KiB here.
    fn next(&mut self) -> String {
        let mut header = [0; 4];
        self.stream.read_exact(&mut header).expect("a frame");
        assert_eq!(header[..2], [0x81, 126]);
        let mut payload = vec![0; usize::from(u16::from_be_bytes([header[2], header[3]]))];
        self.stream.read_exact(&mut payload).expect("a frame");
        String::from_utf8(payload).expect("text")
    }

    fn expects_nothing(&mut self) {
        self.stream.set_nonblocking(true).expect("a socket");
        assert!(self.stream.read(&mut [0]).is_err(), "nothing more was pushed");
        self.stream.set_nonblocking(false).expect("a socket");
    }
}

fn chain(market: &Market, since: Option<u64>) -> (u64, String) {
    let view = market.host().view().read();
    let message = view.chain_message(1, CHANNEL, since).expect("there is a chain");
    (view.chains.get(1).expect("there is a chain").change, String::from_utf8(message).expect("text"))
}

#[test]
fn what_is_pushed_is_what_the_view_says() {
    let scratch = Scratch::new("chain-pushes");
    let mut market = Market::open(scratch.path(), SNAPSHOT_EVERY);
    let mut reader = Reader::join(&market);
    assert_eq!(reader.next(), chain(&market, None).1);
    for round in 0..20 {
        // the mark is alone in its frame and was valued ahead, the order in the round before moved the best price
        let (before, _) = chain(&market, None);
        let command =
            if round % 2 == 0 { market.marked() } else { market.order(0, Side::Buy, 1, 74_000 + 5 * round) };
        market.must(&command);
        let (_, expected) = chain(&market, Some(before));
        assert_eq!(reader.next(), expected, "round {round}");
        assert!(expected.contains(&format!(r#""prev_change_id":{before},"#)));
    }
    reader.expects_nothing();
    market.close();
}

#[test]
fn a_reader_who_left_gets_nothing() {
    let scratch = Scratch::new("chain-leaves");
    let mut market = Market::open(scratch.path(), SNAPSHOT_EVERY);
    let (mut stays, mut leaves) = (Reader::join(&market), Reader::join(&market));
    assert_eq!(stays.next(), leaves.next());
    market.host().leave_chain(1, leaves.outlet.id());
    let mark = market.marked();
    market.must(&mark);
    stays.next();
    leaves.expects_nothing();
    assert!(!market.host().join_chain(2, Arc::clone(&leaves.outlet)), "there is one underlying");
    market.close();
}

#[test]
fn a_reader_who_is_behind_catches_up_in_one_step() {
    let scratch = Scratch::new("chain-behind");
    let mut market = Market::open(scratch.path(), SNAPSHOT_EVERY);
    let mut reader = Reader::join(&market);
    reader.next();
    let (before, _) = chain(&market, None);
    // more than the socket and the backlog hold
    let filler = vec![b'x'; 60_000];
    while reader.outlet.unsent() <= execution::feed::BACKLOG {
        reader.outlet.send(execution::FrameKind::Text, &filler);
    }
    for _ in 0..5 {
        let mark = market.marked();
        market.must(&mark);
    }
    assert!(market.host().catch_up().is_empty(), "it cannot take anything yet");
    let (change, expected) = chain(&market, Some(before));
    while reader.next() == String::from_utf8_lossy(&filler) {
        reader.outlet.flush();
        if reader.outlet.unsent() == 0 {
            market.host().catch_up();
            let last = (0..).map(|_| reader.next()).find(|message| !message.starts_with('x'));
            assert_eq!(last.expect("it comes"), expected);
            let mark = market.marked();
            market.must(&mark);
            assert_eq!(reader.next(), chain(&market, Some(change)).1);
            return;
        }
    }
    panic!("a change came before the socket was empty");
}
