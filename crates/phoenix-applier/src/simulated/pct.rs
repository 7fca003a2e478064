//! What `pct` prints about containers.

use std::collections::BTreeSet;

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::{self, LxcConf};
use phoenix_formats::pct;
use phoenix_planner::probe::Output;

use super::nets::Nics;
use super::{SimulatedNode, done, fail};

/// What `pct` ends with when there is no such container.
const NO_CONFIGURATION: i32 = 2;

/// What `pct` ends with when it cannot show what it read.
const INVALID: i32 = 255;

/// The properties of a network interface but for its type, as `pct help set --verbose` shows them.
const NET_PROPERTIES: &str = "name=<string> [,bridge=<bridge>] [,firewall=<1|0>] [,gw=<GatewayIPv4>] \
    [,gw6=<GatewayIPv6>] [,host-managed=<1|0>] [,hwaddr=<XX:XX:XX:XX:XX:XX>] \
    [,ip=<(IPv4/CIDR|dhcp|manual)>] [,ip6=<(IPv6/CIDR|auto|dhcp|manual)>] [,link_down=<1|0>] \
    [,mtu=<integer>] [,rate=<mbps>] [,tag=<integer>] [,trunks=<vlanid[;vlanid...]>]";

impl SimulatedNode {
    /// Answers `pct list`: nothing at all when there is no container.
    pub(super) fn pct_list(&self) -> Output {
        let row_of =
            |(vmid, text): (Vmid, Option<String>)| self.row(vmid, &text.unwrap_or_default());
        let rows: Vec<String> = self.conf_texts().map(row_of).collect();
        if rows.is_empty() {
            return done("");
        }
        done(row("VMID", "Status", "Lock", "Name") + &rows.concat())
    }

    fn row(&self, vmid: Vmid, text: &str) -> String {
        let name =
            lxc_conf::peek(text, "hostname").map_or_else(|| format!("CT{vmid}"), str::to_owned);
        let lock = lxc_conf::peek(text, "lock").unwrap_or_default();
        // It is there: only a container that is there has a row.
        let status = if self.settings.running.contains(&vmid) { "running" } else { "stopped" };
        row(&vmid.to_string(), status, lock, &name)
    }

    fn status(&self, vmid: Vmid) -> &'static str {
        if self.is_running(vmid) { "running" } else { "stopped" }
    }

    /// Answers `pct status`.
    pub(super) fn pct_status(&self, vmid: Vmid) -> Output {
        match self.conf_text(vmid) {
            Some(_) => done(format!("status: {}\n", self.status(vmid))),
            None => no_conf(vmid),
        }
    }

    /// Answers `pct config`, which fails for an interface that `pct` would not take.
    pub(super) fn pct_config(&self, vmid: Vmid) -> Output {
        let Some(text) = self.conf_text(vmid) else { return no_conf(vmid) };
        let shown = pct::config(&text);
        let nets =
            shown.lines().filter(|line| !line.starts_with("lxc.")).collect::<Vec<_>>().join("\n");
        match Nics::of(&LxcConf::parse(&nets), &self.settings.net_types).faults.first() {
            Some(fault) => fail(INVALID, fault.as_str()),
            None => done(shown),
        }
    }

    /// Answers `pct help set --verbose`.
    pub(super) fn pct_help(&self) -> Output {
        let types: Vec<&str> = self.settings.net_types.iter().map(String::as_str).collect();
        done(help(&types.join("|")))
    }
}

/// Returns what `pct` says about a container that is not there.
pub(super) fn no_conf(vmid: Vmid) -> Output {
    fail(NO_CONFIGURATION, format!("container {vmid} has no configuration on this node"))
}

fn row(vmid: &str, status: &str, lock: &str, name: &str) -> String {
    format!("{vmid:<10} {status:<10} {lock:<12} {name:<20}\n")
}

/// The options that a plan may need, each with what stands behind it; far from all that `pct` has.
fn help(types: &str) -> String {
    let net = format!("{NET_PROPERTIES} [,type=<{types}>]");
    let options: [(&str, &str, &str); 10] = [
        (
            "-cores",
            "<integer> (1 - 8192)",
            "How many processors the container sees. All, if not given.",
        ),
        ("-delete", "<string>", "Settings that go back to what they are by default."),
        ("-digest", "<string>", "Refuse unless the configuration has this SHA-1."),
        (
            "-features",
            "[nesting=<1|0>] [,keyctl=<1|0>]",
            "What the container may do beyond the ordinary.",
        ),
        ("-hostname", "<string>", "The container's own name."),
        ("-memory", "<integer> (16 - N)   (default=512)", "Memory in MiB."),
        ("-nameserver", "<string>", "Addresses of DNS servers."),
        ("-net[n]", &net, "A network interface."),
        ("-onboot", "<boolean>   (default=0)", "Start the container with the node."),
        ("-swap", "<integer> (0 - N)   (default=512)", "Swap space in MiB."),
    ];
    let head = "USAGE: pct set <vmid> [OPTIONS]\n\n  Changes settings of a container.\n\n  \
                <vmid>     <integer> (100 - 999999999)\n\n             The container's number.\n\n";
    let known: BTreeSet<String> = options
        .iter()
        .map(|(name, value, what)| format!("  {name:<10} {value}\n\n             {what}\n\n"))
        .collect();
    head.to_owned() + &known.into_iter().collect::<String>()
}
