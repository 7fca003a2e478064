//! What dnsmasq refuses: unknown options, missing values, values that it cannot read, and what may stand only once.

mod dhcp;
mod number;
mod word;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use super::lines::{Piece, Pieces, shown, split};
use super::setting::{Fault, Setting};
use super::table::{self, Takes};
use super::warn;
use crate::Warning;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Weight {
    /// dnsmasq accepts it, and it does not do what it looks like.
    Wrong,
    /// It depends on the machine whether dnsmasq starts.
    Depends,
    /// dnsmasq does not start.
    Refused,
}

/// Something that is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) line: usize,
    pub(super) weight: Weight,
    pub(super) message: String,
}

impl Finding {
    pub(super) fn new(line: usize, weight: Weight, message: impl Into<String>) -> Self {
        Self { line, weight, message: message.into() }
    }

    fn of(line: usize, fault: Fault) -> Self {
        match fault {
            Fault::Refused(message) => Self::new(line, Weight::Refused, message),
            Fault::Depends(message) => Self::new(line, Weight::Depends, message),
        }
    }

    pub(super) fn warning(&self) -> Warning {
        Warning::new(self.line, self.message.clone())
    }
}

/// A line of one of several files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    /// Which of the files, counted from 0 in the order in which they are read.
    pub(super) file: usize,
    pub(super) line: usize,
}

impl Place {
    /// Returns a finding about this line, with its file.
    pub(super) fn found(self, weight: Weight, message: impl Into<String>) -> (usize, Finding) {
        (self.file, Finding::new(self.line, weight, message))
    }
}

/// Aliases with their targets and places.
pub(super) type Aliases<'a> = BTreeMap<Cow<'a, str>, (Cow<'a, str>, Place)>;

/// What was found in one file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Checked {
    pub(super) findings: Vec<Finding>,
    /// Which of the file's pieces are no good, counted from 0: they say nothing.
    pub(super) refused: BTreeSet<usize>,
}

/// Checks options one after the other, over all files that dnsmasq reads together.
#[derive(Debug, Default)]
pub(super) struct Checker<'a> {
    once: BTreeSet<&'static str>,
    /// Which of the files is read.
    file: usize,
    aliases: Aliases<'a>,
    /// Addresses that `dhcp-host` gives away.
    leases: BTreeSet<Ipv4Addr>,
    seen: warn::Seen<'a>,
    /// Where `dhcp-fqdn` stands, and whether there is a domain, which it needs.
    fqdn: Option<Place>,
    has_domain: bool,
}

impl<'a> Checker<'a> {
    /// Checks the next file.
    pub(super) fn file(&mut self, pieces: &'a Pieces) -> Checked {
        let mut checked = Checked::default();
        for (index, piece) in pieces.iter().enumerate() {
            if piece.is_rest {
                let message = "the line is too long: dnsmasq reads its rest as another line";
                checked.findings.push(Finding::new(piece.line, Weight::Wrong, message));
            }
            if let Err(fault) = self.piece(piece, &mut checked.findings) {
                checked.findings.push(Finding::of(piece.line, fault));
                checked.refused.insert(index);
            }
        }
        self.file += 1;
        checked
    }

    fn place(&self, line: usize) -> Place {
        Place { file: self.file, line }
    }

    fn piece(&mut self, piece: Piece<'a>, findings: &mut Vec<Finding>) -> Result<(), Fault> {
        if piece.unclosed {
            return Err(Fault::refused("a quote is not closed"));
        }
        let (name, value) = split(piece.text);
        let name = self.option(name, value)?;
        let setting = self.read(piece.line, name, value)?;
        let messages = warn::about(name, value, setting.as_ref()).into_iter();
        findings.extend(messages.map(|message| Finding::new(piece.line, Weight::Wrong, message)));
        self.seen.add(self.place(piece.line), name, setting);
        Ok(())
    }

    fn read(
        &mut self,
        line: usize,
        name: &'static str,
        value: Option<&'a str>,
    ) -> Result<Option<Setting<'a>>, Fault> {
        let setting = Setting::read(name, value)?;
        if setting.is_none() {
            dhcp::check(name, value, &mut self.leases)?;
            number::check(name, value)?;
            word::check(name, value)?;
        }
        match &setting {
            Some(Setting::Cname { aliases, target }) => {
                self.aliases(line, aliases, target.clone())?;
            }
            Some(Setting::Domain { network: None, .. }) => self.has_domain = true,
            _ if name == "dhcp-fqdn" => self.fqdn = Some(self.place(line)),
            _ => {}
        }
        Ok(setting)
    }

    fn option(&mut self, name: &str, value: Option<&str>) -> Result<&'static str, Fault> {
        let Some(known @ (name, takes, _)) = table::find(name) else {
            let name = shown(name);
            return Err(Fault::refused(format!("`{name}` is not an option")));
        };
        match (takes, value) {
            (Takes::Nothing, Some(_)) => {
                return Err(Fault::refused(format!("`{name}` takes no value")));
            }
            (Takes::Value, None) => return Err(Fault::refused(format!("`{name}` needs a value"))),
            _ => {}
        }
        match table::counted(known) {
            Some(counted) if !self.once.insert(counted) => {
                Err(Fault::refused(format!("`{name}` may stand only once")))
            }
            _ => Ok(name),
        }
    }

    fn aliases(
        &mut self,
        line: usize,
        aliases: &[Cow<'a, str>],
        target: Cow<'a, str>,
    ) -> Result<(), Fault> {
        let place = self.place(line);
        for alias in aliases {
            if self.aliases.insert(alias.clone(), (target.clone(), place)).is_some() {
                return Err(Fault::refused(format!("`{alias}` is an alias already")));
            }
        }
        Ok(())
    }

    /// Returns what shows only when everything is read, each with its file.
    pub(super) fn finish(self) -> Vec<(usize, Finding)> {
        let mut findings = self.seen.finish(&self.aliases);
        if let Some(place) = self.fqdn.filter(|_| !self.has_domain) {
            findings.push(place.found(Weight::Refused, "`dhcp-fqdn` needs a `domain`"));
        }
        findings.extend(self.circles());
        findings
    }

    /// Finds aliases that lead back to themselves; each alias is looked at once.
    fn circles(&self) -> Vec<(usize, Finding)> {
        let mut done: BTreeSet<&str> = BTreeSet::new();
        let mut findings = Vec::new();
        // No circle goes through an alias whose target is none.
        let leads_on = |(target, _): &(Cow<'_, str>, Place)| self.aliases.contains_key(target);
        for (alias, _) in self.aliases.iter().filter(|(_, target)| leads_on(target)) {
            let mut path: BTreeSet<&str> = BTreeSet::new();
            let mut at = alias.as_ref();
            while let Some((target, place)) = self.aliases.get(at).filter(|_| !done.contains(at)) {
                if !path.insert(at) {
                    let message = format!("`{at}` leads back to itself");
                    findings.push(place.found(Weight::Refused, message));
                    break;
                }
                at = target;
            }
            done.extend(path);
        }
        findings
    }
}
