//! The options of dnsmasq 2.90 as Debian builds it: their names, whether they take a value, which may stand once.

use self::Takes::{Both, Nothing, Value};
use self::Times::{Often, Once};

/// Says whether an option takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// `name` alone.
    Nothing,
    /// `name=value`; the value may be empty.
    Value,
    /// Either.
    Both,
}

/// Says how often an option may stand, in all files together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// A second one is refused, in whatever file it stands.
    Once,
    /// As often as one likes.
    Often,
}

/// An option that dnsmasq knows.
pub(super) type Known = (&'static str, Takes, Times);

/// All of them, sorted for the search.
#[rustfmt::skip]
const OPTIONS: &[Known] = &[
    ("add-cpe-id", Value, Once), ("add-mac", Both, Often), ("add-subnet", Both, Once),
    ("addn-hosts", Value, Often), ("address", Value, Often), ("alias", Value, Often),
    ("all-servers", Nothing, Often), ("auth-peer", Value, Often),
    ("auth-sec-servers", Value, Often), ("auth-server", Value, Once), ("auth-soa", Value, Once),
    ("auth-ttl", Value, Once), ("auth-zone", Value, Often), ("bind-dynamic", Nothing, Often),
    ("bind-interfaces", Nothing, Often), ("bogus-nxdomain", Value, Often),
    ("bogus-priv", Nothing, Often), ("bootp-dynamic", Both, Often),
    ("bridge-interface", Value, Often), ("caa-record", Value, Often), ("cache-rr", Value, Often),
    ("cache-size", Both, Once), ("clear-on-reload", Nothing, Often), ("cname", Value, Often),
    ("conf-dir", Value, Often), ("conf-file", Both, Often), ("conf-script", Value, Often),
    ("connmark-allowlist", Value, Often), ("connmark-allowlist-enable", Both, Once),
    ("conntrack", Nothing, Often), ("dhcp-alternate-port", Both, Once),
    ("dhcp-authoritative", Nothing, Often), ("dhcp-boot", Value, Often),
    ("dhcp-broadcast", Both, Often), ("dhcp-circuitid", Value, Often),
    ("dhcp-client-update", Nothing, Often), ("dhcp-duid", Value, Once),
    ("dhcp-fqdn", Nothing, Often), ("dhcp-generate-names", Both, Often),
    ("dhcp-host", Value, Often), ("dhcp-hostsdir", Value, Often),
    ("dhcp-hostsfile", Value, Often), ("dhcp-ignore", Value, Often),
    ("dhcp-ignore-clid", Nothing, Often), ("dhcp-ignore-names", Both, Often),
    ("dhcp-lease", Value, Once), ("dhcp-lease-max", Value, Once), ("dhcp-leasefile", Both, Once),
    ("dhcp-luascript", Value, Often), ("dhcp-mac", Value, Often), ("dhcp-match", Value, Often),
    ("dhcp-name-match", Value, Often), ("dhcp-no-override", Nothing, Often),
    ("dhcp-option", Value, Often), ("dhcp-option-force", Value, Often),
    ("dhcp-optsdir", Value, Often), ("dhcp-optsfile", Value, Often), ("dhcp-proxy", Both, Often),
    ("dhcp-pxe-vendor", Value, Often), ("dhcp-range", Value, Often),
    ("dhcp-rapid-commit", Nothing, Often), ("dhcp-relay", Value, Often),
    ("dhcp-remoteid", Value, Often), ("dhcp-reply-delay", Value, Once),
    ("dhcp-script", Value, Once), ("dhcp-scriptuser", Value, Once),
    ("dhcp-sequential-ip", Nothing, Often), ("dhcp-subscrid", Value, Often),
    ("dhcp-ttl", Value, Once), ("dhcp-userclass", Value, Often),
    ("dhcp-vendorclass", Value, Often), ("dns-forward-max", Value, Once),
    ("dns-loop-detect", Nothing, Often), ("dns-rr", Value, Often), ("dnssec", Nothing, Often),
    ("dnssec-check-unsigned", Both, Often), ("dnssec-debug", Nothing, Often),
    ("dnssec-limits", Value, Once), ("dnssec-no-timecheck", Nothing, Often),
    ("dnssec-timestamp", Value, Once), ("domain", Value, Often),
    ("domain-needed", Nothing, Often), ("domain-suffix", Value, Often), ("dumpfile", Value, Once),
    ("dumpmask", Value, Once), ("dynamic-host", Value, Often), ("edns-packet-max", Value, Once),
    ("enable-dbus", Both, Once), ("enable-ra", Nothing, Often), ("enable-tftp", Both, Often),
    ("enable-ubus", Both, Once), ("except-interface", Value, Often),
    ("expand-hosts", Nothing, Often), ("fast-dns-retry", Both, Once),
    ("filter-A", Nothing, Often), ("filter-AAAA", Nothing, Often), ("filter-rr", Value, Often),
    ("filterwin2k", Nothing, Often), ("group", Both, Once), ("help", Nothing, Often),
    ("host-record", Value, Often), ("hostsdir", Value, Often), ("ignore-address", Value, Often),
    ("interface", Value, Often), ("interface-name", Value, Often), ("ipset", Value, Often),
    ("keep-in-foreground", Nothing, Often), ("leasefile-ro", Nothing, Often),
    ("listen-address", Value, Often), ("local", Value, Often), ("local-service", Both, Once),
    ("local-ttl", Value, Once), ("localise-queries", Nothing, Often), ("localmx", Nothing, Often),
    ("log-async", Both, Once), ("log-debug", Nothing, Often), ("log-dhcp", Nothing, Often),
    ("log-facility", Value, Once), ("log-queries", Both, Often), ("max-cache-ttl", Value, Once),
    ("max-port", Value, Once), ("max-tcp-connections", Value, Once), ("max-ttl", Value, Once),
    ("min-cache-ttl", Value, Once), ("min-port", Value, Once), ("mx-host", Value, Often),
    ("mx-target", Value, Once), ("naptr-record", Value, Often), ("neg-ttl", Value, Once),
    ("nftset", Value, Often), ("no-daemon", Nothing, Often), ("no-dhcp-interface", Value, Often),
    ("no-dhcpv4-interface", Value, Often), ("no-dhcpv6-interface", Value, Often),
    ("no-hosts", Nothing, Often), ("no-ident", Nothing, Often), ("no-negcache", Nothing, Often),
    ("no-ping", Nothing, Often), ("no-poll", Nothing, Often), ("no-resolv", Nothing, Often),
    ("no-round-robin", Nothing, Often), ("pid-file", Both, Once), ("port", Value, Once),
    ("port-limit", Value, Once), ("proxy-dnssec", Nothing, Often), ("ptr-record", Value, Often),
    ("pxe-prompt", Value, Often), ("pxe-service", Value, Often), ("query-port", Value, Once),
    ("quiet-dhcp", Nothing, Often), ("quiet-dhcp6", Nothing, Often), ("quiet-ra", Nothing, Often),
    ("quiet-tftp", Nothing, Often), ("ra-param", Value, Often), ("read-ethers", Nothing, Often),
    ("rebind-domain-ok", Value, Often), ("rebind-localhost-ok", Nothing, Often),
    ("resolv-file", Both, Often), ("rev-server", Value, Often), ("script-arp", Nothing, Often),
    ("script-on-renewal", Nothing, Often), ("selfmx", Nothing, Often), ("server", Value, Often),
    ("servers-file", Value, Once), ("shared-network", Value, Often), ("srv-host", Value, Often),
    ("stop-dns-rebind", Nothing, Often), ("strict-order", Nothing, Often),
    ("strip-mac", Nothing, Often), ("strip-subnet", Nothing, Often),
    ("synth-domain", Value, Often), ("tag-if", Value, Often), ("test", Nothing, Often),
    ("tftp-lowercase", Nothing, Often), ("tftp-max", Value, Once), ("tftp-mtu", Value, Once),
    ("tftp-no-blocksize", Nothing, Often), ("tftp-no-fail", Nothing, Often),
    ("tftp-port-range", Value, Once), ("tftp-root", Value, Often),
    ("tftp-secure", Nothing, Often), ("tftp-single-port", Nothing, Often),
    ("tftp-unique-root", Both, Often), ("trust-anchor", Value, Often),
    ("txt-record", Value, Often), ("umbrella", Both, Once), ("use-stale-cache", Both, Once),
    ("user", Both, Once), ("version", Nothing, Often),
];

/// Returns the option of this name; nothing when there is none.
pub(super) fn find(name: &str) -> Option<&'static Known> {
    let place = OPTIONS.binary_search_by(|(known, ..)| (*known).cmp(name)).ok()?;
    Some(&OPTIONS[place])
}

/// Returns under which name an option is counted when it may stand only once.
pub(super) fn counted((name, _, times): &Known) -> Option<&'static str> {
    let counted = if *name == "dhcp-lease" { "dhcp-leasefile" } else { *name };
    (*times == Once).then_some(counted)
}

#[cfg(test)]
mod tests {
    use super::OPTIONS;

    #[test]
    fn the_searched_list_is_sorted() {
        assert!(OPTIONS.is_sorted_by_key(|(name, ..)| *name));
    }
}
