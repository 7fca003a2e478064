//! Services in guests: those that phoenix starts there.
//!
//! A unit is there when its file is. `live/guests/101/units` has a line for each that is not as new units are:
//! `UNIT enabled`, `UNIT active`.

use phoenix_formats::Vmid;
use phoenix_formats::yaml::Yaml;
use phoenix_planner::location::Place;
use phoenix_planner::probe::Output;

use super::live::note_path;
use super::{SimulatedNode, authority, done, fail};
use crate::node::NodeError;

/// The unit of the proxy.
const TRAEFIK: &str = "traefik.service";

/// Where units are.
const FOLDERS: [&str; 3] =
    ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"];

/// What systemctl(1) ends with.
const INACTIVE: i32 = 3;
const UNKNOWN: i32 = 4;
const NO_UNIT: i32 = 5;
const DISABLED: i32 = 1;

impl SimulatedNode {
    fn guest_has_unit(&self, vmid: Vmid, unit: &str) -> bool {
        let at = |folder: &&str| self.read(Place::Guest(vmid), &format!("{folder}/{unit}"));
        FOLDERS.iter().any(|folder| at(folder).is_some())
    }

    fn unit_is(&self, vmid: Vmid, unit: &str, word: &str) -> bool {
        self.noted(vmid, "units").lines().any(|line| line == format!("{unit} {word}"))
    }

    /// Returns whether a unit of a guest runs.
    pub(super) fn guest_unit_runs(&self, vmid: Vmid, unit: &str) -> bool {
        self.guest_has_unit(vmid, unit) && self.unit_is(vmid, unit, "active")
    }

    /// Answers `systemctl is-active UNIT` and `systemctl is-enabled UNIT`; `None` for other units.
    pub(super) fn ask_guest_unit(&self, vmid: Vmid, word: &str, unit: &str) -> Option<Output> {
        if !matches!(unit, authority::UNIT | TRAEFIK) {
            return None;
        }
        let there = self.guest_has_unit(vmid, unit);
        let answer = |exit, word: &str| Some(Output { exit, ..done(format!("{word}\n")) });
        match word {
            "is-active" if !there => answer(UNKNOWN, "inactive"),
            "is-active" if self.guest_unit_runs(vmid, unit) => answer(0, "active"),
            "is-active" => answer(INACTIVE, "inactive"),
            "is-enabled" if !there => answer(UNKNOWN, "not-found"),
            "is-enabled" if self.unit_is(vmid, unit, "enabled") => answer(0, "enabled"),
            "is-enabled" => answer(DISABLED, "disabled"),
            _ => None,
        }
    }

    /// Runs systemctl(1) in a guest; `None` for units and words that it is never called with.
    pub(super) fn change_guest_unit(
        &self,
        vmid: Vmid,
        word: &str,
        unit: &str,
    ) -> Result<Option<Output>, NodeError> {
        if !matches!(unit, authority::UNIT | TRAEFIK) {
            return Ok(None);
        }
        if !self.guest_has_unit(vmid, unit) {
            return Ok(Some(fail(NO_UNIT, format!("{unit}: there is no such unit"))));
        }
        match word {
            "enable" => self.note_guest_unit(vmid, unit, "enabled").map(Some),
            "restart" => match self.guest_unit_fault(vmid, unit) {
                Some(why) => Ok(Some(fail(1, format!("{unit} does not start: {why}")))),
                None => self.note_guest_unit(vmid, unit, "active").map(Some),
            },
            _ => Ok(None),
        }
    }

    fn note_guest_unit(&self, vmid: Vmid, unit: &str, word: &str) -> Result<Output, NodeError> {
        if !self.unit_is(vmid, unit, word) {
            let text = self.noted(vmid, "units") + &format!("{unit} {word}\n");
            self.put_state(&note_path(vmid, "units"), Some(&text))?;
        }
        Ok(done(""))
    }

    /// Returns the program that phoenix's own unit of the proxy names, if it is not there.
    fn missing_program(&self, vmid: Vmid) -> Option<String> {
        let unit = self.read(Place::Guest(vmid), &format!("{}/{TRAEFIK}", FOLDERS[0]))?;
        let own = unit.starts_with("# Written by phoenix").then_some(unit)?;
        let command = own.lines().find_map(|line| line.strip_prefix("ExecStart="))?;
        let program = command.split(' ').next().unwrap_or_default();
        let there = self.look_with(Place::Guest(vmid), &["sha256sum", "--", program]);
        (!there.is_some_and(|output| output.success())).then(|| program.to_owned())
    }

    fn guest_unit_fault(&self, vmid: Vmid, unit: &str) -> Option<String> {
        if unit == authority::UNIT {
            return self.authority_fault(vmid).map(str::to_owned);
        }
        if let Some(program) = self.missing_program(vmid) {
            return Some(format!("there is no {program}"));
        }
        let text = self.read(Place::Guest(vmid), "/etc/traefik/traefik.yml")?;
        let settings = match Yaml::parse(&text) {
            Ok(settings) => settings,
            Err(error) => return Some(error.to_string()),
        };
        let Some(Yaml::Map(resolvers)) = settings.get("certificatesResolvers") else { return None };
        let storages = resolvers.values().filter_map(|one| one.get("acme")?.get("storage"));
        let mut paths = storages.filter_map(|storage| match storage {
            Yaml::Text(path) => Some(path.clone()),
            _ => None,
        });
        let open = paths.find(|path| {
            let stat = self.look_with(Place::Guest(vmid), &["stat", "--format=%a", path]);
            stat.is_some_and(|output| output.success() && output.stdout.trim() != "600")
        });
        open.map(|path| format!("others can read {path}"))
    }
}
