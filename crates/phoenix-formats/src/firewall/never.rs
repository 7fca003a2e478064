//! Rules that no packet of a guest can match.

use ipnet::IpNet;

use super::address::{IpVersion, Span, cidr_span, parse_list};
use super::rule::{Rule, RuleKind};
use super::scope::{Reference, Scope};
use super::tables::{macro_name, macro_rules};
use super::text::set;
use super::verify::{nic_number, verify};

/// Says why no packet can match a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NeverMatches {
    /// `-i netN` where no guest has such a number.
    #[error("no guest has an interface `{iface}`: they are `net0` to `net31`")]
    NoSuchNic {
        /// The name as written.
        iface: String,
    },
    /// A rule for packets to the guest whose destination is another machine.
    #[error("packets to this guest never go to `{dest}`")]
    ForeignDestination {
        /// The destination as written.
        dest: String,
    },
    /// A rule for packets from the guest whose source is another machine.
    #[error("packets from this guest never come from `{source_address}`")]
    ForeignSource {
        /// The source as written.
        source_address: String,
    },
    /// A macro that has no rules for the IP version of the addresses.
    #[error("the macro `{name}` has no rules for IPv4")]
    OtherVersion {
        /// The name of the macro.
        name: String,
    },
}

impl Rule {
    /// Says why no packet of a guest can match the rule, as far as its addresses tell; nothing for other rules.
    ///
    /// `local` are the addresses of the guest with their networks. While none of an IP version is known, addresses of
    /// that version are taken for possible; so are multicast, broadcast and link-local ones.
    pub fn never_matches(&self, scope: &Scope, local: &[IpNet]) -> Option<NeverMatches> {
        if let Some(name) = self.empty_macro(scope) {
            return Some(NeverMatches::OtherVersion { name: name.to_owned() });
        }
        if !scope.is_guest() {
            return None;
        }
        if let Some(iface) =
            set(self.iface.as_deref()).filter(|iface| nic_number(iface).is_some_and(|n| !is_nic(n)))
        {
            return Some(NeverMatches::NoSuchNic { iface: iface.to_owned() });
        }
        let foreign =
            |value| set(value).filter(|text| is_foreign(text, scope, local)).map(str::to_owned);
        match self.kind {
            RuleKind::In => {
                foreign(self.dest.as_deref()).map(|dest| NeverMatches::ForeignDestination { dest })
            }
            RuleKind::Out => foreign(self.source.as_deref())
                .map(|source_address| NeverMatches::ForeignSource { source_address }),
            RuleKind::Forward | RuleKind::Group | RuleKind::Other(_) => None,
        }
    }

    fn empty_macro(&self, scope: &Scope) -> Option<&str> {
        let name = self.action.macro_name()?;
        let version = verify(self, scope).ok()?.version;
        let known = macro_name(name)?;
        macro_rules(known, version).next().is_none().then_some(name)
    }
}

// PVE compares names: `net01` is not `net1`.
fn is_nic(number: &str) -> bool {
    (number == "0" || !number.starts_with('0'))
        && number.parse::<u8>().is_ok_and(|number| number < 32)
}

fn is_foreign(text: &str, scope: &Scope, local: &[IpNet]) -> bool {
    let spans: Vec<Span> = match Reference::alias(text) {
        Some(reference) => {
            scope.alias(&reference).and_then(|target| target.span).into_iter().collect()
        }
        None => {
            parse_list(text).map(|list| list.iter().map(|e| e.span).collect()).unwrap_or_default()
        }
    };
    let Some(version) = spans.first().map(|span| span.version) else { return false };
    let mut own = local.iter().filter(|net| Span::of(**net).version == version).peekable();
    own.peek().is_some()
        && !own
            .flat_map(reachable)
            .chain(shared(version))
            .any(|own| spans.iter().any(|span| span.meets(&own)))
}

// The address itself and the broadcast address of its network.
fn reachable(local: &IpNet) -> Vec<Span> {
    [local.addr(), local.broadcast()]
        .into_iter()
        .map(|address| Span::of(IpNet::from(address)))
        .collect()
}

fn shared(version: IpVersion) -> Vec<Span> {
    let networks: [&str; 3] = match version {
        IpVersion::V4 => ["224.0.0.0/4", "255.255.255.255/32", "0.0.0.0/32"],
        IpVersion::V6 => ["ff00::/8", "fe80::/10", "::/128"],
    };
    networks.into_iter().filter_map(cidr_span).collect()
}
