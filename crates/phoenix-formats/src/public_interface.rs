//! What phoenix puts into a container for its public interface: a program that runs at every start, and
//! the two files that it reads.
//!
//! Owns the names and texts of these files. What the ruleset says is [`crate::firewall`]'s.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use crate::iproute::{Rule, TableRoute};

/// The program: plain sh(1), which ends with 0 whatever happens, since LXC does not start a container
/// whose hook fails.
pub const SCRIPT: &str = include_str!("../assets/public-interface.sh");
/// Where the program is in a container.
pub const SCRIPT_PATH: &str = "/etc/phoenix/public-interface.sh";
/// The words for ip(8), one command a line.
pub const ROUTE_PATH: &str = "/etc/phoenix/public-interface.route";
/// The ruleset for nft(8).
pub const RULESET_PATH: &str = "/etc/phoenix/public-interface.nft";
/// The name of the ruleset's table, of the family `inet`.
pub const RULESET_TABLE: &str = "phoenix_public";
/// The key of lxc.container.conf(5) that runs the program: inside the container's namespaces, before its
/// init. LXC refuses to start a container in which the program is missing (measured on 5.0.2).
pub const HOOK: (&str, &str) = ("lxc.hook.start", SCRIPT_PATH);
/// The number of the public interface's own routing table, and the place of the rule that chooses it.
pub const TABLE: u32 = 101;
/// The settings of the program, below `/proc/sys/net/ipv4/conf/all`: an interface answers for its own
/// addresses only, and asks with them only.
pub const ARP: [(&str, u8); 2] = [("arp_ignore", 1), ("arp_announce", 2)];
/// The first line of files that phoenix writes and owns whole.
pub const HEADER: &str =
    "# Written by phoenix: declare changes in its files, those made here are lost.";
/// Where systemd-networkd is told to leave rules and routes alone that it has not made.
pub const NETWORKD_PATH: &str = "/etc/systemd/networkd.conf.d/phoenix-public-interface.conf";
/// What it is told; networkd.conf(5), since versions 246 and 249.
pub const NETWORKD: &str = "\
# Written by phoenix: declare changes in its files, those made here are lost.
#
# Without these lines systemd-networkd removes the routing table of the public interface.
[Network]
ManageForeignRoutes=no
ManageForeignRoutingPolicyRules=no
";

/// Returns whether phoenix has written a text.
pub fn is_own(text: &str) -> bool {
    text.lines().take(2).any(|line| line.trim_end() == HEADER)
}

/// The way by which answers from a public address leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnTable {
    /// The interface.
    pub device: String,
    /// The public address with the prefix length of its subnet.
    pub ip: Ipv4Net,
    /// The gateway of the public subnet; without one everything beyond it goes by the main table.
    pub gateway: Option<Ipv4Addr>,
}

impl OwnTable {
    /// Returns the routes of the table, in the order in which ip(8) shows them.
    pub fn routes(&self) -> Vec<TableRoute> {
        let route =
            |destination, gateway| TableRoute { destination, gateway, device: self.device.clone() };
        let default = self.gateway.map(|gateway| route(None, Some(gateway)));
        default.into_iter().chain([route(Some(self.ip.trunc()), None)]).collect()
    }

    /// Returns the rule that chooses the table.
    pub fn rule(&self) -> Rule {
        let source = Some(Ipv4Net::from(self.ip.addr()));
        Rule { priority: TABLE, source, table: TABLE.to_string() }
    }

    /// Returns the file's text. The link is set up first, because routes need it; the subnet comes before
    /// the gateway, which must be in it.
    pub fn render(&self) -> String {
        let Self { device, ip, .. } = self;
        let mut lines = vec![HEADER.to_owned(), format!("link set dev {device} up")];
        lines.push(format!("route replace {} dev {device} scope link table {TABLE}", ip.trunc()));
        lines.extend(self.gateway.map(|gateway| {
            format!("route replace default via {gateway} dev {device} table {TABLE}")
        }));
        lines.push(format!("rule add from {} lookup {TABLE} priority {TABLE}", ip.addr()));
        lines.join("\n") + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_gives_the_routes_that_are_wanted() {
        let table = OwnTable {
            device: "eth1".to_owned(),
            ip: "192.168.1.153/24".parse().unwrap(),
            gateway: "192.168.1.1".parse().ok(),
        };
        let wanted = "\
# Written by phoenix: declare changes in its files, those made here are lost.
link set dev eth1 up
route replace 192.168.1.0/24 dev eth1 scope link table 101
route replace default via 192.168.1.1 dev eth1 table 101
rule add from 192.168.1.153 lookup 101 priority 101
";
        assert_eq!(table.render(), wanted);
        let routes = table.routes().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(routes, ["default via 192.168.1.1 dev eth1", "192.168.1.0/24 dev eth1"]);
        assert!(is_own(SCRIPT) && is_own(&table.render()) && is_own(NETWORKD));
    }
}
