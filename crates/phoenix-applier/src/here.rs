//! What the machine on which phoenix runs sees of the network: connections and names.
//!
//! Deliberately not done: TLS and HTTP. Whether a port answers shows whether packets get there and
//! come back; what it says is the service's own affair.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use phoenix_planner::probe::Answer;
use phoenix_planner::verify::{Question, Record};
use simple_dns::rdata::RData;
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, RCODE, TYPE};

/// How long an answer is waited for: more than a lost packet's second try, less than a person's patience.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many questions are open at once: a server that is down must not take its time for each name.
const AT_ONCE: usize = 16;

/// More than an answer by UDP has (RFC 6891 speaks of 4096 bytes).
const LARGEST: usize = 8192;

/// Asks the network.
pub trait Outside {
    /// Returns the answers to all questions.
    fn ask(&self, questions: &[Question]) -> BTreeMap<Question, Answer>;
}

/// The network of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct Network;

impl Outside for Network {
    fn ask(&self, questions: &[Question]) -> BTreeMap<Question, Answer> {
        let mut answers = BTreeMap::new();
        for some in questions.chunks(AT_ONCE) {
            std::thread::scope(|scope| {
                let asked =
                    some.iter().map(|question| (question, scope.spawn(|| answer(question))));
                let asked = asked.collect::<Vec<_>>();
                answers.extend(asked.into_iter().map(|(question, thread)| {
                    let lost = |_| Answer::Unreachable("it could not be asked".to_owned());
                    (question.clone(), thread.join().unwrap_or_else(lost))
                }));
            });
        }
        answers
    }
}

/// Returns whether this machine has an address itself.
///
/// Nothing is sent: the kernel chooses a source, and to an address of the machine that is the address.
pub fn has_address(address: Ipv4Addr) -> bool {
    let source = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect((address, DISCARD))?;
        socket.local_addr()
    };
    source().is_ok_and(|source| source.ip() == IpAddr::V4(address))
}

/// Any port will do; this one is for what nobody reads (RFC 863).
const DISCARD: u16 = 9;

fn answer(question: &Question) -> Answer {
    let result = match question {
        Question::Connect { to, .. } => connect(*to),
        Question::Resolve { server, name, record } => resolve(*server, name, *record),
    };
    result.unwrap_or_else(Answer::Unreachable)
}

fn connect(to: SocketAddr) -> Result<Answer, String> {
    let stream = TcpStream::connect_timeout(&to, PATIENCE).map_err(|error| said(&error))?;
    let own = stream.local_addr().map_err(|error| said(&error))?;
    if own.ip() == to.ip() && !own.ip().is_loopback() {
        return Err(
            "this machine has the address itself: that it answers proves nothing".to_owned()
        );
    }
    Ok(Answer::Connected)
}

/// Returns an error in words that say what was seen, not which call failed.
fn said(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::ConnectionRefused => "refused: nothing listens there".to_owned(),
        ErrorKind::TimedOut | ErrorKind::WouldBlock => {
            format!("no answer within {} seconds", PATIENCE.as_secs())
        }
        ErrorKind::HostUnreachable => "no machine answers for this address".to_owned(),
        ErrorKind::NetworkUnreachable => "this machine has no way there".to_owned(),
        _ => error.to_string(),
    }
}

fn resolve(server: SocketAddr, name: &str, record: Record) -> Result<Answer, String> {
    let io = |error: io::Error| said(&error);
    let id = number().map_err(io)?;
    let query = query(id, name, record)?;
    let any: SocketAddr = match server {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let socket = UdpSocket::bind(any).map_err(io)?;
    // Connected: the kernel then takes packets from the server only, and says when nothing listens.
    socket.connect(server).map_err(io)?;
    socket.send(&query).map_err(io)?;
    let end = Instant::now() + PATIENCE;
    let mut bytes = vec![0; LARGEST];
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(said(&ErrorKind::TimedOut.into()));
        }
        socket.set_read_timeout(Some(left)).map_err(io)?;
        let length = socket.recv(&mut bytes).map_err(io)?;
        // A packet that is no answer to this question is passed over.
        if let Some(answer) = read(&bytes[..length], id, record) {
            return answer;
        }
    }
}

/// Returns a number that nobody else can guess.
fn number() -> io::Result<u16> {
    let mut bytes = [0; 2];
    rustix::rand::getrandom(&mut bytes[..], rustix::rand::GetRandomFlags::empty())?;
    Ok(u16::from_ne_bytes(bytes))
}

fn query(id: u16, name: &str, record: Record) -> Result<Vec<u8>, String> {
    let wrong = |error: simple_dns::SimpleDnsError| error.to_string();
    let name = Name::new(name).map_err(wrong)?;
    let kind = if record == Record::A { TYPE::A } else { TYPE::AAAA };
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    let question =
        simple_dns::Question::new(name, QTYPE::TYPE(kind), QCLASS::CLASS(CLASS::IN), false);
    packet.questions.push(question);
    packet.build_bytes_vec().map_err(wrong)
}

/// Reads an answer; `None` when the packet is another one.
fn read(bytes: &[u8], id: u16, record: Record) -> Option<Result<Answer, String>> {
    let packet = Packet::parse(bytes).ok()?;
    if packet.id() != id || !packet.has_flags(PacketFlag::RESPONSE) {
        return None;
    }
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => {
            return Some(Err("the server says that there is no such name".to_owned()));
        }
        RCODE::Refused => return Some(Err("the server refuses to answer".to_owned())),
        RCODE::ServerFailure => return Some(Err("the server could not find out".to_owned())),
        other => return Some(Err(format!("the server answers with an error ({other:?})"))),
    }
    // Names on the way, CNAME records, do not count: only where they end.
    let addresses = packet.answers.iter().filter_map(|answer| match (&answer.rdata, record) {
        (RData::A(a), Record::A) => Some(IpAddr::V4(a.address.into())),
        (RData::AAAA(a), Record::Aaaa) => Some(IpAddr::V6(a.address.into())),
        _ => None,
    });
    Some(Ok(Answer::Addresses(addresses.collect())))
}
