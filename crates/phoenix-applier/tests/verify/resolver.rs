//! A DNS server on the loopback interface that says what it is told to.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use phoenix_applier::here::has_address;
use phoenix_applier::{Network, Outside};
use phoenix_planner::probe::Answer;
use phoenix_planner::verify::{Question, Record};
use simple_dns::rdata::{A, AAAA, RData};
use simple_dns::{CLASS, Packet, PacketFlag, RCODE, ResourceRecord};

/// What the server says to a question.
pub(crate) enum Say {
    /// These addresses.
    Addresses(Vec<Ipv4Addr>),
    /// An IPv6 address, whatever was asked.
    V6,
    /// An error.
    Error(RCODE),
    /// First nonsense and an answer to another question, then this address.
    Late(Ipv4Addr),
}

/// Starts a server that answers one question after the other while the test runs.
pub(crate) fn serve(say: Say) -> SocketAddr {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = socket.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut bytes = [0; 512];
        while let Ok((length, from)) = socket.recv_from(&mut bytes) {
            for answer in answers(&bytes[..length], &say) {
                socket.send_to(&answer, from).unwrap();
            }
        }
    });
    address
}

fn answers(query: &[u8], say: &Say) -> Vec<Vec<u8>> {
    let query = Packet::parse(query).unwrap();
    assert!(query.has_flags(PacketFlag::RECURSION_DESIRED));
    let question = query.questions.first().unwrap().clone();
    let reply = |id: u16, data: Vec<RData<'static>>| {
        let mut packet = Packet::new_reply(id);
        packet.questions.push(question.clone());
        packet.answers.extend(
            data.into_iter()
                .map(|data| ResourceRecord::new(question.qname.clone(), CLASS::IN, 60, data)),
        );
        packet
    };
    let a = |address: Ipv4Addr| RData::A(A { address: address.into() });
    let id = query.id();
    let packets = match say {
        Say::Addresses(all) => vec![reply(id, all.iter().copied().map(a).collect())],
        Say::V6 => vec![reply(id, vec![RData::AAAA(AAAA { address: 1 })])],
        Say::Error(code) => {
            let mut packet = reply(id, Vec::new());
            *packet.rcode_mut() = *code;
            vec![packet]
        }
        Say::Late(address) => {
            vec![
                reply(id.wrapping_add(1), vec![a(Ipv4Addr::BROADCAST)]),
                reply(id, vec![a(*address)]),
            ]
        }
    };
    let bytes = packets.iter().map(|packet| packet.build_bytes_vec().unwrap());
    let nonsense = matches!(say, Say::Late(_)).then(|| b"\xff".to_vec());
    nonsense.into_iter().chain(bytes).collect()
}

/// Asks for the address of a name.
fn ask(say: Say, record: Record) -> Answer {
    let name = "phoenix-verify.example.com".to_owned();
    let question = Question::Resolve { server: serve(say), name, record };
    Network.ask(std::slice::from_ref(&question)).remove(&question).unwrap()
}

#[test]
fn addresses_of_the_asked_type_are_the_answer() {
    let own = Ipv4Addr::new(192, 168, 1, 153);
    let all = Answer::Addresses(vec![own.into()]);
    assert_eq!(ask(Say::Addresses(vec![own]), Record::A), all);
    assert_eq!(ask(Say::V6, Record::A), Answer::Addresses(Vec::new()));
    let v6 = Answer::Addresses(vec!["::1".parse().unwrap()]);
    assert_eq!(ask(Say::V6, Record::Aaaa), v6);
}

#[test]
fn a_packet_that_is_no_answer_is_passed_over() {
    let own = Ipv4Addr::new(192, 168, 1, 153);
    assert_eq!(ask(Say::Late(own), Record::A), Answer::Addresses(vec![own.into()]));
}

#[test]
fn what_the_server_says_instead_is_told() {
    for (code, words) in [
        (RCODE::NameError, "the server says that there is no such name"),
        (RCODE::Refused, "the server refuses to answer"),
        (RCODE::ServerFailure, "the server could not find out"),
    ] {
        assert_eq!(ask(Say::Error(code), Record::A), Answer::Unreachable(words.to_owned()));
    }
}

#[test]
fn a_machine_knows_its_own_addresses() {
    assert!(has_address(Ipv4Addr::LOCALHOST));
    // Nobody has an address of RFC 5737.
    assert!(!has_address(Ipv4Addr::new(192, 0, 2, 1)));
}

#[test]
fn a_port_on_which_nothing_listens_is_told_at_once() {
    // Bound, and gone again: nobody else gets the number so soon.
    let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let name = "example.com".to_owned();
    let question = Question::Resolve { server: free, name, record: Record::A };
    let answer = Network.ask(std::slice::from_ref(&question)).remove(&question).unwrap();
    assert_eq!(answer, Answer::Unreachable("refused: nothing listens there".to_owned()));
}
