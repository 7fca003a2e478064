//! What phoenix's program for the public interface does in a guest, and the programs that it runs: rules
//! and routes of ip(8), the ruleset of nft(8), the ARP settings.
//!
//! Notes in `live/guests/101/`: `arp` the two settings, `rules` and `routes` a line each, `nft` the
//! ruleset that is loaded. All of them go when the guest stops. A ruleset is not judged beyond its
//! frame.

use phoenix_formats::Vmid;
use phoenix_formats::iproute::{Rule, TableRoute, rules_json, table_json};
use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::public_interface::{
    ARP, HOOK, NETWORKD_PATH, ROUTE_PATH, RULESET_PATH, RULESET_TABLE, SCRIPT, SCRIPT_PATH,
};
use phoenix_planner::location::{Location, Place};
use phoenix_planner::probe::{Answer, Output};

use super::live::note_path;
use super::public_routes::parse_route;
use super::{NOT_FOUND, SimulatedNode, done, fail};
use crate::node::NodeError;

/// The notes that go with a stop.
pub(super) const NOTES: [&str; 4] = ["arp", "rules", "routes", "nft"];

/// Those bits of a mode that let somebody run a file.
const EXECUTABLE: u32 = 0o111;

/// What sh(1) ends with when a program cannot be run.
const NOT_EXECUTABLE: i32 = 126;

/// What ip(8) ends with when the kernel refuses.
const REFUSED: i32 = 2;

/// What systemctl(1) ends with when a unit is not active.
const INACTIVE: i32 = 3;

const NETWORKD: &str = "systemd-networkd.service";

/// The rules of ip(8) that every network has, by priority.
const GIVEN: [(u32, &str); 3] = [(0, "local"), (32766, "main"), (32767, "default")];

impl SimulatedNode {
    /// Runs a program in a running guest that only answers.
    pub(super) fn public_question(&self, vmid: Vmid, words: &[&str]) -> Option<Output> {
        Some(match words {
            ["cat", paths @ ..] if !paths.is_empty() => return self.cat_arp(vmid, paths),
            ["ip", "-json", "rule", "show"] => {
                let mut rules = self.own_rules(vmid);
                rules.extend(GIVEN.map(|(priority, table)| Rule {
                    priority,
                    source: None,
                    table: table.to_owned(),
                }));
                rules.sort();
                done(rules_json(&rules) + "\n")
            }
            ["ip", "-json", "route", "show", "table", number] => {
                done(table_json(&self.own_routes(vmid, number)) + "\n")
            }
            ["nft", ..] if !self.has_nft(vmid) => {
                fail(NOT_FOUND, "there is no program `nft` in the guest")
            }
            ["nft", "list", "table", "inet", RULESET_TABLE] => match self.loaded_table(vmid) {
                Some(text) => done(text),
                None => fail(1, "Error: No such file or directory"),
            },
            ["nft", "-c", "-f", path] => match self.ruleset(vmid, path) {
                Ok(_) => done(""),
                Err(why) => fail(1, why),
            },
            ["systemctl", "is-active", NETWORKD] => {
                Output { exit: INACTIVE, stdout: "inactive\n".to_owned(), stderr: String::new() }
            }
            ["dpkg-query", "--show", "--showformat=${db:Status-Status}", "nftables"] => {
                if self.has_nft(vmid) {
                    done("installed")
                } else {
                    fail(1, "dpkg-query: there is no package `nftables`")
                }
            }
            _ => return None,
        })
    }

    /// Runs a program in a running guest that changes something.
    pub(super) fn public_change(
        &self,
        vmid: Vmid,
        words: &[&str],
    ) -> Result<Option<Output>, NodeError> {
        Ok(Some(match words {
            [SCRIPT_PATH] => match self.script(vmid) {
                Ok(()) => self.run_script(vmid)?,
                Err(output) => output,
            },
            ["ip", words @ ..]
                if matches!(words, ["rule", "add" | "del", ..] | ["route", "flush", ..]) =>
            {
                self.run_ip(vmid, words)?
            }
            ["nft", "-f", path] => match self.ruleset(vmid, path) {
                Ok(text) => self.note(vmid, "nft", Some(&text))?,
                Err(why) => fail(1, why),
            },
            ["nft", "delete", "table", "inet", RULESET_TABLE] => match self.loaded_table(vmid) {
                Some(_) => self.note(vmid, "nft", None)?,
                None => fail(1, "Error: No such file or directory"),
            },
            ["sysctl", "--quiet", "--write", settings @ ..] => self.set_arp(vmid, settings)?,
            ["systemctl", "restart", NETWORKD] => return self.restart_networkd(vmid),
            ["apt-get", "--quiet", "update"] => done(""),
            ["env", ..] if super::package::installed_by(words) == Some("nftables") => {
                self.note(vmid, "packages", Some("nftables\n"))?
            }
            _ => return Ok(None),
        }))
    }

    fn note(&self, vmid: Vmid, name: &str, text: Option<&str>) -> Result<Output, NodeError> {
        self.put_state(&note_path(vmid, name), text)?;
        Ok(done(""))
    }

    pub(super) fn noted(&self, vmid: Vmid, name: &str) -> String {
        self.state(&note_path(vmid, name)).unwrap_or_default()
    }

    fn has_nft(&self, vmid: Vmid) -> bool {
        !self.settings.without_nftables.contains(&vmid)
            || self.noted(vmid, "packages").lines().any(|line| line == "nftables")
    }

    /// Says why the program could not be run.
    fn script(&self, vmid: Vmid) -> Result<(), Output> {
        let missing = || fail(NOT_FOUND, format!("`{SCRIPT_PATH}`: there is no such file"));
        let files = self.guest_files(vmid).ok_or_else(missing)?;
        match files.file(&inside(vmid, SCRIPT_PATH)) {
            Answer::Text(text) if text == SCRIPT => {}
            Answer::Absent => return Err(missing()),
            _ => return Err(fail(NOT_FOUND, "it is not the program of this version of phoenix")),
        }
        if files.mode(SCRIPT_PATH).is_none_or(|mode| mode & EXECUTABLE == 0) {
            return Err(fail(NOT_EXECUTABLE, format!("`{SCRIPT_PATH}` is not executable")));
        }
        Ok(())
    }

    /// Says why LXC would not start a guest with this configuration: it looks for the hook first.
    pub(super) fn check_hook(&self, vmid: Vmid, conf: &LxcConf) -> Result<(), String> {
        if !has_hook(conf) {
            return Ok(());
        }
        let mode = self.guest_files(vmid).and_then(|files| files.mode(SCRIPT_PATH));
        match mode {
            Some(mode) if mode & EXECUTABLE != 0 => Ok(()),
            _ => Err(format!("start hook `{SCRIPT_PATH}` is not in the container")),
        }
    }

    /// Runs the hook of a guest that starts.
    pub(super) fn run_hook(&self, vmid: Vmid, conf: &LxcConf) -> Result<(), NodeError> {
        if has_hook(conf) && self.script(vmid).is_ok() {
            self.run_script(vmid)?;
        }
        Ok(())
    }

    fn run_script(&self, vmid: Vmid) -> Result<Output, NodeError> {
        if let (true, Ok(text)) = (self.has_nft(vmid), self.ruleset(vmid, RULESET_PATH)) {
            self.note(vmid, "nft", Some(&text))?;
        }
        self.note(vmid, "arp", Some(&ARP.map(|(_, value)| format!("{value}\n")).concat()))?;
        let file = self.guest_files(vmid).map(|files| files.file(&inside(vmid, ROUTE_PATH)));
        if let Some(Answer::Text(text)) = file {
            let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
            for line in lines {
                // What fails is told to the guest's log, and the next line is tried.
                self.run_ip(vmid, &line.split_whitespace().collect::<Vec<_>>())?;
            }
        }
        Ok(done(""))
    }

    fn cat_arp(&self, vmid: Vmid, paths: &[&str]) -> Option<Output> {
        let note = self.noted(vmid, "arp");
        let mut values = note.lines();
        let mut said = String::new();
        for (path, (name, _)) in paths.iter().zip(ARP) {
            if path.strip_prefix("/proc/sys/net/ipv4/conf/all/") != Some(name) {
                return None;
            }
            said.extend([values.next().unwrap_or("0"), "\n"]);
        }
        (paths.len() <= ARP.len()).then(|| done(said))
    }

    fn set_arp(&self, vmid: Vmid, settings: &[&str]) -> Result<Output, NodeError> {
        let note = self.noted(vmid, "arp");
        let mut values = ARP.map(|_| "0".to_owned());
        values.iter_mut().zip(note.lines()).for_each(|(value, line)| line.clone_into(value));
        for setting in settings {
            let word = setting.strip_prefix("net.ipv4.conf.all.").and_then(|s| s.split_once('='));
            let place = word.and_then(|(name, value)| {
                Some((ARP.iter().position(|(known, _)| *known == name)?, value))
            });
            let Some((at, value)) = place else {
                return Ok(fail(1, format!("sysctl: cannot set `{setting}`")));
            };
            value.clone_into(&mut values[at]);
        }
        let is_default = values.iter().all(|value| value == "0");
        let text = values.map(|value| value + "\n").concat();
        self.note(vmid, "arp", (!is_default).then_some(text.as_str()))
    }

    pub(super) fn own_rules(&self, vmid: Vmid) -> Vec<Rule> {
        let rule = |line: &str| {
            let [priority, source, table] = line.split(' ').collect::<Vec<_>>()[..] else {
                return None;
            };
            let source = Some(source.parse().ok()?);
            Some(Rule { priority: priority.parse().ok()?, source, table: table.to_owned() })
        };
        self.noted(vmid, "rules").lines().filter_map(rule).collect()
    }

    /// Runs ip(8) in one of the forms that phoenix uses.
    fn run_ip(&self, vmid: Vmid, words: &[&str]) -> Result<Output, NodeError> {
        let has = |device: &str| self.own_link(vmid, device);
        match words {
            ["link", "set", "dev", device, "up"] if has(device).is_some() => Ok(done("")),
            ["rule", verb @ ("add" | "del"), "from", source, "lookup", table, rest @ ..] => {
                self.change_rule(vmid, verb, source, table, rest)
            }
            ["route", "replace", route @ .., "table", table] => {
                let Some(route) = parse_route(route).filter(|r| has(&r.device) == Some(true))
                else {
                    return Ok(fail(1, "Cannot find device, or it is down"));
                };
                let mut routes = self.noted_routes(vmid);
                let other = |(t, r): &(String, TableRoute)| {
                    t != table || r.destination != route.destination
                };
                routes.retain(other);
                routes.push(((*table).to_owned(), route));
                self.note_routes(vmid, &routes).map(|()| done(""))
            }
            ["route", "flush", "table", table] => {
                let mut routes = self.noted_routes(vmid);
                routes.retain(|(other, _)| other != table);
                self.note_routes(vmid, &routes).map(|()| done(""))
            }
            _ => Ok(fail(1, format!("`ip {}` is not known", words.join(" ")))),
        }
    }

    /// Returns whether a link of a guest is up; `None` when there is none.
    fn own_link(&self, vmid: Vmid, device: &str) -> Option<bool> {
        let links = self.guest_routing(vmid).links;
        links.iter().find(|link| link.name == device).map(|link| link.is_up())
    }

    fn change_rule(
        &self,
        vmid: Vmid,
        verb: &str,
        source: &str,
        table: &str,
        rest: &[&str],
    ) -> Result<Output, NodeError> {
        let host = || source.parse::<std::net::Ipv4Addr>().ok().map(Into::into);
        let Some(net) = source.parse().ok().or_else(host) else {
            return Ok(super::host::not_an_address(source));
        };
        let priority = match rest {
            ["priority", number] => number.parse().unwrap_or(0),
            _ => 0,
        };
        let rule = Rule { priority, source: Some(net), table: table.to_owned() };
        let mut rules = self.own_rules(vmid);
        let same = |other: &Rule| other.source == rule.source && other.table == rule.table;
        match (verb, rules.iter().position(same)) {
            ("add", Some(_)) => return Ok(fail(REFUSED, "RTNETLINK answers: File exists")),
            ("add", None) => rules.push(rule),
            (_, Some(at)) => drop(rules.remove(at)),
            (_, None) => {
                return Ok(fail(REFUSED, "RTNETLINK answers: No such file or directory"));
            }
        }
        let line = |rule: &Rule| {
            let source = rule.source.map(|net| net.to_string()).unwrap_or_default();
            format!("{} {source} {}\n", rule.priority, rule.table)
        };
        let text = rules.iter().map(line).collect::<String>();
        self.note(vmid, "rules", (!text.is_empty()).then_some(text.as_str()))
    }

    fn loaded_table(&self, vmid: Vmid) -> Option<String> {
        self.state(&note_path(vmid, "nft"))
    }

    /// Returns the table of a ruleset's file, or why nft(8) would not take it.
    fn ruleset(&self, vmid: Vmid, path: &str) -> Result<String, String> {
        let missing =
            || format!("Error: Could not open file \"{path}\": No such file or directory");
        let at = path.parse().map(|path| Location::guest(vmid, path)).map_err(|_| missing())?;
        let file = self.guest_files(vmid).map(|files| files.file(&at));
        let Some(Answer::Text(text)) = file else { return Err(missing()) };
        let head = format!("table inet {RULESET_TABLE} {{");
        let start = text.lines().position(|line| line == head);
        let opened = text.matches('{').count() == text.matches('}').count();
        match start {
            Some(start) if opened && text.ends_with("}\n") => {
                let lines = text.lines().skip(start).filter(|line| !line.trim().starts_with('#'));
                Ok(lines.map(|line| format!("{line}\n")).collect())
            }
            _ => Err(format!("{path}: Error: syntax error")),
        }
    }

    /// Restarts systemd-networkd where it runs: it takes away rules and routes that it has not made, unless it is
    /// told not to.
    fn restart_networkd(&self, vmid: Vmid) -> Result<Option<Output>, NodeError> {
        let argv = ["systemctl", "is-active", NETWORKD].map(str::to_owned);
        let runs = self.answers.find(Place::Guest(vmid), &argv);
        if !runs.is_some_and(|output| output.success()) {
            return Ok(Some(fail(5, format!("Unit {NETWORKD} not found."))));
        }
        let file = self.guest_files(vmid).map(|files| files.file(&inside(vmid, NETWORKD_PATH)));
        let keeps = matches!(file, Some(Answer::Text(text))
            if text.contains("ManageForeignRoutes=no") && text.contains("ManageForeignRoutingPolicyRules=no"));
        if !keeps {
            self.note(vmid, "rules", None)?;
            self.note(vmid, "routes", None)?;
        }
        Ok(Some(done("")))
    }
}

fn has_hook(conf: &LxcConf) -> bool {
    conf.raw().iter().any(|(key, value)| (key.as_str(), value.as_str()) == HOOK)
}

fn inside(vmid: Vmid, path: &str) -> Location {
    Location::guest(vmid, path.parse().expect("the paths of phoenix's files are absolute"))
}
