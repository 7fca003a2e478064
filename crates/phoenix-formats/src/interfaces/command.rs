//! Commands that a file runs when an interface comes up or goes down.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::parse::{Interfaces, LineOption, StanzaKind};
use crate::iptables::{Rule, iptables_words, mentions};

/// When a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// `pre-up`.
    PreUp,
    /// `up` or `post-up`, which are the same.
    PostUp,
    /// `down` or `pre-down`, which are the same.
    PreDown,
    /// `post-down`.
    PostDown,
}

impl Phase {
    fn of(option: &LineOption) -> Option<Self> {
        match option.name.as_str() {
            "pre-up" => Some(Self::PreUp),
            "up" | "post-up" => Some(Self::PostUp),
            "down" | "pre-down" => Some(Self::PreDown),
            "post-down" => Some(Self::PostDown),
            _ => None,
        }
    }
}

/// A command for a shell that a file runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Command {
    /// The interface, with the `:1` of an alias.
    pub interface: String,
    /// When it runs.
    pub phase: Phase,
    /// The text, continued lines joined.
    pub text: String,
    /// Number of its first line, counted from 1.
    pub line: usize,
}

impl Command {
    /// Says whether it runs iptables or one of its kin, however it is wrapped up.
    pub fn runs_iptables(&self) -> bool {
        self.text.contains("iptables")
    }
}

/// What a file does with iptables(8).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandRules {
    /// The rules that plain commands add and delete; `line` is the command's.
    pub rules: Vec<Rule>,
    /// The commands that run iptables in a way that cannot be told from their text.
    pub opaque: Vec<Command>,
}

impl CommandRules {
    /// Returns the commands that cannot be told from their text and name this address: copies in scripts.
    pub fn opaque_about(&self, address: Ipv4Addr) -> impl Iterator<Item = &Command> {
        self.opaque.iter().filter(move |command| mentions(&command.text, address))
    }
}

impl Interfaces {
    /// Returns the commands of all `iface` stanzas, in order.
    pub fn commands(&self) -> Vec<Command> {
        let ifaces = self.stanzas.iter().filter_map(|stanza| match &stanza.kind {
            StanzaKind::Iface { name, .. } => Some((name, &stanza.options)),
            _ => None,
        });
        let commands =
            ifaces.flat_map(|(name, options)| options.iter().map(move |option| (name, option)));
        commands.filter_map(|(name, option)| command(name, option)).collect()
    }

    /// Returns what the commands do with iptables(8).
    ///
    /// Commands about a whole chain, such as `iptables -t nat -F`, are neither rules nor opaque.
    pub fn iptables(&self) -> CommandRules {
        let mut found = CommandRules::default();
        for command in self.commands().into_iter().filter(Command::runs_iptables) {
            match iptables_words(&command.text) {
                Some(words) => found.rules.extend(Rule::from_command(&words, command.line)),
                None => found.opaque.push(command),
            }
        }
        found
    }
}

fn command(interface: &str, option: &LineOption) -> Option<Command> {
    let phase = Phase::of(option)?;
    Some(Command {
        interface: interface.to_owned(),
        phase,
        text: option.value.clone(),
        line: option.line,
    })
}
