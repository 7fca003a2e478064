//! The programs of the node.

use phoenix_formats::Vmid;
use phoenix_formats::iproute::links_json;
use phoenix_formats::iptables::apply_delete;
use phoenix_planner::location::Place;
use phoenix_planner::probe::Output;

use super::package::installed_by;
use super::power::Power;
use super::{SimulatedNode, done, fail};
use crate::node::NodeError;

/// The live rules.
const RULES: &str = "/live/iptables.save";

/// What asks whether the cluster has a quorum.
const QUORUM: [&str; 3] = ["stat", "--format=%a", "/etc/pve/local"];

/// The bit of a mode by which a file's owner may write it.
const OWNER_WRITES: u32 = 0o200;

/// What the cluster file system gives its links: with a quorum everyone may do all, through the folders' own modes.
const LINK_MODE: &str = "777\n";

/// What `pct` ends with when its arguments are wrong.
const USAGE: i32 = 255;

impl SimulatedNode {
    /// Runs a program of the node that only answers.
    pub(super) fn host_question(&self, words: &[&str]) -> Option<Output> {
        Some(match words {
            ["pct", "list"] => self.pct_list(),
            ["pct", "status", vmid] => with_vmid(vmid, |vmid| self.pct_status(vmid)),
            ["pct", "config", vmid] => with_vmid(vmid, |vmid| self.pct_config(vmid)),
            ["pct", "help", "set", "--verbose"] => self.pct_help(),
            ["qm", words @ ..] => return self.ask_qm(words),
            _ if words == QUORUM => done(LINK_MODE),
            ["ip", "-json", "-details", "address", "show"] => {
                done(links_json(&self.host_routing().links) + "\n")
            }
            ["ip", "-json", "route", "get", to] => match to.parse() {
                Ok(to) => self.route_by_shim(to).unwrap_or_else(|| self.host_routing().route(to)),
                Err(_) => not_an_address(to),
            },
            ["iptables-save"] => done(self.state(RULES).unwrap_or_default()),
            ["ifreload", "--version"] => self.ifreload_version(),
            ["ifreload", "-a", "-s"] => self.ifreload_check(),
            ["readlink", "--", path] => self.readlink(path),
            ["readlink", "--canonicalize-existing", "--", path] => self.real_path(path),
            ["systemctl", word, unit] => return self.ask_unit(word, unit),
            ["dpkg-query", "--show", "--showformat=${db:Status-Status}", name] => {
                self.package_state(name)
            }
            ["dnsmasq", "--test", options @ ..] => return self.test_dnsmasq(options),
            ["getent", "ahostsv4", name] => self.host_address(name),
            ["pve-firewall", "status"] => self.firewall_status(),
            ["hostname"] => done(format!("{}\n", self.settings.name)),
            ["printenv", "SSH_CONNECTION"] => {
                Output { exit: 1, stdout: String::new(), stderr: String::new() }
            }
            ["date", "+%s"] => done(format!("{}\n", self.now())),
            _ => {
                let own = self.shim_question(words).or_else(|| self.storage_question(words));
                return own.or_else(|| self.look_with(Place::Node, words));
            }
        })
    }

    /// Returns the time in seconds since 1970.
    pub(super) fn now(&self) -> u64 {
        self.settings.now
    }

    /// Runs a program of the node that changes something; `None` when there is none that is called like this.
    pub(super) fn host_change(&mut self, words: &[&str]) -> Result<Option<Output>, NodeError> {
        match words {
            ["pct", word, vmid, rest @ ..] => self.pct_change(word, vmid, rest),
            ["qm", words @ ..] => self.change_qm(words),
            ["ifreload", "-a"] => self.ifreload(),
            ["timedatectl", "set-timezone", zone] => self.set_timezone(zone).map(Some),
            ["iptables", "-t", "nat", "-A", rule @ ..]
                if matches!(rule, ["POSTROUTING", "-o", _, "-j", "MASQUERADE"]) =>
            {
                self.append_rule(rule).map(Some)
            }
            ["iptables", "-t", _, "-D", ..] => self.delete_rule(words).map(Some),
            ["systemctl", word, unit] => self.change_unit(word, unit),
            ["apt-get", "--quiet", "update"] | ["systemctl", "daemon-reload"] => Ok(Some(done(""))),
            // The operator's own line does something elsewhere, or nothing.
            ["/bin/sh", "-c", _] => Ok(Some(done(""))),
            ["env", ..] => match installed_by(words) {
                Some(name) => self.install(name).map(Some),
                None => Ok(None),
            },
            [script, vmid] if script.starts_with('/') && vmid.parse::<Vmid>().is_ok() => {
                Ok(self.own_script(script))
            }
            _ => {
                if let Some(output) = self.shim_change(words)? {
                    return Ok(Some(output));
                }
                match self.storage_change(words)? {
                    Some(output) => Ok(Some(output)),
                    None => self.change_with(Place::Node, words),
                }
            }
        }
    }

    fn pct_change(
        &mut self,
        word: &str,
        vmid: &str,
        rest: &[&str],
    ) -> Result<Option<Output>, NodeError> {
        let number = vmid.parse();
        match (word, number) {
            ("set", Ok(number)) => self.pct_set(number, &[&[vmid], rest].concat()).map(Some),
            ("push" | "pull", Ok(number)) => self.pct_copy(word, number, rest),
            ("set" | "push" | "pull", Err(_)) => Ok(Some(not_a_guest(vmid))),
            (_, number) => match (Power::of(word), number) {
                (Some(power), Ok(number)) => self.power(power, number, rest).map(Some),
                (Some(_), Err(_)) => Ok(Some(not_a_guest(vmid))),
                (None, Ok(number)) => self.pct_making(word, number, rest).transpose(),
                (None, Err(_)) => Ok(None),
            },
        }
    }

    /// Refuses changes below `/etc/pve` on a node that was captured without a quorum: its link there cannot be
    /// written by its owner.
    pub(super) fn check_quorum(&self) -> Result<(), String> {
        let canned = self.answers.find(Place::Node, &QUORUM.map(str::to_owned));
        let mode = canned.and_then(|output| u32::from_str_radix(output.stdout.trim(), 8).ok());
        match mode {
            Some(mode) if mode & OWNER_WRITES == 0 => {
                Err("the cluster has no quorum, so `/etc/pve` is read-only".to_owned())
            }
            _ => Ok(()),
        }
    }

    /// Appends a rule to a chain that is there, as iptables-save(8) would show it.
    fn append_rule(&self, rule: &[&str]) -> Result<Output, NodeError> {
        let text = self.state(RULES).unwrap_or_default();
        let head = "*nat".to_owned();
        let mut lines = text.lines().map(str::to_owned).collect::<Vec<_>>();
        let start = lines.iter().position(|line| *line == head);
        let start = start.unwrap_or_else(|| {
            lines.extend([head, ":POSTROUTING ACCEPT [0:0]".to_owned(), "COMMIT".to_owned()]);
            lines.len() - 3
        });
        let chain = format!(":{} ", rule.first().unwrap_or(&""));
        let end = lines[start..].iter().position(|line| line == "COMMIT");
        let end = start + end.unwrap_or(lines.len() - start);
        if !lines[start..end].iter().any(|line| line.starts_with(&chain)) {
            return Ok(fail(1, "iptables: No chain/target/match by that name."));
        }
        lines.insert(end, format!("-A {}", rule.join(" ")));
        let text = lines.into_iter().map(|line| line + "\n").collect::<String>();
        self.put_state(RULES, Some(&text))?;
        Ok(done(""))
    }

    fn delete_rule(&self, words: &[&str]) -> Result<Output, NodeError> {
        let argv: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        match apply_delete(&self.state(RULES).unwrap_or_default(), &argv) {
            Ok(rules) => {
                self.put_state(RULES, Some(&rules))?;
                Ok(done(""))
            }
            Err(error) => Ok(fail(error.exit_code(), format!("iptables: {error}"))),
        }
    }
}

fn with_vmid(word: &str, run: impl FnOnce(Vmid) -> Output) -> Output {
    word.parse().map_or_else(|_| not_a_guest(word), run)
}

fn not_a_guest(word: &str) -> Output {
    fail(USAGE, format!("`{word}` is not the number of a guest"))
}

/// Returns what ip(8) says to a word that is no address.
pub(super) fn not_an_address(word: &str) -> Output {
    fail(1, format!("`{word}` is not an address"))
}
