//! The rules of one interface of a guest as a ruleset of nft(8) for the guest itself.
//!
//! Proxmox VE's firewall does not see every interface; where it does not, the guest has to keep the same
//! rules. What comes in by the interface is decided before any address translation, as a firewall in
//! front of the guest would decide; everything else is left alone. Groups become chains and sets of
//! addresses become sets, each written once.
//!
//! Deliberately left out, and said so: rules for packets that leave, and what SDN's sets hold. Log levels
//! are dropped: a guest does not write to the log of the node.

mod icmp;
mod matches;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use self::matches::Matches;
use super::address::IpVersion;
use super::file::{FwFile, ParsedRule};
use super::rule::{Action, RuleKind, Verdict};
use super::text::set;

/// ICMP without which connections break: what says that packets did not arrive (RFC 4890 for IPv6), and
/// the discovery of neighbours.
const NEEDED: [&str; 2] = [
    "icmp type { destination-unreachable, time-exceeded, parameter-problem } accept",
    "icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, \
     nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert } accept",
];

/// A rule that the ruleset does not have, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The rule as PVE writes it.
    pub rule: String,
    /// Why: a lower-case fragment.
    pub reason: &'static str,
}

/// A ruleset for nft(8) in which one table decides about one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ruleset {
    /// The text without the line that [`Ruleset::render`] puts last.
    body: String,
    /// The rules that are not in it.
    pub left_out: Vec<LeftOut>,
}

/// What a ruleset is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guarded<'a> {
    /// The interface in the rules, such as `net1`.
    pub net: &'a str,
    /// Its name in the guest, such as `eth1`.
    pub device: &'a str,
    /// The name of the table, of the family `inet`.
    pub table: &'a str,
}

impl Ruleset {
    /// Translates the rules of a guest's file that are for an interface.
    pub fn of(guest: &FwFile, cluster: &FwFile, guarded: Guarded<'_>) -> Self {
        let mut writer = Writer::new(guest, cluster);
        let mut own = String::new();
        for rule in guest.rules().iter().filter(|rule| rule.is_applied()) {
            let iface = set(rule.rule.iface.as_deref());
            if iface.is_none_or(|iface| iface == guarded.net) {
                writer.rule(guest, rule, &mut own);
            }
        }
        Self { body: writer.body(&own, guarded), left_out: writer.left_out }
    }

    /// Returns the whole text: what was loaded before by the same name is replaced in one go. The tag
    /// stands in the last rule, so that what is loaded can be told.
    pub fn render(&self, header: &str, tag: &str) -> String {
        format!("{header}\n{}\t\tcounter drop comment \"{tag}\"\n\t}}\n}}\n", self.body)
    }

    /// Returns what the text depends on.
    pub fn body(&self) -> &str {
        &self.body
    }
}

/// Collects what rules need beside themselves.
struct Writer<'a> {
    guest: &'a FwFile,
    cluster: &'a FwFile,
    /// The chains of groups, by the groups' names.
    groups: BTreeMap<String, (usize, String)>,
    /// The sets, by whose they are, their names and versions.
    sets: BTreeMap<(bool, String, IpVersion), matches::NamedSet>,
    left_out: Vec<LeftOut>,
}

impl<'a> Writer<'a> {
    fn new(guest: &'a FwFile, cluster: &'a FwFile) -> Self {
        Self {
            guest,
            cluster,
            groups: BTreeMap::new(),
            sets: BTreeMap::new(),
            left_out: Vec::new(),
        }
    }

    fn rule(&mut self, file: &FwFile, parsed: &ParsedRule, text: &mut String) {
        let rule = &parsed.rule;
        match (&rule.kind, &rule.action) {
            (RuleKind::Group, Action::Group(name)) => {
                if let Some(number) = self.group(name) {
                    comment(parsed, text);
                    line(text, format_args!("jump group_{number}"));
                }
            }
            (RuleKind::In, action) => {
                let Some(verdict) = action.verdict() else { return };
                let matches = Matches::of(self, file, parsed);
                match matches {
                    Ok(matches) => {
                        comment(parsed, text);
                        for found in matches.lines() {
                            line(text, format_args!("{found}{}", word(verdict)));
                        }
                    }
                    Err(reason) => self.leave_out(parsed, reason),
                }
            }
            (RuleKind::Out, action) if action.verdict() != Some(Verdict::Accept) => {
                self.leave_out(parsed, "what leaves is not filtered in the guest");
            }
            _ => {}
        }
    }

    fn leave_out(&mut self, parsed: &ParsedRule, reason: &'static str) {
        self.left_out.push(LeftOut { rule: printable(&parsed.rule.to_string()), reason });
    }

    /// Returns the number of a group's chain; the chain is made once.
    fn group(&mut self, name: &str) -> Option<usize> {
        if let Some((number, _)) = self.groups.get(name) {
            return Some(*number);
        }
        let cluster = self.cluster;
        let rules = cluster.groups().get(name)?;
        let number = self.groups.len() + 1;
        self.groups.insert(name.to_owned(), (number, String::new()));
        let mut text = String::new();
        // A group has no groups in it: PVE does not apply such a rule.
        let plain = |rule: &&ParsedRule| rule.is_applied() && rule.rule.kind != RuleKind::Group;
        for rule in rules.iter().filter(plain) {
            self.rule(cluster, rule, &mut text);
        }
        self.groups.insert(name.to_owned(), (number, text));
        Some(number)
    }

    fn body(&self, own: &str, guarded: Guarded<'_>) -> String {
        let Guarded { net, device, table } = guarded;
        let mut text =
            format!("add table inet {table}\ndelete table inet {table}\n\ntable inet {table} {{\n");
        for named in self.sets.values() {
            text += &named.render();
        }
        for (name, (number, rules)) in &self.groups {
            // Writing to a text never fails.
            write!(text, "\tchain group_{number} {{\n\t\t# {}\n{rules}\t}}\n\n", printable(name))
                .ok();
        }
        write!(
            text,
            "\tchain prerouting {{\n\
             \t\ttype filter hook prerouting priority mangle; policy accept;\n\
             \t\tiifname \"{device}\" jump {net}\n\
             \t}}\n\n\
             \tchain {net} {{\n\
             \t\tct state established,related accept\n"
        )
        .ok();
        NEEDED.iter().for_each(|rule| line(&mut text, format_args!("{rule}")));
        text + own
    }
}

fn comment(parsed: &ParsedRule, text: &mut String) {
    line(text, format_args!("# {}", printable(&parsed.rule.to_string())));
}

fn line(text: &mut String, words: std::fmt::Arguments<'_>) {
    // Writing to a text never fails.
    writeln!(text, "\t\t{words}").ok();
}

/// Returns a text that is one line for nft(8), which does not take every character in a comment.
fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || c == '\\' { ' ' } else { c }).collect()
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Accept => "accept",
        Verdict::Drop => "drop",
        Verdict::Reject => "reject",
    }
}
