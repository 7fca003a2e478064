//! What a container holds and has in force for its public interface.

use phoenix_formats::iproute::{Rule, TableRoute, read_rules, read_table};
use phoenix_formats::public_interface::{
    ARP, NETWORKD_PATH, ROUTE_PATH, RULESET_PATH, RULESET_TABLE, SCRIPT, SCRIPT_PATH, TABLE,
};

use super::{at, filter, route};
use crate::desired::{Container, PublicInterface};
use crate::location::Place;
use crate::observed::Observed;
use crate::plan::Draft;
use crate::probe::{Answer, Argv, Facts, Output, Probe, argv};

/// What sh(1) says of a program that cannot be run, or is not there.
const NO_PROGRAM: [i32; 2] = [126, 127];

const FILES: [&str; 4] = [SCRIPT_PATH, ROUTE_PATH, RULESET_PATH, NETWORKD_PATH];

fn asked(container: &Container, argv: Argv) -> Probe {
    Probe::Run { place: Place::Guest(container.vmid), argv }
}

/// Asks for the ARP settings. Not as files: what is below `/proc/sys/net` belongs to who reads it, and a
/// node that reads it through the container's root sees its own (measured).
pub(super) fn arp_probe(container: &Container) -> Probe {
    let path = |name: &str| format!("/proc/sys/net/ipv4/conf/all/{name}");
    let paths = ARP.iter().map(|(name, _)| path(name));
    asked(container, ["cat".to_owned()].into_iter().chain(paths).collect())
}

pub(super) fn rules_probe(container: &Container) -> Probe {
    asked(container, argv(["ip", "-json", "rule", "show"]))
}

pub(super) fn table_probe(container: &Container) -> Probe {
    asked(container, argv(["ip", "-json", "route", "show", "table", &TABLE.to_string()]))
}

pub(super) fn loaded_probe(container: &Container) -> Probe {
    asked(container, argv(["nft", "list", "table", "inet", RULESET_TABLE]))
}

fn networkd_probe(container: &Container) -> Probe {
    asked(container, argv(["systemctl", "is-active", "systemd-networkd.service"]))
}

pub(super) fn package_probe(container: &Container) -> Probe {
    let show = ["dpkg-query", "--show", "--showformat=${db:Status-Status}", filter::PACKAGE];
    asked(container, argv(show))
}

/// Asks for the way to the outside, by which packages come.
pub(super) fn way_out_probe(container: &Container) -> Probe {
    asked(container, argv(["ip", "-json", "route", "get", "8.8.8.8"]))
}

fn state_probes(container: &Container) -> [Probe; 4] {
    [arp_probe(container), rules_probe(container), table_probe(container), loaded_probe(container)]
}

fn file_probes(container: &Container) -> impl Iterator<Item = Probe> {
    FILES.into_iter().map(|path| Probe::File(at(container, path)))
}

/// Returns what is asked of a container with a public interface.
pub(in super::super) fn probes(container: &Container, facts: &Facts) -> Vec<Probe> {
    let mut probes = file_probes(container).chain(state_probes(container)).collect::<Vec<_>>();
    probes.push(networkd_probe(container));
    if State::of(facts, container).lacks_nft() {
        probes.extend([package_probe(container), way_out_probe(container)]);
    }
    probes
}

/// Returns what is asked of a container whose public interface is not declared any more.
pub(in super::super) fn left_probes(container: &Container) -> Vec<Probe> {
    file_probes(container).chain(state_probes(container)).collect()
}

/// What a running container has in force; nothing of it is known of one that does not run.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) arp: Option<Output>,
    pub(super) rules: Option<Vec<Rule>>,
    pub(super) table: Option<Vec<TableRoute>>,
    pub(super) loaded: Option<Output>,
    /// There is no ip(8), or it cannot tell.
    pub(super) lacks_ip: bool,
}

impl State {
    pub(super) fn of(facts: &Facts, container: &Container) -> Self {
        let ran = |probe: Probe| match facts.answer(&probe) {
            Answer::Ran(output) => Some(output),
            _ => None,
        };
        let said = ran(rules_probe(container));
        let rules = said.as_ref().filter(|output| output.success());
        let rules = rules.and_then(|output| read_rules(&output.stdout).ok());
        let table = ran(table_probe(container));
        let table = table.and_then(|output| read_table(&output.stdout).ok());
        let lacks_ip = said.is_some() && rules.is_none();
        let (arp, loaded) = (ran(arp_probe(container)), ran(loaded_probe(container)));
        Self { arp, rules, table, loaded, lacks_ip }
    }

    pub(super) fn lacks_nft(&self) -> bool {
        self.loaded.as_ref().is_some_and(|output| NO_PROGRAM.contains(&output.exit))
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.loaded.as_ref().is_some_and(Output::success)
    }
}

/// What a container holds, and has in force.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) script: Option<String>,
    pub(super) route: Option<String>,
    pub(super) ruleset: Option<String>,
    pub(super) networkd: Option<String>,
    pub(super) runs_networkd: bool,
    pub(super) state: State,
}

impl Reading {
    /// Reads the answers, or says why nobody can look into the container.
    pub(super) fn of(observed: &Observed<'_>, container: &Container) -> Result<Self, String> {
        let facts = observed.facts;
        let text = |path: &str| match facts.answer(&Probe::File(at(container, path))) {
            Answer::Text(text) => Ok(Some(text)),
            Answer::Unreachable(why) | Answer::Unreadable(why) => Err(why),
            _ => Ok(None),
        };
        let networkd = facts.answer(&networkd_probe(container));
        Ok(Self {
            script: text(SCRIPT_PATH)?,
            route: text(ROUTE_PATH)?,
            ruleset: text(RULESET_PATH)?,
            networkd: text(NETWORKD_PATH)?,
            runs_networkd: matches!(networkd, Answer::Ran(output) if output.success()),
            state: State::of(facts, container),
        })
    }

    /// Returns whether all files are there as they should be.
    pub(super) fn is_complete(
        &self,
        observed: &Observed<'_>,
        container: &Container,
        public: &PublicInterface,
        draft: &Draft,
    ) -> bool {
        self.script.as_deref() == Some(SCRIPT)
            && self.route.as_ref() == Some(&route::table(public).render())
            && self.ruleset.as_ref() == Some(&filter::wanted(observed, container, draft).text)
    }
}
