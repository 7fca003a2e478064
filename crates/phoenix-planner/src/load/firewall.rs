//! Lowering of firewalls: declared rules to those of Proxmox VE's files.

mod names;
mod options;
mod rule;

use std::net::IpAddr;

use ipnet::IpNet;
use phoenix_formats::firewall::{Action, Level, Names, Property, Rule, RuleProblem, Scope};

pub(crate) use self::rule::field;
use self::rule::rule_problem;
use super::finding::Finding;
use super::part::Lowering;
use crate::declared::{self, List};
use crate::desired::{ClusterFirewall, GuestFirewall, Located, NodeFirewall, Policy};
use crate::source::Origin;

/// Where rules stand, which decides what they may say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Home<'a> {
    /// The cluster's file.
    Cluster,
    /// The node's file.
    Node,
    /// A security group.
    Group,
    /// A guest's file, with the name of its `net0` inside the guest.
    Guest(Option<&'a str>),
}

impl Lowering {
    /// Lowers the cluster's firewall from where it stands.
    pub(super) fn cluster_firewall_at(
        &mut self,
        declared: &declared::ClusterFirewall,
        origin: Origin,
    ) -> ClusterFirewall {
        let rules = declared.global_firewall_rules.as_ref();
        let at = origin.at("global_firewall_rules");
        let operators = declared.operator_addresses.as_ref();
        ClusterFirewall {
            enabled: declared.enabled,
            policy_in: declared.default_input_policy,
            policy_out: declared.default_output_policy,
            options: self.cluster_options(declared, &origin),
            rules: rules.map(|rules| self.rules(rules, &at, Home::Cluster)),
            definitions: self.cluster_definitions(declared, &origin),
            node: declared.node.as_ref().map(|node| self.node_firewall(node, origin.at("node"))),
            operators: operators
                .map(|words| self.operators(words, &origin.at("operator_addresses")))
                .unwrap_or_default(),
            allow_lockout: declared.allow_lockout.unwrap_or(false),
            origin,
        }
    }

    fn node_firewall(&mut self, declared: &declared::NodeFirewall, origin: Origin) -> NodeFirewall {
        let rules = declared.rules.as_ref();
        NodeFirewall {
            options: self.node_options(declared, &origin),
            rules: rules.map(|rules| self.rules(rules, &origin.at("rules"), Home::Node)),
            origin,
        }
    }

    /// Lowers a guest's firewall; `nic` is the name of its `net0` inside the guest.
    pub(super) fn guest_firewall(
        &mut self,
        declared: Option<&declared::GuestFirewall>,
        origin: Origin,
        nic: Option<&str>,
    ) -> Option<GuestFirewall> {
        let declared = declared?;
        let rules = declared.rules.as_ref();
        let at = origin.at("rules");
        let input = (declared.default_input_policy, declared.policy_in);
        let output = (declared.default_output_policy, declared.policy_out);
        Some(GuestFirewall {
            enabled: declared.enabled,
            policy_in: self.policy(input, &origin, ("default_input_policy", "policy_in")),
            policy_out: self.policy(output, &origin, ("default_output_policy", "policy_out")),
            options: options::of_guest(declared),
            rules: rules.map(|rules| self.rules(rules, &at, Home::Guest(nic))),
            definitions: self.guest_definitions(declared, &origin),
            origin,
        })
    }

    fn policy(
        &mut self,
        (long, short): (Option<Policy>, Option<Policy>),
        at: &Origin,
        (long_name, short_name): (&str, &str),
    ) -> Option<Policy> {
        if let (Some(long), Some(short)) = (long, short)
            && long != short
        {
            let message = format!("`{long_name}` and `{short_name}` are the same thing and differ");
            let finding = Finding::error(at.at(short_name), message).label("this");
            let finding = finding.with(at.at(long_name), "and this");
            self.push(finding.help(format!("Remove `{short_name}`.")));
        }
        long.or(short)
    }

    fn operators(&mut self, words: &declared::Words, origin: &Origin) -> Vec<Located<IpNet>> {
        let mut networks = Vec::new();
        for word in words.iter() {
            let address = word.parse::<IpAddr>().map(IpNet::from);
            match address.or_else(|_| word.parse::<IpNet>().map(|network| network.trunc())) {
                Ok(value) => networks.push(Located { value, origin: origin.clone() }),
                Err(_) => {
                    let message = format!("`{word}` is no address or network");
                    let finding = Finding::error(origin.clone(), message).label("not valid");
                    self.push(finding.help("Write one such as `192.168.1.10` or `10.8.0.0/24`."));
                }
            }
        }
        networks
    }

    fn rules(
        &mut self,
        list: &List<declared::Rule>,
        at: &Origin,
        home: Home<'_>,
    ) -> Vec<Located<Rule>> {
        let elements = self.each(list, at);
        let mut rules = Vec::with_capacity(elements.len());
        for (origin, declared) in elements {
            let Some(mut rule) = self.rule(declared, &origin) else {
                continue;
            };
            if let Home::Guest(nic) = home {
                rule.iface = rule.iface.map(|name| guest_interface(&name, nic));
            }
            if self.is_valid(&rule, home, &origin) {
                rules.push(Located { value: rule, origin });
            }
        }
        rules
    }

    fn is_valid(&mut self, rule: &Rule, home: Home<'_>, at: &Origin) -> bool {
        let scope = scope(home, rule);
        let mut problems = rule.check(&scope);
        let valid = problems.is_empty();
        let is_port =
            |problem: &RuleProblem| matches!(problem.property, Property::Dport | Property::Sport);
        if problems.iter().any(|problem| problem.property == Property::Proto) {
            // What a wrong protocol makes of the ports is no second mistake; a wrong port is.
            problems.retain(|problem| !is_port(problem));
            let with_ports = Rule { proto: Some("tcp".to_owned()), ..rule.clone() };
            problems.extend(with_ports.check(&scope).into_iter().filter(is_port));
        }
        for problem in &problems {
            self.push(rule_problem(problem, rule, at));
        }
        valid
    }
}

/// Turns a name inside the guest into Proxmox VE's name: only `netN` ever matches.
fn guest_interface(name: &str, nic: Option<&str>) -> String {
    if nic == Some(name) {
        return "net0".to_owned();
    }
    let digits = |rest: &&str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    match name.strip_prefix("eth").filter(digits) {
        Some(number) => format!("net{number}"),
        None => name.to_owned(),
    }
}

/// Returns a scope in which every alias, set and group that the rule uses exists: where they are not
/// declared they are kept on the node, and whether they are there is checked when a plan is made.
pub(crate) fn scope(home: Home<'_>, rule: &Rule) -> Scope {
    let mut names = Names::default();
    let words = || [&rule.source, &rule.dest].into_iter().flatten();
    // An alias that is not known here is taken to be of the version that the rest of the rule is of.
    let is_v6 = words().any(|word| word.contains(':'))
        || rule.proto.as_deref().is_some_and(|proto| matches!(proto, "icmpv6" | "ipv6-icmp"));
    // No name begins with a digit: what does is an address.
    for word in words().filter(|word| !word.starts_with(|c: char| c.is_ascii_digit())) {
        let plain = |word: &str| {
            let prefixes = ["dc/", "guest/", "sdn/"];
            prefixes.iter().find_map(|p| word.strip_prefix(p)).unwrap_or(word).to_owned()
        };
        match word.strip_prefix('+') {
            Some(set) => names.add_ipset(&plain(set)),
            None => names.add_alias(&plain(word), if is_v6 { "::/0" } else { "0.0.0.0/0" }),
        }
    }
    if let Action::Group(name) = &rule.action {
        names.add_group(name);
    }
    let scope = match home {
        Home::Cluster => Scope::rules(Level::Cluster),
        Home::Node => Scope::rules(Level::Host),
        Home::Guest(_) => Scope::rules(Level::Guest),
        Home::Group => Scope::group(),
    };
    scope.with_cluster(names.clone()).with_own(names)
}
