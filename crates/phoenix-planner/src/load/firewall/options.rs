//! Lowering of options: what JSON says to what a `.fw` file says.

use phoenix_formats::firewall::{FwFile, Level};

use super::super::finding::Finding;
use super::super::part::Lowering;
use crate::declared::{ClusterFirewall, GuestFirewall, LogRateLimit, NodeFirewall, Words};
use crate::desired::{ForwardPolicy, LogLevel, Options};
use crate::source::Origin;

/// The least number of connections that Proxmox VE lets the kernel track.
const LEAST_CONNECTIONS: u64 = 32_768;

/// The least seconds after which Proxmox VE lets an idle connection be forgotten.
const LEAST_IDLE: u64 = 7_875;

/// One option, if it is declared.
type Entry = Option<(&'static str, String)>;

fn flag(key: &'static str, value: Option<bool>) -> Entry {
    value.map(|on| (key, if on { "1" } else { "0" }.to_owned()))
}

fn level(key: &'static str, value: Option<LogLevel>) -> Entry {
    value.map(|level| (key, level.as_str().to_owned()))
}

pub(super) fn of_guest(declared: &GuestFirewall) -> Options {
    let entries = [
        flag("dhcp", declared.dhcp),
        flag("ipfilter", declared.ipfilter),
        level("log_level_in", declared.log_level_in),
        level("log_level_out", declared.log_level_out),
        flag("macfilter", declared.macfilter),
        flag("ndp", declared.ndp),
        flag("radv", declared.radv),
    ];
    entries.into_iter().flatten().collect()
}

impl Lowering {
    pub(super) fn cluster_options(&mut self, declared: &ClusterFirewall, at: &Origin) -> Options {
        let forward = declared.default_forward_policy.map(ForwardPolicy::as_str);
        let limit = declared.log_ratelimit.as_ref();
        let entries = [
            flag("ebtables", declared.ebtables),
            limit.and_then(|limit| self.log_ratelimit(limit, &at.at("log_ratelimit"))),
            forward.map(|policy| ("policy_forward", policy.to_owned())),
        ];
        entries.into_iter().flatten().collect()
    }

    fn log_ratelimit(&mut self, declared: &LogRateLimit, at: &Origin) -> Entry {
        let enabled = u8::from(declared.enabled.unwrap_or(true));
        let burst = declared.burst.map(|burst| format!(",burst={burst}")).unwrap_or_default();
        let rate = declared.rate.as_deref();
        let value = format!(
            "enable={enabled}{burst}{}",
            rate.map(|rate| format!(",rate={rate}")).unwrap_or_default()
        );
        let file =
            FwFile::parse(Level::Cluster, &format!("[OPTIONS]\nlog_ratelimit: {value}\n"), None);
        if file.failure().is_none() && file.option("log_ratelimit") == Some(&value) {
            return Some(("log_ratelimit", value));
        }
        let message = format!("`{}` is no rate", rate.unwrap_or_default());
        let finding = Finding::error(at.at("rate"), message);
        let label = "Proxmox VE would refuse the whole file";
        self.push(finding.label(label).help("Write a rate such as `1/second` or `5/minute`."));
        None
    }

    pub(super) fn node_options(&mut self, declared: &NodeFirewall, at: &Origin) -> Options {
        let [max, established, syn_recv, burst, rate] = self.node_numbers(declared, at);
        let helpers = declared.nf_conntrack_helpers.as_ref();
        let helpers = helpers.and_then(|words| self.helpers(words, &at.at("nf_conntrack_helpers")));
        let entries = [
            flag("enable", declared.enabled),
            flag("log_nf_conntrack", declared.log_nf_conntrack),
            level("log_level_forward", declared.log_level_forward),
            level("log_level_in", declared.log_level_in),
            level("log_level_out", declared.log_level_out),
            flag("ndp", declared.ndp),
            flag("nf_conntrack_allow_invalid", declared.nf_conntrack_allow_invalid),
            helpers,
            max,
            established,
            syn_recv,
            flag("nftables", declared.nftables),
            flag("nosmurfs", declared.nosmurfs),
            flag("protection_synflood", declared.protection_synflood),
            burst,
            rate,
            level("smurf_log_level", declared.smurf_log_level),
            level("tcp_flags_log_level", declared.tcp_flags_log_level),
            flag("tcpflags", declared.tcpflags),
        ];
        entries.into_iter().flatten().collect()
    }

    fn node_numbers(&mut self, declared: &NodeFirewall, at: &Origin) -> [Entry; 5] {
        let numbers = [
            ("nf_conntrack_max", declared.nf_conntrack_max, LEAST_CONNECTIONS..=u64::MAX),
            (
                "nf_conntrack_tcp_timeout_established",
                declared.nf_conntrack_tcp_timeout_established,
                LEAST_IDLE..=u64::MAX,
            ),
            (
                "nf_conntrack_tcp_timeout_syn_recv",
                declared.nf_conntrack_tcp_timeout_syn_recv,
                30..=60,
            ),
            ("protection_synflood_burst", declared.protection_synflood_burst, 0..=u64::MAX),
            ("protection_synflood_rate", declared.protection_synflood_rate, 0..=u64::MAX),
        ];
        numbers.map(|(key, value, limits)| {
            let number = self.number::<u64>(value, at.at(key), limits);
            number.map(|number| (key, number.value.to_string()))
        })
    }

    fn helpers(&mut self, words: &Words, at: &Origin) -> Entry {
        const KEY: &str = "nf_conntrack_helpers";
        let value = words.iter().collect::<Vec<_>>().join(",").to_ascii_lowercase();
        let file = FwFile::parse(Level::Host, &format!("[OPTIONS]\n{KEY}: {value}\n"), None);
        if file.option(KEY) == Some(&value) {
            return Some((KEY, value));
        }
        let message = format!("`{value}` is no list of helpers of connection tracking");
        let finding = Finding::error(at.clone(), message).label("Proxmox VE would ignore it");
        self.push(finding.help(
            "Name some of `amanda`, `ftp`, `irc`, `netbios-ns`, `pptp`, `sane`, `sip`, `snmp`, `tftp`.",
        ));
        None
    }
}
