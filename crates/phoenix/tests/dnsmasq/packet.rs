//! Questions and answers of DNS (RFC 1035), as far as a resolver needs them.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

/// Types of records.
pub(crate) const A: u16 = 1;
pub(crate) const PTR: u16 = 12;
pub(crate) const AAAA: u16 = 28;

/// Codes of answers.
pub(crate) const NO_ERROR: u8 = 0;
pub(crate) const NO_NAME: u8 = 3;

/// How long one answer is waited for, and how often it is asked for: a server may still be starting.
const PATIENCE: Duration = Duration::from_millis(250);
const TRIES: usize = 40;

/// What a server has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) code: u8,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) names: Vec<String>,
}

/// Asks a server by UDP until it answers.
pub(crate) fn ask(server: IpAddr, name: &str, kind: u16) -> Answer {
    let question = question(name, kind);
    let local: SocketAddr = (Ipv4Addr::UNSPECIFIED, 0).into();
    for _ in 0..TRIES {
        let socket = UdpSocket::bind(local).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let mut answer = [0; 4096];
        // An address that is not there yet, or a port that nobody listens on, is an error here.
        let sent = socket.connect((server, 53)).and_then(|()| socket.send(&question));
        match sent.and_then(|_| socket.recv(&mut answer)) {
            Ok(length) => return read(&answer[..length]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(_) => std::thread::sleep(PATIENCE),
        }
    }
    panic!("{server} does not answer to {name}");
}

/// Asks a server by TCP, once.
pub(crate) fn ask_by_tcp(server: IpAddr, name: &str, kind: u16) -> Answer {
    let question = question(name, kind);
    let mut stream = TcpStream::connect((server, 53)).unwrap();
    stream.set_read_timeout(Some(PATIENCE * 8)).unwrap();
    let length = u16::try_from(question.len()).unwrap().to_be_bytes();
    stream.write_all(&[length.as_slice(), &question].concat()).unwrap();
    let mut length = [0; 2];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut answer).unwrap();
    read(&answer)
}

fn question(name: &str, kind: u16) -> Vec<u8> {
    const RECURSION_DESIRED: u16 = 0x100;
    const INTERNET: u16 = 1;
    let head = [7, RECURSION_DESIRED, 1, 0, 0, 0];
    let mut bytes = head.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<_>>();
    for part in name.split('.') {
        bytes.push(u8::try_from(part.len()).unwrap());
        bytes.extend(part.bytes());
    }
    bytes.push(0);
    bytes.extend([kind, INTERNET].iter().flat_map(|word| word.to_be_bytes()));
    bytes
}

fn read(bytes: &[u8]) -> Answer {
    let mut answer = Answer { code: bytes[3] & 0xf, addresses: Vec::new(), names: Vec::new() };
    // The question stands in front again: its name, its type and its class.
    let (_, mut at) = name_at(bytes, 12);
    at += 4;
    for _ in 0..word_at(bytes, 6) {
        let (_, head) = name_at(bytes, at);
        let (kind, length) = (word_at(bytes, head), usize::from(word_at(bytes, head + 8)));
        let data = head + 10;
        match kind {
            A => {
                let octets: [u8; 4] = bytes[data..data + 4].try_into().unwrap();
                answer.addresses.push(Ipv4Addr::from(octets).into());
            }
            AAAA => {
                let octets: [u8; 16] = bytes[data..data + 16].try_into().unwrap();
                answer.addresses.push(Ipv6Addr::from(octets).into());
            }
            PTR => answer.names.push(name_at(bytes, data).0),
            _ => {}
        }
        at = data + length;
    }
    answer
}

fn word_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

/// Returns a name and where what follows it begins.
fn name_at(bytes: &[u8], start: usize) -> (String, usize) {
    let (mut parts, mut at, mut end) = (Vec::new(), start, None);
    loop {
        let length = usize::from(bytes[at]);
        if length == 0 {
            return (parts.join("."), end.unwrap_or(at + 1));
        }
        if length >= 0xc0 {
            end = end.or(Some(at + 2));
            at = usize::from(word_at(bytes, at) & 0x3fff);
            continue;
        }
        parts.push(String::from_utf8(bytes[at + 1..=at + length].to_vec()).unwrap());
        at += length + 1;
    }
}
