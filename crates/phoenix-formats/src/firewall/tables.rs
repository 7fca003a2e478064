//! Words that PVE's firewall knows: protocols, ICMP types, macros, link layer types, helpers.

use super::address::IpVersion;
use super::rule::Rule;

/// The levels of a log option, in PVE's order of trial.
pub(super) const LOG_LEVELS: [&str; 9] =
    ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "nolog"];

/// Names and numbers of `/etc/protocols` in Debian 12 (netbase 6.4). A number that is not here is no protocol to PVE.
#[rustfmt::skip]
const PROTOCOLS: &[(&str, &str)] = &[
    ("ip", "0"), ("hopopt", "0"), ("icmp", "1"), ("igmp", "2"), ("ggp", "3"), ("ipencap", "4"), ("st", "5"),
    ("tcp", "6"), ("egp", "8"), ("igp", "9"), ("pup", "12"), ("udp", "17"), ("hmp", "20"), ("xns-idp", "22"),
    ("rdp", "27"), ("iso-tp4", "29"), ("dccp", "33"), ("xtp", "36"), ("ddp", "37"), ("idpr-cmtp", "38"),
    ("ipv6", "41"), ("ipv6-route", "43"), ("ipv6-frag", "44"), ("idrp", "45"), ("rsvp", "46"), ("gre", "47"),
    ("esp", "50"), ("ah", "51"), ("skip", "57"), ("ipv6-icmp", "58"), ("ipv6-nonxt", "59"), ("ipv6-opts", "60"),
    ("rspf", "73"), ("vmtp", "81"), ("eigrp", "88"), ("ospf", "89"), ("ax.25", "93"), ("ipip", "94"),
    ("etherip", "97"), ("encap", "98"), ("pim", "103"), ("ipcomp", "108"), ("vrrp", "112"), ("l2tp", "115"),
    ("isis", "124"), ("sctp", "132"), ("fc", "133"), ("mobility-header", "135"), ("udplite", "136"),
    ("mpls-in-ip", "137"), ("manet", "138"), ("hip", "139"), ("shim6", "140"), ("wesp", "141"), ("rohc", "142"),
    ("ethernet", "143"), ("mptcp", "262"),
    // PVE adds this one itself.
    ("icmpv6", "58"),
];

/// The protocols whose packets have ports, by name and number.
const WITH_PORTS: &[&str] =
    &["tcp", "6", "udp", "17", "udplite", "136", "dccp", "33", "sctp", "132"];

/// ICMP types by name (iptables-extensions(8), icmp).
#[rustfmt::skip]
const ICMP_TYPES: &[&str] = &[
    "any", "echo-reply", "destination-unreachable", "network-unreachable", "host-unreachable",
    "protocol-unreachable", "port-unreachable", "fragmentation-needed", "source-route-failed",
    "network-unknown", "host-unknown", "network-prohibited", "host-prohibited", "TOS-network-unreachable",
    "TOS-host-unreachable", "communication-prohibited", "host-precedence-violation", "precedence-cutoff",
    "source-quench", "redirect", "network-redirect", "host-redirect", "TOS-network-redirect",
    "TOS-host-redirect", "echo-request", "router-advertisement", "router-solicitation", "time-exceeded",
    "ttl-zero-during-transit", "ttl-zero-during-reassembly", "parameter-problem", "ip-header-bad",
    "required-option-missing", "timestamp-request", "timestamp-reply", "address-mask-request",
    "address-mask-reply",
];

/// ICMPv6 types by name (iptables-extensions(8), icmp6).
#[rustfmt::skip]
const ICMPV6_TYPES: &[&str] = &[
    "destination-unreachable", "no-route", "communication-prohibited", "beyond-scope", "address-unreachable",
    "port-unreachable", "failed-policy", "reject-route", "packet-too-big", "time-exceeded",
    "ttl-zero-during-transit", "ttl-zero-during-reassembly", "parameter-problem", "bad-header",
    "unknown-header-type", "unknown-option", "echo-request", "echo-reply", "router-solicitation",
    "router-advertisement", "neighbor-solicitation", "neighbour-solicitation", "neighbor-advertisement",
    "neighbour-advertisement", "redirect",
];

/// Macros, sorted for the search: name, then `protocol [destination ports [from source ports]]`, a `;` between the rules each stands for.
#[rustfmt::skip]
const MACROS: &[(&str, &str)] = &[
    ("Amanda", "udp 10080; tcp 10080"), ("Auth", "tcp 113"), ("BGP", "tcp 179"),
    ("BitTorrent", "tcp 6881:6889; udp 6881"), ("BitTorrent32", "tcp 6881:6999; udp 6881"),
    ("CVS", "tcp 2401"), ("Ceph", "tcp 6789; tcp 3300; tcp 6800:7300"),
    ("Citrix", "tcp 1494; udp 1604; tcp 2598"), ("DAAP", "tcp 3689; udp 3689"), ("DCC", "tcp 6277"),
    ("DHCPfwd", "udp 67:68 from 67:68"), ("DHCPv6", "udp 546:547 from 546:547"), ("DNS", "udp 53; tcp 53"),
    ("Distcc", "tcp 3632"), ("FTP", "tcp 21"), ("Finger", "tcp 79"),
    ("GNUnet", "tcp 2086; udp 2086; tcp 1080; udp 1080"), ("GRE", "47"), ("Git", "tcp 9418"),
    ("HKP", "tcp 11371"), ("HTTP", "tcp 80"), ("HTTPS", "tcp 443"), ("ICPV2", "udp 3130"), ("ICQ", "tcp 5190"),
    ("IMAP", "tcp 143"), ("IMAPS", "tcp 993"), ("IPIP", "94"), ("IPsec", "udp 500 from 500; 50"),
    ("IPsecah", "udp 500 from 500; 51"), ("IPsecnat", "udp 500; udp 4500; 50"), ("IRC", "tcp 6667"),
    ("Jetdirect", "tcp 9100"), ("L2TP", "udp 1701"), ("LDAP", "tcp 389"), ("LDAPS", "tcp 636"),
    ("MDNS", "udp 5353"), ("MSNP", "tcp 1863"), ("MSSQL", "tcp 1433"), ("Mail", "tcp 25; tcp 465; tcp 587"),
    ("Munin", "tcp 4949"), ("MySQL", "tcp 3306"), ("NNTP", "tcp 119"), ("NNTPS", "tcp 563"), ("NTP", "udp 123"),
    ("NeighborDiscovery", "icmpv6 router-solicitation; icmpv6 router-advertisement; \
                           icmpv6 neighbor-solicitation; icmpv6 neighbor-advertisement"),
    ("OSPF", "89"), ("OpenVPN", "udp 1194"), ("PCA", "udp 5632; tcp 5631"), ("PMG", "tcp 8006"),
    ("POP3", "tcp 110"), ("POP3S", "tcp 995"), ("PPtP", "47; tcp 1723"), ("Ping", "icmp echo-request"),
    ("PostgreSQL", "tcp 5432"), ("Printer", "tcp 515"), ("RDP", "tcp 3389"), ("RIP", "udp 520"),
    ("RNDC", "tcp 953"), ("Razor", "tcp 2703"), ("Rdate", "tcp 37"), ("Rsync", "tcp 873"), ("SANE", "tcp 6566"),
    ("SMB", "udp 135,445; udp 137:139; udp 1024:65535 from 137; tcp 135,139,445"), ("SMBswat", "tcp 901"),
    ("SMTP", "tcp 25"), ("SMTPS", "tcp 465"), ("SNMP", "udp 161:162; tcp 161"), ("SPAMD", "tcp 783"),
    ("SPICEproxy", "tcp 3128"), ("SSH", "tcp 22"), ("SVN", "tcp 3690"),
    ("SixXS", "tcp 3874; udp 3740; 41; udp 5072,8374"), ("Squid", "tcp 3128"), ("Submission", "tcp 587"),
    ("Syslog", "udp 514; tcp 514"), ("TFTP", "udp 69"), ("Telnet", "tcp 23"), ("Telnets", "tcp 992"),
    ("Time", "tcp 37"), ("Trcrt", "udp 33434:33524; icmp echo-request"), ("VNC", "tcp 5900:5999"),
    ("VNCL", "tcp 5500"), ("Web", "tcp 80; tcp 443"), ("Webcache", "tcp 8080"), ("Webmin", "tcp 10000"),
    ("Whois", "tcp 43"),
];

/// Macros that exist for IPv6 only: with an IPv4 address they make no rule at all.
const IPV6_ONLY: &[&str] = &["DHCPv6", "NeighborDiscovery"];

/// Connection tracking helpers that PVE can load.
const HELPERS: &[&str] =
    &["amanda", "ftp", "irc", "netbios-ns", "pptp", "sane", "sip", "snmp", "tftp"];

/// Link layer types of `/etc/ethertypes` as PVE reads them: those whose hexadecimal number has decimal digits only.
#[rustfmt::skip]
const ETHERTYPES: &[(&str, &str)] = &[
    ("IPv4", "0800"), ("X25", "0805"), ("ARP", "0806"), ("FR_ARP", "0808"), ("TEB", "6558"), ("RAW_FR", "6559"),
    ("RARP", "8035"), ("802_1Q", "8100"), ("IPX", "8137"), ("NetBEUI", "8191"), ("MPLS", "8847"),
    ("MPLS_MULTI", "8848"), ("PPP_DISC", "8863"), ("PPP_SES", "8864"), ("ATMFATE", "8884"), ("FCOE", "8906"),
    ("FIP", "8914"), ("ROCE", "8915"),
];

/// Tells whether PVE knows the protocol, by name or number.
pub(super) fn is_protocol(word: &str) -> bool {
    // Nearly every rule is about one of these, and each stands in the long table too.
    has_ports(word) || PROTOCOLS.iter().any(|(name, number)| *name == word || *number == word)
}

/// Tells whether packets of the protocol have ports.
pub(super) fn has_ports(protocol: &str) -> bool {
    WITH_PORTS.contains(&protocol)
}

/// Returns the name that stands for a protocol: the number's first name, and one name for ICMPv6.
///
/// The numbers of ICMP stay, because PVE restricts the names to one IP version and the numbers not.
pub(super) fn protocol_name(word: &str) -> &str {
    match word {
        "1" | "58" => word,
        "ipv6-icmp" => "icmpv6",
        _ if !word.starts_with(|c: char| c.is_ascii_digit()) => word,
        _ => PROTOCOLS.iter().find(|(_, number)| *number == word).map_or(word, |(name, _)| name),
    }
}

/// Returns the number of a protocol by its name; those beyond a byte stand in no packet.
pub(super) fn protocol_number(word: &str) -> Option<u8> {
    let (_, number) = PROTOCOLS.iter().find(|(name, number)| *name == word || *number == word)?;
    number.parse().ok()
}

/// Tells whether the name is a type of ICMP for IPv4.
pub(super) fn is_icmp_type(name: &str) -> bool {
    ICMP_TYPES.contains(&name)
}

/// Tells whether the name is a type of ICMPv6.
pub(super) fn is_icmpv6_type(name: &str) -> bool {
    ICMPV6_TYPES.contains(&name)
}

/// Tells whether PVE can load the connection tracking helper.
pub(super) fn is_helper(name: &str) -> bool {
    HELPERS.contains(&name)
}

/// Tells whether PVE knows the link layer type.
pub(super) fn is_ethertype(word: &str) -> bool {
    ETHERTYPES.iter().any(|(name, number)| *name == word || *number == word)
}

/// Returns a macro's name as PVE prints it, from any spelling of its case.
pub(super) fn macro_name(word: &str) -> Option<&'static str> {
    if let Some((name, _)) = find_macro(word) {
        return Some(name);
    }
    MACROS.iter().map(|(name, _)| *name).find(|name| name.eq_ignore_ascii_case(word))
}

/// Returns the row of a macro by its exact name.
fn find_macro(name: &str) -> Option<&'static (&'static str, &'static str)> {
    MACROS.binary_search_by(|(known, _)| (*known).cmp(name)).ok().map(|place| &MACROS[place])
}

/// One rule that a macro stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Template {
    pub(super) proto: &'static str,
    pub(super) dport: Option<&'static str>,
    pub(super) sport: Option<&'static str>,
}

impl Template {
    /// Returns the property that the rule sets otherwise than the macro does, with the macro's value.
    pub(super) fn conflict(&self, rule: &Rule) -> Option<(super::check::Property, &'static str)> {
        use super::check::Property::{Dport, Proto, Sport};
        let differs =
            |own: &Option<String>, fixed: &str| own.as_deref().is_some_and(|own| own != fixed);
        let fixed = [
            (Proto, &rule.proto, Some(self.proto)),
            (Dport, &rule.dport, self.dport),
            (Sport, &rule.sport, self.sport),
        ];
        fixed.into_iter().find_map(|(property, own, value)| {
            value.filter(|value| differs(own, value)).map(|value| (property, value))
        })
    }
}

/// Returns the rules that a macro makes for an IP version; none when it has no meaning there.
pub(super) fn macro_rules(
    name: &str,
    version: Option<IpVersion>,
) -> impl Iterator<Item = Template> {
    let empty = version == Some(IpVersion::V4) && IPV6_ONLY.contains(&name);
    let text = find_macro(name).filter(|_| !empty).map_or("", |(_, text)| *text);
    let rules = text.split("; ").filter(|rule| !rule.is_empty()).map(template);
    rules.map(move |rule| if version == Some(IpVersion::V6) { for_ipv6(rule) } else { rule })
}

fn template(text: &'static str) -> Template {
    let mut words = text.split_whitespace();
    let proto = words.next().unwrap_or_default();
    let dport = words.next();
    Template { proto, dport, sport: words.nth(1) }
}

// `Ping` and `Trcrt` have a second form for IPv6, which differs in the protocol only.
fn for_ipv6(rule: Template) -> Template {
    let proto = if rule.proto == "icmp" { "icmpv6" } else { rule.proto };
    Template { proto, ..rule }
}

#[cfg(test)]
mod tests {
    use super::{MACROS, PROTOCOLS, WITH_PORTS};

    #[test]
    fn the_searched_tables_are_as_the_searches_need_them() {
        assert!(MACROS.is_sorted_by_key(|(name, _)| name));
        let is_listed =
            |word: &&str| PROTOCOLS.iter().any(|(name, number)| name == word || number == word);
        assert!(WITH_PORTS.iter().all(is_listed));
    }
}
