//! The node's services, as systemctl(1) has them: those that phoenix reloads or restarts.
//!
//! A unit that is there is enabled and runs, unless `live/units/UNIT` says something else, a word a
//! line: `disabled`, and `inactive` or `failed`.

use phoenix_formats::firewall::{FwFile, Level};
use phoenix_planner::probe::Output;

use super::{SimulatedNode, dnsmasq, done, fail};
use crate::node::NodeError;

/// The unit that every node has.
const FIREWALL: &str = "pve-firewall.service";

/// The timer that phoenix makes: it is there when its file is.
const RENEWAL: &str = "phoenix-renew.timer";
const RENEWAL_FILE: &str = "/etc/systemd/system/phoenix-renew.timer";

/// The cluster's rules and options.
const CLUSTER: &str = "/etc/pve/firewall/cluster.fw";

/// What systemctl(1) ends with when there is no such unit, and when it does not run.
const NO_UNIT: i32 = 5;
const UNKNOWN_STATE: i32 = 4;
const INACTIVE: i32 = 3;

/// What systemctl(1) ends with when a unit does not start with the node.
const DISABLED: i32 = 1;

/// Whether a service runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Active,
    Inactive,
    Failed,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Failed => "failed",
        }
    }
}

fn note(unit: &str) -> String {
    format!("/live/units/{unit}")
}

impl SimulatedNode {
    fn has_unit(&self, unit: &str) -> bool {
        unit == RENEWAL && self.files.has(RENEWAL_FILE)
            || unit == FIREWALL
            || unit == dnsmasq::UNIT && self.has_package("dnsmasq")
    }

    fn unit_says(&self, unit: &str, word: &str) -> bool {
        self.state(&note(unit)).is_some_and(|text| text.lines().any(|line| line == word))
    }

    fn unit_state(&self, unit: &str) -> State {
        match () {
            () if self.unit_says(unit, State::Failed.word()) => State::Failed,
            () if self.unit_says(unit, State::Inactive.word()) => State::Inactive,
            () => State::Active,
        }
    }

    /// Notes whether a unit runs; whether it starts with the node stays.
    pub(super) fn note_unit(&self, unit: &str, state: State) -> Result<(), NodeError> {
        let disabled = self.unit_says(unit, "disabled");
        self.put_unit(unit, state, disabled.then_some("disabled"))
    }

    fn put_unit(&self, unit: &str, state: State, start: Option<&str>) -> Result<(), NodeError> {
        let state = Some(state).filter(|state| *state != State::Active).map(State::word);
        let text = start.into_iter().chain(state).map(|word| format!("{word}\n"));
        let text = text.collect::<String>();
        self.put_state(&note(unit), Some(text.as_str()).filter(|text| !text.is_empty()))
    }

    /// Answers `systemctl is-active UNIT` and `systemctl is-enabled UNIT`; `None` for other words.
    pub(super) fn ask_unit(&self, word: &str, unit: &str) -> Option<Output> {
        let known = self.has_unit(unit);
        let answer = |exit, word: &str| Some(Output { exit, ..done(format!("{word}\n")) });
        match word {
            "is-active" if !known => answer(UNKNOWN_STATE, "inactive"),
            "is-active" => match self.unit_state(unit) {
                State::Active => answer(0, State::Active.word()),
                other => answer(INACTIVE, other.word()),
            },
            "is-enabled" if !known => answer(UNKNOWN_STATE, "not-found"),
            "is-enabled" if self.unit_says(unit, "disabled") => answer(DISABLED, "disabled"),
            "is-enabled" => answer(0, "enabled"),
            _ => None,
        }
    }

    /// Answers `pve-firewall status`. A service that runs has read the files by then: it looks at them
    /// every ten seconds, and nothing waits here.
    pub(super) fn firewall_status(&self) -> Output {
        let text = self.text(CLUSTER).unwrap_or_default();
        let enabled = FwFile::parse(Level::Cluster, &text, None);
        let enabled = enabled.option("enable");
        let enabled =
            if enabled.is_some_and(|value| value != "0") { "enabled" } else { "disabled" };
        let runs = if self.unit_state(FIREWALL) == State::Active { "running" } else { "stopped" };
        done(format!("Status: {enabled}/{runs}\n"))
    }

    /// Runs systemctl(1) on a unit; `None` for words that this unit is never called with.
    pub(super) fn change_unit(&self, word: &str, unit: &str) -> Result<Option<Output>, NodeError> {
        if !matches!(unit, FIREWALL | RENEWAL | dnsmasq::UNIT) {
            return Ok(None);
        }
        if !self.has_unit(unit) {
            return Ok(Some(fail(NO_UNIT, format!("{unit}: there is no such unit"))));
        }
        match (word, unit) {
            ("reload", FIREWALL) => Ok(Some(done(""))),
            ("enable" | "restart", RENEWAL) => {
                self.put_unit(unit, State::Active, None)?;
                Ok(Some(done("")))
            }
            ("restart", dnsmasq::UNIT) => self.restart_dnsmasq().map(Some),
            ("enable", dnsmasq::UNIT) => {
                self.put_unit(unit, self.unit_state(unit), None)?;
                Ok(Some(done("")))
            }
            _ => Ok(None),
        }
    }
}
