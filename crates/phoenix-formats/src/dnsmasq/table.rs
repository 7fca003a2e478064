//! The options of dnsmasq 2.90 as Debian builds it: their names, whether they take a value, which may stand once.

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

/// Options without a value; this list and the next ones are sorted for the search.
#[rustfmt::skip]
const FLAGS: &[&str] = &[
    "all-servers", "bind-dynamic", "bind-interfaces", "bogus-priv", "clear-on-reload", "conntrack",
    "dhcp-authoritative", "dhcp-client-update", "dhcp-fqdn", "dhcp-ignore-clid", "dhcp-no-override",
    "dhcp-rapid-commit", "dhcp-sequential-ip", "dns-loop-detect", "dnssec", "dnssec-debug",
    "dnssec-no-timecheck", "domain-needed", "enable-ra", "expand-hosts", "filter-A", "filter-AAAA",
    "filterwin2k", "help", "keep-in-foreground", "leasefile-ro", "localise-queries", "localmx",
    "log-debug", "log-dhcp", "no-daemon", "no-hosts", "no-ident", "no-negcache", "no-ping",
    "no-poll", "no-resolv", "no-round-robin", "proxy-dnssec", "quiet-dhcp", "quiet-dhcp6",
    "quiet-ra", "quiet-tftp", "read-ethers", "rebind-localhost-ok", "script-arp",
    "script-on-renewal", "selfmx", "stop-dns-rebind", "strict-order", "strip-mac", "strip-subnet",
    "test", "tftp-lowercase", "tftp-no-blocksize", "tftp-no-fail", "tftp-secure",
    "tftp-single-port", "version",
];

/// Options with a value.
#[rustfmt::skip]
const SETTINGS: &[&str] = &[
    "add-cpe-id", "addn-hosts", "address", "alias", "auth-peer", "auth-sec-servers", "auth-server",
    "auth-soa", "auth-ttl", "auth-zone", "bogus-nxdomain", "bridge-interface", "caa-record",
    "cache-rr", "cname", "conf-dir", "conf-script", "connmark-allowlist", "dhcp-boot",
    "dhcp-circuitid", "dhcp-duid", "dhcp-host", "dhcp-hostsdir", "dhcp-hostsfile", "dhcp-ignore",
    "dhcp-lease", "dhcp-lease-max", "dhcp-luascript", "dhcp-mac", "dhcp-match", "dhcp-name-match",
    "dhcp-option", "dhcp-option-force", "dhcp-optsdir", "dhcp-optsfile", "dhcp-pxe-vendor",
    "dhcp-range", "dhcp-relay", "dhcp-remoteid", "dhcp-reply-delay", "dhcp-script",
    "dhcp-scriptuser", "dhcp-subscrid", "dhcp-ttl", "dhcp-userclass", "dhcp-vendorclass",
    "dns-forward-max", "dns-rr", "dnssec-limits", "dnssec-timestamp", "domain", "domain-suffix",
    "dumpfile", "dumpmask", "dynamic-host", "edns-packet-max", "except-interface", "filter-rr",
    "host-record", "hostsdir", "ignore-address", "interface", "interface-name", "ipset",
    "listen-address", "local", "local-ttl", "log-facility", "max-cache-ttl", "max-port",
    "max-tcp-connections", "max-ttl", "min-cache-ttl", "min-port", "mx-host", "mx-target",
    "naptr-record", "neg-ttl", "nftset", "no-dhcp-interface", "no-dhcpv4-interface",
    "no-dhcpv6-interface", "port", "port-limit", "ptr-record", "pxe-prompt", "pxe-service",
    "query-port", "ra-param", "rebind-domain-ok", "rev-server", "server", "servers-file",
    "shared-network", "srv-host", "synth-domain", "tag-if", "tftp-max", "tftp-mtu",
    "tftp-port-range", "tftp-root", "trust-anchor", "txt-record",
];

/// Options that may have a value.
#[rustfmt::skip]
const EITHER: &[&str] = &[
    "add-mac", "add-subnet", "bootp-dynamic", "cache-size", "conf-file",
    "connmark-allowlist-enable", "dhcp-alternate-port", "dhcp-broadcast", "dhcp-generate-names",
    "dhcp-ignore-names", "dhcp-leasefile", "dhcp-proxy", "dnssec-check-unsigned", "enable-dbus",
    "enable-tftp", "enable-ubus", "fast-dns-retry", "group", "local-service", "log-async",
    "log-queries", "pid-file", "resolv-file", "tftp-unique-root", "umbrella", "use-stale-cache",
    "user",
];

/// Options of which a second one is refused, in whatever file it stands.
#[rustfmt::skip]
const ONCE: &[&str] = &[
    "add-cpe-id", "add-subnet", "auth-server", "auth-soa", "auth-ttl", "cache-size",
    "connmark-allowlist-enable", "dhcp-alternate-port", "dhcp-duid", "dhcp-lease", "dhcp-lease-max",
    "dhcp-leasefile", "dhcp-reply-delay", "dhcp-script", "dhcp-scriptuser", "dhcp-ttl",
    "dns-forward-max", "dnssec-limits", "dnssec-timestamp", "dumpfile", "dumpmask",
    "edns-packet-max", "enable-dbus", "enable-ubus", "fast-dns-retry", "group", "local-service",
    "local-ttl", "log-async", "log-facility", "max-cache-ttl", "max-port", "max-tcp-connections",
    "max-ttl", "min-cache-ttl", "min-port", "mx-target", "neg-ttl", "pid-file", "port",
    "port-limit", "query-port", "servers-file", "tftp-max", "tftp-mtu", "tftp-port-range",
    "umbrella", "use-stale-cache", "user",
];

/// Returns the option's own spelling and whether it takes a value; nothing when there is no such option.
pub(super) fn find(name: &str) -> Option<(&'static str, Takes)> {
    let lists = [(SETTINGS, Takes::Value), (FLAGS, Takes::Nothing), (EITHER, Takes::Both)];
    lists
        .into_iter()
        .find_map(|(list, takes)| list.binary_search(&name).ok().map(|place| (list[place], takes)))
}

/// Returns under which name an option is counted when it may stand only once.
pub(super) fn once(name: &'static str) -> Option<&'static str> {
    let counted = if name == "dhcp-lease" { "dhcp-leasefile" } else { name };
    ONCE.binary_search(&name).is_ok().then_some(counted)
}

#[cfg(test)]
mod tests {
    use super::{EITHER, FLAGS, ONCE, SETTINGS};

    #[test]
    fn the_searched_lists_are_sorted() {
        assert!([FLAGS, SETTINGS, EITHER, ONCE].iter().all(|list| list.is_sorted()));
    }
}
