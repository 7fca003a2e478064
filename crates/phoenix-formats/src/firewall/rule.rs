//! One rule: its parts, its grammar, and the text that PVE saves for it.

use std::fmt;

use super::tables::{LOG_LEVELS, macro_name};
use super::text::{cut_comment, is_space, push_comment, set, truthy, word};

/// A rule of a firewall file.
///
/// Every property is kept as it is written. PVE takes a property whose text is `0` for one that is not set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Whether the rule stands without the leading `|`.
    pub enabled: bool,
    /// The chain it belongs to, or that it calls a group.
    pub kind: RuleKind,
    /// What happens to a packet that matches.
    pub action: Action,
    /// The interface (`-i`): `netN` in a guest's file, a name of the node's otherwise.
    pub iface: Option<String>,
    /// Addresses it comes from (`-source`).
    pub source: Option<String>,
    /// Addresses it goes to (`-dest`).
    pub dest: Option<String>,
    /// The protocol (`-p`), by name or number of `/etc/protocols`.
    pub proto: Option<String>,
    /// Destination ports (`-dport`), or an ICMP type in the old spelling.
    pub dport: Option<String>,
    /// Source ports (`-sport`).
    pub sport: Option<String>,
    /// The log level (`-log`).
    pub log: Option<String>,
    /// The ICMP type (`-icmp-type`), by name.
    pub icmp_type: Option<String>,
    /// The comment after ` # `.
    pub comment: Option<String>,
}

/// What a rule says beside its comment, letter by letter: flags and texts in the order of [`Rule`]'s fields.
type Said<'a> = (bool, &'a RuleKind, &'a Action, [Option<&'a str>; 8]);

impl Rule {
    /// Returns what the rule says, to be compared and sorted: two rules that differ in their comments say the same.
    pub fn said(&self) -> Said<'_> {
        let Self { enabled, kind, action, comment: _, .. } = self;
        let Self { iface, source, dest, proto, dport, sport, log, icmp_type, .. } = self;
        let texts = [iface, source, dest, proto, dport, sport, log, icmp_type];
        (*enabled, kind, action, texts.map(Option::as_deref))
    }
}

/// Says which packets a rule sees.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuleKind {
    /// Packets to the node or guest.
    In,
    /// Packets from the node or guest.
    Out,
    /// Packets that the node passes on; the iptables backend ignores these rules.
    Forward,
    /// Those of the called group.
    Group,
    /// A word in lower case that is none of them: PVE keeps the rule, and then cannot save the file.
    Other(String),
}

impl RuleKind {
    /// Returns the kind that a word names, whatever its letter case.
    pub fn from_word(word: &str) -> Self {
        let known = [Self::In, Self::Out, Self::Forward, Self::Group];
        let named = |kind: &Self| kind.as_str().eq_ignore_ascii_case(word);
        known.into_iter().find(named).unwrap_or_else(|| Self::Other(word.to_ascii_lowercase()))
    }

    /// Returns the kind in lower case, as PVE reports it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Forward => "forward",
            Self::Group => "group",
            Self::Other(word) => word,
        }
    }
}

/// Says what happens to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It passes.
    Accept,
    /// It disappears.
    Drop,
    /// It is answered with a refusal.
    Reject,
}

impl Verdict {
    /// Returns the verdict that a word in upper case names.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "ACCEPT" => Some(Self::Accept),
            "DROP" => Some(Self::Drop),
            "REJECT" => Some(Self::Reject),
            _ => None,
        }
    }

    /// Returns the word in upper case.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "ACCEPT",
            Self::Drop => "DROP",
            Self::Reject => "REJECT",
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Says what a rule does with the packets it sees.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// Decides.
    Plain(Verdict),
    /// Decides about the packets of a named service.
    Macro(String, Verdict),
    /// Asks the rules of a security group.
    Group(String),
    /// A word that is no action: PVE keeps the rule and never applies it.
    Unknown(String),
}

impl Action {
    fn from_word(kind: &RuleKind, word: &str) -> Self {
        if *kind == RuleKind::Group {
            return Self::Group(word.to_owned());
        }
        let call = if let RuleKind::Other(_) = kind { None } else { macro_call(word) };
        match (call, Verdict::from_word(word)) {
            (Some((name, verdict)), _) => {
                Self::Macro(macro_name(name).unwrap_or(name).to_owned(), verdict)
            }
            (None, Some(verdict)) => Self::Plain(verdict),
            (None, None) => Self::Unknown(word.to_owned()),
        }
    }

    /// Returns the name of the macro, if there is one.
    pub fn macro_name(&self) -> Option<&str> {
        match self {
            Self::Macro(name, _) => Some(name),
            Self::Plain(_) | Self::Group(_) | Self::Unknown(_) => None,
        }
    }

    /// Returns the word that PVE reports as the action: the verdict, or the name of the group.
    pub fn word(&self) -> &str {
        match self {
            Self::Plain(verdict) | Self::Macro(_, verdict) => verdict.as_str(),
            Self::Group(word) | Self::Unknown(word) => word,
        }
    }

    /// Returns the verdict; a group has none of its own.
    pub fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Plain(verdict) | Self::Macro(_, verdict) => Some(*verdict),
            Self::Group(_) | Self::Unknown(_) => None,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Macro(name, verdict) if truthy(name) => write!(f, "{name}({verdict})"),
            Self::Macro(_, _) | Self::Plain(_) | Self::Group(_) | Self::Unknown(_) => {
                f.write_str(self.word())
            }
        }
    }
}

// `NAME(ACCEPT)`: the parenthesis that counts is the one before the verdict.
fn macro_call(word: &str) -> Option<(&str, Verdict)> {
    let (name, verdict) = word.strip_suffix(')')?.rsplit_once('(')?;
    Some((name, Verdict::from_word(verdict)?)).filter(|(name, _)| !name.is_empty())
}

/// Says why PVE cannot read a line as a rule; such a line is lost when PVE saves the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// There are no two words to begin with.
    #[error(
        "a rule begins with its type and its action, such as `IN ACCEPT`; this line is lost when PVE saves the file"
    )]
    NoAction,
    /// An option that is unknown, misspelled, or not followed by one blank and a value.
    #[error(
        "the options from `{rest}` on cannot be read; this line is lost when PVE saves the file"
    )]
    Options {
        /// The text from the first option that cannot be read.
        rest: String,
    },
    /// An alias of one IP version beside an address of the other, which makes PVE drop the whole line.
    #[error(
        "`{alias}` is of another IP version than the rest of the rule; this line is lost when PVE saves the file"
    )]
    MixedVersions {
        /// The name of the alias.
        alias: String,
    },
}

impl Rule {
    /// Returns an enabled rule of which only the kind and the action are set.
    pub fn new(kind: RuleKind, action: Action) -> Self {
        let none = || None;
        Self {
            enabled: true,
            kind,
            action,
            iface: none(),
            source: none(),
            dest: none(),
            proto: none(),
            dport: none(),
            sport: none(),
            log: none(),
            icmp_type: none(),
            comment: none(),
        }
    }

    /// Reads the line of a rule, or says why PVE would drop it.
    ///
    /// That PVE reads a rule does not mean that it applies it: see [`Rule::check`].
    pub fn parse_line(line: &str) -> Result<Self, RuleError> {
        let (text, comment) = cut_comment(line.trim_matches([' ', '\t']));
        let (enabled, text) = text.strip_prefix('|').map_or((true, text), |rest| (false, rest));
        let (kind, rest) = word(text);
        let (action, rest) = word(rest.trim_start_matches(is_space));
        if kind.is_empty() || action.is_empty() {
            return Err(RuleError::NoAction);
        }
        let kind = RuleKind::from_word(kind);
        let action = Action::from_word(&kind, action);
        let mut rule = Self::new(kind, action);
        rule.enabled = enabled;
        rule.comment = comment.map(str::to_owned);
        rule.read_options(rest.trim_start_matches(is_space))?;
        Ok(rule)
    }

    fn read_options(&mut self, mut text: &str) -> Result<(), RuleError> {
        while !text.is_empty() {
            let error = || RuleError::Options { rest: text.to_owned() };
            let (option, rest) = text.split_once(' ').ok_or_else(error)?;
            let slot = self.slot(option).ok_or_else(error)?;
            let (value, rest) = match slot {
                Slot::Word(_) => Some(word(rest)).filter(|(value, _)| !value.is_empty()),
                Slot::Level(_) => level(rest),
            }
            .ok_or_else(error)?;
            let (Slot::Word(place) | Slot::Level(place)) = slot;
            *place = Some(value.to_owned());
            text = rest.trim_start_matches(is_space);
        }
        Ok(())
    }

    fn slot(&mut self, option: &str) -> Option<Slot<'_>> {
        if option == "-i" {
            return Some(Slot::Word(&mut self.iface));
        }
        if self.kind == RuleKind::Group {
            return None;
        }
        if option == "-p" {
            return Some(Slot::Word(&mut self.proto));
        }
        let name = option.strip_prefix("--").or_else(|| option.strip_prefix('-'))?;
        match name {
            "proto" => Some(Slot::Word(&mut self.proto)),
            "dport" => Some(Slot::Word(&mut self.dport)),
            "sport" => Some(Slot::Word(&mut self.sport)),
            "source" => Some(Slot::Word(&mut self.source)),
            "dest" => Some(Slot::Word(&mut self.dest)),
            "icmp-type" => Some(Slot::Word(&mut self.icmp_type)),
            "log" => Some(Slot::Level(&mut self.log)),
            _ => None,
        }
    }

    /// Returns the line that PVE saves in a group, where no rule has an interface.
    pub(super) fn line_in_group(&self) -> String {
        Self { iface: None, ..self.clone() }.to_string()
    }
}

/// Splits off a log level, which needs no blank behind it.
fn level(text: &str) -> Option<(&'static str, &str)> {
    LOG_LEVELS.into_iter().find_map(|level| text.strip_prefix(level).map(|rest| (level, rest)))
}

/// Where the value of an option goes, and whether it is one word or a log level.
enum Slot<'a> {
    Word(&'a mut Option<String>),
    Level(&'a mut Option<String>),
}

impl fmt::Display for Rule {
    /// Prints the line that PVE would save, without the newline.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.enabled { "" } else { "|" };
        let mut line = format!("{mark}{} {}", self.kind.as_str().to_ascii_uppercase(), self.action);
        for (option, value) in self.printed_options() {
            if let Some(value) = value {
                line.extend([" ", option, " ", value]);
            }
        }
        push_comment(&mut line, self.comment.as_deref());
        f.write_str(&line)
    }
}

impl Rule {
    fn printed_options(&self) -> Vec<(&'static str, Option<&str>)> {
        // Taken apart so that a new property cannot be forgotten here.
        let Self {
            enabled: _,
            kind,
            action: _,
            comment: _,
            iface,
            source,
            dest,
            proto,
            dport,
            sport,
            log,
            icmp_type,
        } = self;
        let iface = ("-i", set(iface.as_deref()));
        if *kind == RuleKind::Group {
            return vec![iface];
        }
        vec![
            iface,
            ("-source", set(source.as_deref())),
            ("-dest", set(dest.as_deref())),
            ("-p", set(proto.as_deref())),
            ("-dport", set(dport.as_deref())),
            ("-sport", set(sport.as_deref())),
            ("-log", set(log.as_deref())),
            // Unlike the others, this one is printed when it is `0`.
            ("-icmp-type", icmp_type.as_deref().filter(|value| !value.is_empty())),
        ]
    }
}
