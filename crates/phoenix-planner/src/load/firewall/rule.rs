//! Lowering of one rule, and what is said about a wrong one.

use phoenix_formats::firewall::{Action, Effect, Property, Rule, RuleKind, RuleProblem, Verdict};

use super::super::finding::Finding;
use super::super::part::Lowering;
use super::super::typo;
use crate::declared::{self, RuleType, Scalar};
use crate::source::Origin;

const VERDICTS: &[&str] = &["ACCEPT", "DROP", "REJECT"];

impl Lowering {
    pub(super) fn rule(&mut self, declared: &declared::Rule, at: &Origin) -> Option<Rule> {
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
            source: declared.source.as_deref().map(addresses),
            dest: declared.dest.as_deref().map(addresses),
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
            // Proxmox VE makes names lower case where they are defined, and not where they are used.
            return Some(Action::Group(word.to_ascii_lowercase()));
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

    pub(super) fn comment(&mut self, comment: Option<&str>, at: &Origin) -> Option<String> {
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

/// Reads a list of addresses, or a name; those of sets are used in lower case only.
fn addresses(text: &str) -> String {
    let text = list(text);
    if text.starts_with('+') { text.to_ascii_lowercase() } else { text }
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

pub(super) fn rule_problem(problem: &RuleProblem, rule: &Rule, at: &Origin) -> Finding {
    let field = field(problem.property);
    if problem.property == Property::Proto && rule.proto.is_none() {
        let finding = Finding::error(at.clone(), "a rule with a port and without a protocol");
        let finding = finding.label("`proto` is missing");
        return finding.help("Add `\"proto\": \"tcp\"` or `\"proto\": \"udp\"`.");
    }
    if problem.property == Property::Type {
        return out_of_place(problem, rule, at);
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

/// A rule whose type or interface cannot stand where it stands.
fn out_of_place(problem: &RuleProblem, rule: &Rule, at: &Origin) -> Finding {
    let (field, help) = match rule.kind {
        RuleKind::In | RuleKind::Out if rule.iface.is_some() => {
            ("iface", "Remove `iface`, or write it on the rule that uses the group.")
        }
        RuleKind::Group => ("type", "Write the rules of the other group here."),
        RuleKind::Forward => ("type", "Write `in` or `out`: only a node forwards packets."),
        _ => ("type", help(Property::Type)),
    };
    let finding = Finding::error(at.at(field), format!("`{field}` of a rule: {}", problem.message));
    finding.label("Proxmox VE would never apply the rule").help(help)
}

pub(crate) fn field(property: Property) -> &'static str {
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
