//! The options of a rule: how they are spelled, how many words follow, and what brings them.

/// The options that are understood (iptables(8), iptables-extensions(8)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in super::super) enum Name {
    Protocol,
    Source,
    Destination,
    InInterface,
    OutInterface,
    Jump,
    Goto,
    Match,
    Dport,
    Sport,
    TcpFlags,
    Syn,
    Dports,
    Sports,
    Comment,
    Ctstate,
    State,
    DstType,
    SrcType,
    ToDestination,
    ToSource,
    ToPorts,
    Random,
    RandomFully,
    Persistent,
    RejectWith,
}

impl Name {
    /// Returns how many words follow the option.
    pub(super) fn arity(self) -> usize {
        match self {
            Self::Syn | Self::Random | Self::RandomFully | Self::Persistent => 0,
            Self::TcpFlags => 2,
            _ => 1,
        }
    }

    /// Returns the matches or targets that bring the option; nothing for one that every rule has.
    pub(super) fn scopes(self) -> &'static [&'static str] {
        match self {
            Self::Dport | Self::Sport => &["tcp", "udp"],
            Self::TcpFlags | Self::Syn => &["tcp"],
            Self::Dports | Self::Sports => &["multiport"],
            Self::Comment => &["comment"],
            Self::Ctstate => &["conntrack"],
            Self::State => &["state"],
            Self::DstType | Self::SrcType => &["addrtype"],
            Self::ToDestination => &["DNAT"],
            Self::ToSource => &["SNAT"],
            Self::ToPorts => &["REDIRECT", "MASQUERADE"],
            Self::Random | Self::RandomFully => &["DNAT", "SNAT", "REDIRECT", "MASQUERADE"],
            Self::Persistent => &["DNAT", "SNAT"],
            Self::RejectWith => &["REJECT"],
            _ => &[],
        }
    }
}

/// Returns the options that a word names; which of them it is depends on the rule's matches and target.
///
/// `--to` and the like are the abbreviations that getopt_long(3) accepts and people write.
pub(super) fn named(word: &str) -> &'static [Name] {
    match word {
        "-p" | "--protocol" | "--proto" => &[Name::Protocol],
        "-s" | "--source" | "--src" => &[Name::Source],
        "-d" | "--destination" | "--dst" => &[Name::Destination],
        "-i" | "--in-interface" => &[Name::InInterface],
        "-o" | "--out-interface" => &[Name::OutInterface],
        "-j" | "--jump" => &[Name::Jump],
        "-g" | "--goto" => &[Name::Goto],
        "-m" | "--match" => &[Name::Match],
        "--dport" | "--destination-port" => &[Name::Dport],
        "--sport" | "--source-port" => &[Name::Sport],
        "--tcp-flags" => &[Name::TcpFlags],
        "--syn" => &[Name::Syn],
        "--dports" | "--destination-ports" => &[Name::Dports],
        "--sports" | "--source-ports" => &[Name::Sports],
        "--comment" => &[Name::Comment],
        "--ctstate" => &[Name::Ctstate],
        "--state" => &[Name::State],
        "--dst-type" => &[Name::DstType],
        "--src-type" => &[Name::SrcType],
        "--to-destination" | "--to-dest" => &[Name::ToDestination],
        "--to-source" => &[Name::ToSource],
        "--to-ports" | "--to-port" => &[Name::ToPorts],
        "--to" => &[Name::ToDestination, Name::ToSource, Name::ToPorts],
        "--random" => &[Name::Random],
        "--random-fully" => &[Name::RandomFully],
        "--persistent" => &[Name::Persistent],
        "--reject-with" => &[Name::RejectWith],
        _ => &[],
    }
}
