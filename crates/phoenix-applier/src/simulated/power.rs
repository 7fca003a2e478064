//! Starts and stops containers.

use std::collections::BTreeSet;

use phoenix_formats::Vmid;
use phoenix_formats::id_map::IdKind;
use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::pct;
use phoenix_planner::probe::Output;

use super::live::{Running, note_path};
use super::nets::Nics;
use super::pct_set::with_macs;
use super::{SimulatedNode, done, fail, start};
use crate::node::NodeError;

/// How many starts fail while an old network namespace holds an Ethernet address. On a real node it is held
/// for about two minutes.
const HELD_STARTS: u32 = 2;

/// What `pct` ends with when a task of it fails.
const FAILED: i32 = 255;

/// A command that starts or stops a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Power {
    Start,
    Stop,
    Shutdown,
    Reboot,
}

impl Power {
    pub(super) fn of(word: &str) -> Option<Self> {
        match word {
            "start" => Some(Self::Start),
            "stop" => Some(Self::Stop),
            "shutdown" => Some(Self::Shutdown),
            "reboot" => Some(Self::Reboot),
            _ => None,
        }
    }

    /// Returns the options of the command: those that need no value, and those that need a number.
    fn options(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Start => (&["debug", "skiplock"], &[]),
            Self::Stop => (&["overrule-shutdown", "skiplock"], &[]),
            Self::Shutdown => (&["forcestop"], &["timeout"]),
            Self::Reboot => (&[], &["timeout"]),
        }
    }

    /// Reads the options; returns whether locks count.
    fn read(self, words: &[&str]) -> Result<Locks, String> {
        let (flags, numbers) = self.options();
        let mut locks = Locks::Count;
        let mut rest = words.iter().copied().peekable();
        while let Some(word) = rest.next() {
            let option = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
            let option = option.ok_or_else(|| format!("`{word}` is an argument too many"))?;
            let (name, value) =
                option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
            let name = name.to_ascii_lowercase();
            let mut value = || value.or_else(|| rest.next_if(|next| !next.starts_with('-')));
            if flags.contains(&name.as_str()) {
                let on = boolean(&name, value())?;
                if on && name == "skiplock" {
                    locks = Locks::Ignored;
                }
            } else if numbers.contains(&name.as_str()) {
                let number = value().and_then(|value| value.parse::<u32>().ok());
                number.ok_or_else(|| format!("`--{name}` needs a number"))?;
            } else {
                return Err(format!("there is no option `--{name}`"));
            }
        }
        Ok(locks)
    }
}

fn boolean(name: &str, value: Option<&str>) -> Result<bool, String> {
    match value.map(str::to_ascii_lowercase).as_deref() {
        None | Some("1" | "on" | "yes" | "true") => Ok(true),
        Some("0" | "off" | "no" | "false") => Ok(false),
        Some(_) => Err(format!("`--{name}` is either on or off")),
    }
}

/// Whether a lock in the configuration keeps a command from its work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Locks {
    Count,
    Ignored,
}

impl SimulatedNode {
    pub(super) fn power(
        &mut self,
        power: Power,
        vmid: Vmid,
        words: &[&str],
    ) -> Result<Output, NodeError> {
        let locks = match power.read(words) {
            Ok(locks) => locks,
            Err(why) => return Ok(fail(FAILED, why)),
        };
        let Some(text) = self.conf_text(vmid) else { return Ok(super::pct::no_conf(vmid)) };
        if let (Some(job), Locks::Count) = (LxcConf::parse(&text).lock(), locks) {
            return Ok(fail(FAILED, format!("container {vmid} is locked by `{job}`")));
        }
        if let (Power::Start | Power::Reboot, Err(why)) = (power, self.check_quorum()) {
            return Ok(fail(FAILED, why));
        }
        match (power, self.is_running(vmid)) {
            (Power::Start, true) => {
                Ok(fail(FAILED, format!("container {vmid} is running already")))
            }
            (Power::Start, false) => self.start(vmid),
            (_, false) => Ok(fail(FAILED, format!("container {vmid} is not running"))),
            (Power::Stop | Power::Shutdown, true) => self.stop(vmid).map(|()| done("")),
            (Power::Reboot, true) => {
                self.stop(vmid)?;
                self.start(vmid)
            }
        }
    }

    /// Stops a container; what is pending gets into its configuration then.
    fn stop(&mut self, vmid: Vmid) -> Result<(), NodeError> {
        let held = self.left_behind(vmid);
        self.apply_pending(vmid)?;
        self.note_running(vmid, Running::No)?;
        self.forget_live(vmid)?;
        let public = super::public_interface::NOTES;
        for note in ["default", "down", "listening"].into_iter().chain(public) {
            self.put_state(&note_path(vmid, note), None)?;
        }
        let note = (!held.is_empty()).then(|| Held { starts: HELD_STARTS, macs: held }.written());
        self.put_state(&note_path(vmid, "held"), note.as_deref())
    }

    fn start(&mut self, vmid: Vmid) -> Result<Output, NodeError> {
        self.apply_pending(vmid)?;
        let text = self.conf_text(vmid).unwrap_or_default();
        let conf = LxcConf::parse(&text);
        let not = |why: &str| Ok(fail(FAILED, format!("container {vmid} does not start: {why}")));
        let nics = Nics::of(&conf, &self.settings.net_types);
        let links = self.host_routing().links;
        let granted = |path| self.text(path).unwrap_or_default();
        let fits = start::check_settings(&conf)
            .and_then(|()| start::check_ids(&conf, IdKind::User, &granted("/etc/subuid")))
            .and_then(|()| start::check_ids(&conf, IdKind::Group, &granted("/etc/subgid")))
            .and_then(|()| start::check(&nics, &links, &self.macvlans()))
            .and_then(|()| self.check_hook(vmid, &conf));
        if let Err(why) = fits {
            return not(&why);
        }
        if let Some(mac) = self.still_held(vmid, &nics)? {
            return not(&format!("`{mac}`: Address already in use"));
        }
        self.note_running(vmid, Running::Yes)?;
        self.run_hook(vmid, &conf)?;
        self.boot_nginx(vmid)?;
        Ok(done(""))
    }

    fn apply_pending(&self, vmid: Vmid) -> Result<(), NodeError> {
        let text = self.conf_text(vmid).unwrap_or_default();
        if LxcConf::parse(&text).pending().is_empty() || self.check_quorum().is_err() {
            return Ok(());
        }
        self.put_conf(vmid, &with_macs(vmid, &pct::apply_pending(&text, &self.node_view())))
    }

    /// Returns the links and Ethernet addresses of the macvlans that running guests have.
    fn macvlans(&self) -> BTreeSet<(String, String)> {
        let guests = self.guests().into_iter().filter(|&vmid| self.is_running(vmid));
        let nics = guests.flat_map(|vmid| self.live_nics(vmid).by_number.into_values());
        let fixed = nics.filter(|nic| nic.has_fixed_macvlan());
        fixed.filter_map(|nic| Some((nic.parent?, nic.mac?.to_ascii_uppercase()))).collect()
    }

    /// Returns the Ethernet addresses that a busy guest leaves held when it stops: those of its macvlans that
    /// are up.
    fn left_behind(&self, vmid: Vmid) -> BTreeSet<String> {
        if !self.settings.busy.contains(&vmid) {
            return BTreeSet::new();
        }
        let down = self.set_down(vmid);
        let nics = self.live_nics(vmid);
        let up =
            nics.named().filter(|(_, name, nic)| nic.has_fixed_macvlan() && !down.contains(name));
        up.filter_map(|(_, _, nic)| nic.mac.as_ref().map(|mac| mac.to_ascii_uppercase())).collect()
    }

    /// Returns an address that a start wants and that is held, and counts the try.
    fn still_held(&self, vmid: Vmid, nics: &Nics) -> Result<Option<String>, NodeError> {
        let path = note_path(vmid, "held");
        let Some(held) = self.state(&path).and_then(|note| Held::parse(&note)) else {
            return Ok(None);
        };
        let wanted = nics.by_number.values().filter(|nic| nic.has_fixed_macvlan());
        let mut wanted = wanted.filter_map(|nic| nic.mac.clone());
        let clash = wanted.find(|mac| held.macs.contains(&mac.to_ascii_uppercase()));
        let left = held.starts.saturating_sub(1);
        let rest = (clash.is_some() && left > 0).then(|| Held { starts: left, ..held }.written());
        self.put_state(&path, rest.as_deref())?;
        Ok(clash)
    }
}

/// The Ethernet addresses that a stopped guest left behind.
struct Held {
    /// How many starts they make fail.
    starts: u32,
    macs: BTreeSet<String>,
}

impl Held {
    fn parse(note: &str) -> Option<Self> {
        let mut lines = note.lines();
        let starts = lines.next()?.parse().ok().filter(|&starts| starts > 0)?;
        Some(Self { starts, macs: lines.map(str::to_owned).collect() })
    }

    fn written(&self) -> String {
        let macs = self.macs.iter().map(|mac| format!("{mac}\n"));
        std::iter::once(format!("{}\n", self.starts)).chain(macs).collect()
    }
}
