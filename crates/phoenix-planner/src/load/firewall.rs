//! Lowering of firewalls: declared rules to those of Proxmox VE's files.

use phoenix_formats::firewall::{
    Action, Effect, Level, Names, Property, Rule, RuleKind, RuleProblem, Scope, Verdict,
};

use super::finding::Finding;
use super::part::Lowering;
use super::typo;
use crate::declared::{self, List, RuleType, Scalar};
use crate::desired::{ClusterFirewall, GuestFirewall, Located, Policy};
use crate::source::Origin;

const VERDICTS: &[&str] = &["ACCEPT", "DROP", "REJECT"];

impl Lowering {
    /// Lowers the cluster's firewall from where it stands.
    pub(super) fn cluster_firewall_at(
        &mut self,
        declared: &declared::ClusterFirewall,
        origin: Origin,
    ) -> ClusterFirewall {
        let rules = declared.global_firewall_rules.as_ref();
        let at = origin.at("global_firewall_rules");
        ClusterFirewall {
            enabled: declared.enabled,
            policy_in: declared.default_input_policy,
            policy_out: declared.default_output_policy,
            rules: rules.map(|rules| self.rules(rules, &at, Level::Cluster, None)),
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
            rules: rules.map(|rules| self.rules(rules, &at, Level::Guest, nic)),
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

    fn rules(
        &mut self,
        list: &List<declared::Rule>,
        at: &Origin,
        level: Level,
        nic: Option<&str>,
    ) -> Vec<Located<Rule>> {
        let elements = self.each(list, at);
        let mut rules = Vec::with_capacity(elements.len());
        for (origin, declared) in elements {
            let Some(mut rule) = self.rule(declared, &origin) else {
                continue;
            };
            if level == Level::Guest {
                rule.iface = rule.iface.map(|name| guest_interface(&name, nic));
            }
            if self.is_valid(&rule, level, &origin) {
                rules.push(Located { value: rule, origin });
            }
        }
        rules
    }

    fn is_valid(&mut self, rule: &Rule, level: Level, at: &Origin) -> bool {
        let scope = scope(level, rule);
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

    fn rule(&mut self, declared: &declared::Rule, at: &Origin) -> Option<Rule> {
        let kind = self.needed(declared.direction, at, "type", "\"in\"");
        let action = self.needed(declared.action.as_deref(), at, "action", "\"ACCEPT\"");
        let (kind, action) = (kind?, action?);
        let kind = match kind {
            RuleType::In => RuleKind::In,
            RuleType::Out => RuleKind::Out,
            RuleType::Forward => RuleKind::Forward,
            RuleType::Group => RuleKind::Group,
        };
        let action = self.action(&kind, action, declared.macro_name.as_deref(), at)?;
        let text = |scalar: &Option<Scalar>| scalar.as_ref().map(|text| list(text.as_str()));
        Some(Rule {
            enabled: declared.enabled.unwrap_or(true),
            iface: declared.iface.clone(),
            source: declared.source.as_deref().map(list),
            dest: declared.dest.as_deref().map(list),
            proto: text(&declared.proto),
            dport: text(&declared.port),
            sport: text(&declared.sport),
            log: declared.log.clone(),
            icmp_type: text(&declared.icmp_type),
            comment: self.comment(declared.comment.as_deref(), at),
            ..Rule::new(kind, action)
        })
    }

    fn needed<T>(&mut self, value: Option<T>, at: &Origin, name: &str, example: &str) -> Option<T> {
        if value.is_none() && !self.findings.touches(&at.at(name)) {
            let finding = Finding::error(at.clone(), format!("a rule without `{name}`"));
            let label = format!("`{name}` is missing");
            self.push(finding.label(label).help(format!("Add `\"{name}\": {example}`.")));
        }
        value
    }

    fn action(
        &mut self,
        kind: &RuleKind,
        word: &str,
        macro_name: Option<&str>,
        at: &Origin,
    ) -> Option<Action> {
        if *kind == RuleKind::Group {
            return Some(Action::Group(word.to_owned()));
        }
        let verdict = Verdict::from_word(word);
        match (verdict, macro_name) {
            (Some(verdict), Some(name)) => Some(Action::Macro(name.to_owned(), verdict)),
            (Some(verdict), None) => Some(Action::Plain(verdict)),
            (None, None) if macro_call(word).is_some() => macro_call(word),
            (None, _) => {
                let message = format!("`{word}` is no action");
                let help = match typo::nearest(word, VERDICTS) {
                    Some(meant) => format!("Write `{meant}`."),
                    None => format!("Write one of {}.", VERDICTS.join(", ")),
                };
                let finding = Finding::error(at.at("action"), message).label("not known");
                self.push(finding.help(help));
                None
            }
        }
    }

    fn comment(&mut self, comment: Option<&str>, at: &Origin) -> Option<String> {
        let comment = comment?.trim();
        if comment.contains(char::is_control) {
            let message = "a comment with a line break or another control character";
            let finding = Finding::error(at.at("comment"), message).label("must be one line");
            self.push(finding.help("Write the comment on one line."));
            return None;
        }
        (!comment.is_empty()).then(|| comment.to_owned())
    }
}

/// Takes the blanks out of a list, which Proxmox VE does not take.
fn list(text: &str) -> String {
    text.split(',').map(str::trim).collect::<Vec<_>>().join(",")
}

/// Reads `HTTPS(ACCEPT)`, as the files of Proxmox VE have it.
fn macro_call(word: &str) -> Option<Action> {
    let (name, verdict) = word.strip_suffix(')')?.split_once('(')?;
    Some(Action::Macro(name.to_owned(), Verdict::from_word(verdict)?))
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

/// Returns a scope in which every alias, set and group that the rule uses exists: they are kept on the
/// node, and whether they are there is checked when a plan is made.
pub(crate) fn scope(level: Level, rule: &Rule) -> Scope {
    let mut names = Names::default();
    for word in [&rule.source, &rule.dest].into_iter().flatten() {
        let plain = |word: &str| {
            let prefixes = ["dc/", "guest/", "sdn/"];
            prefixes.iter().find_map(|p| word.strip_prefix(p)).unwrap_or(word).to_owned()
        };
        match word.strip_prefix('+') {
            Some(set) => names.add_ipset(&plain(set)),
            None => names.add_alias(&plain(word), "0.0.0.0/0"),
        }
    }
    if let Action::Group(name) = &rule.action {
        names.add_group(name);
    }
    Scope::rules(level).with_cluster(names.clone()).with_own(names)
}

fn rule_problem(problem: &RuleProblem, rule: &Rule, at: &Origin) -> Finding {
    let field = field(problem.property);
    if problem.property == Property::Proto && rule.proto.is_none() {
        let finding = Finding::error(at.clone(), "a rule with a port and without a protocol");
        let finding = finding.label("`proto` is missing");
        return finding.help("Add `\"proto\": \"tcp\"` or `\"proto\": \"udp\"`.");
    }
    let message = format!("`{field}` of a rule: {}", problem.message);
    let finding = Finding::error(at.at(field), message).label(match problem.effect {
        Effect::Inert => "Proxmox VE would never apply the rule",
        Effect::Dropped => "Proxmox VE would lose the rule",
        Effect::Widened => "Proxmox VE would overlook this",
        Effect::BlocksSave => "Proxmox VE could edit no rule any more",
        Effect::Hazard => "the kernel could refuse all rules",
    });
    finding.help(help(problem.property))
}

fn field(property: Property) -> &'static str {
    match property {
        Property::Type => "type",
        Property::Action => "action",
        Property::Macro => "macro",
        Property::Iface => "iface",
        Property::Source => "source",
        Property::Dest => "dest",
        Property::Proto => "proto",
        Property::Dport => "port",
        Property::Sport => "sport",
        Property::IcmpType => "icmp_type",
        Property::Log => "log",
        Property::Comment => "comment",
    }
}

fn help(property: Property) -> &'static str {
    match property {
        Property::Dport | Property::Sport => "Write a port as `443`, `80,443` or `8000:8010`.",
        Property::Source | Property::Dest => {
            "Write an address or subnet such as `10.0.0.0/24`, a list with commas, an alias or `+ipset`."
        }
        Property::Iface => "Write `eth0` or `eth1` for a guest, the device's name for the node.",
        Property::Proto => "Write a protocol in lower case, such as `tcp`, `udp` or `icmp`.",
        Property::IcmpType => "Write a type by name, such as `echo-request`, with `proto` `icmp`.",
        Property::Log => "Write `nolog`, or a level such as `info` or `warning`.",
        Property::Macro => "Write a macro of Proxmox VE, such as `SSH` or `HTTPS`.",
        Property::Action => "Write `ACCEPT`, `DROP` or `REJECT`; for a group its name.",
        Property::Type => "Write `in` or `out`; for a security group `group`.",
        Property::Comment => "Write the comment on one line.",
    }
}
