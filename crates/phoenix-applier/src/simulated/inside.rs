//! The programs inside a guest.

use std::fmt::Write as _;

use phoenix_formats::Vmid;
use phoenix_formats::iproute::links_json;
use phoenix_formats::nginx::{
    ListenProblemReason, Rewrite, SET_LISTEN_HELPER, SET_LISTEN_HELPER_NAME,
    listen_on_all_interfaces,
};
use phoenix_planner::location::{AbsolutePath, Location, Place};
use phoenix_planner::probe::{Answer, Output};

use super::host::not_an_address;
use super::live::note_path;
use super::{NOT_FOUND, SimulatedNode, done, fail};
use crate::node::{Expect, NodeError};

/// Where helpers of phoenix stand in a guest.
const HELPERS: &str = "/usr/local/sbin";

/// What sh(1) ends with when a program cannot be run.
const NOT_EXECUTABLE: i32 = 126;

/// Those bits of a mode that let somebody run a file.
const EXECUTABLE: u32 = 0o111;

/// What the helper ends with when a `listen` is in the way.
const COLLISION: i32 = 2;

impl SimulatedNode {
    /// Runs a program in a running guest that only answers.
    pub(super) fn inside_question(&self, vmid: Vmid, words: &[&str]) -> Option<Output> {
        Some(match words {
            ["ip", "-json", "-details", "address", "show"] => {
                done(links_json(&self.guest_routing(vmid).links) + "\n")
            }
            ["ip", "-json", "route", "get", to] => match to.parse() {
                Ok(to) => self.guest_routing(vmid).route(to),
                Err(_) => not_an_address(to),
            },
            ["ip", "-json", "route", "get", to, "from", from] => match (to.parse(), from.parse()) {
                (Ok(to), Ok(from)) => self
                    .route_by_rule(vmid, to, from)
                    .unwrap_or_else(|| self.guest_routing(vmid).route_from(to, from)),
                _ => not_an_address(to),
            },
            ["ss", "-Hltn"] => self.ss(vmid),
            ["nginx", "-t"] => self.test_nginx(vmid),
            ["systemctl", "is-active", "nginx.service"] => self.nginx_is_active(vmid),
            ["systemctl", "is-enabled", "nginx.service"] => self.nginx_is_enabled(vmid),
            ["readlink", "-f", "--", paths @ ..] if !paths.is_empty() => {
                self.real_paths(vmid, paths)
            }
            _ => return self.feature_question(vmid, words),
        })
    }

    /// Runs a program in a running guest that changes something.
    pub(super) fn inside_change(
        &mut self,
        vmid: Vmid,
        words: &[&str],
    ) -> Result<Option<Output>, NodeError> {
        let helper = |program: &str| {
            program.strip_prefix(HELPERS).and_then(|rest| rest.strip_prefix('/'))
                == Some(SET_LISTEN_HELPER_NAME)
        };
        match words {
            ["ip", "link", "set", name, "down"] => self.set_link_down(vmid, name).map(Some),
            ["rmdir", "--ignore-fail-on-non-empty", path] => {
                Ok(Some(self.remove_folder(vmid, path)))
            }
            ["systemctl", .., "nginx.service"] => self.change_nginx(vmid, &words[1..]),
            [program, path] if helper(program) => self.set_listen(vmid, program, path).map(Some),
            _ => self.feature_change(vmid, words),
        }
    }

    /// Answers what features of a guest ask for.
    pub(super) fn feature_question(&self, vmid: Vmid, words: &[&str]) -> Option<Output> {
        let own = match words {
            ["systemctl", word, unit] => self.ask_guest_unit(vmid, word, unit),
            ["dpkg-query", "--show", "--showformat=${db:Status-Status}", name] => {
                self.guest_package(vmid, name)
            }
            _ => self.authority_question(vmid, words),
        };
        let own = own.or_else(|| self.look_with(Place::Guest(vmid), words));
        own.or_else(|| self.public_question(vmid, words))
    }

    /// Runs what features of a guest run.
    pub(super) fn feature_change(
        &self,
        vmid: Vmid,
        words: &[&str],
    ) -> Result<Option<Output>, NodeError> {
        let own = match words {
            ["systemctl", "daemon-reload"] => Some(done("")),
            ["update-ca-certificates"] => Some(self.update_certificates(vmid)?),
            ["systemctl", word, unit] => self.change_guest_unit(vmid, word, unit)?,
            ["env", "DEBIAN_FRONTEND=noninteractive", ..] => self.guest_install(vmid, words)?,
            _ => self.authority_change(vmid, words)?,
        };
        if own.is_some() {
            return Ok(own);
        }
        match self.change_with(Place::Guest(vmid), words)? {
            Some(output) => Ok(Some(output)),
            None => self.public_change(vmid, words),
        }
    }

    fn set_link_down(&self, vmid: Vmid, name: &str) -> Result<Output, NodeError> {
        if !self.guest_routing(vmid).links.iter().any(|link| link.name == name) {
            return Ok(fail(1, format!("there is no device `{name}`")));
        }
        let mut down = self.set_down(vmid);
        down.insert(name.to_owned());
        let note: String = down.iter().map(|name| format!("{name}\n")).collect();
        self.put_state(&note_path(vmid, "down"), Some(&note))?;
        Ok(done(""))
    }

    /// Removes a folder in a guest that is empty; one that is not stays, and that is no error.
    fn remove_folder(&self, vmid: Vmid, path: &str) -> Output {
        let files = self.guest_files(vmid);
        match files.filter(|files| files.has(path)) {
            Some(files) => {
                files.remove_empty_folder(path);
                done("")
            }
            None => fail(1, format!("rmdir: `{path}`: No such file or directory")),
        }
    }

    /// Answers `readlink -f`, one line a path; those whose folder is missing are left out.
    fn real_paths(&self, vmid: Vmid, paths: &[&str]) -> Output {
        let files = self.guest_files(vmid);
        let mut output = done("");
        for path in paths {
            let found = files
                .as_ref()
                .filter(|_| path.starts_with('/'))
                .and_then(|files| files.real_path(path));
            match found {
                Some(path) => output.stdout.extend([path.as_str(), "\n"]),
                None => output.exit = 1,
            }
        }
        output
    }

    /// Runs phoenix's own helper, which must be there as phoenix writes it.
    fn set_listen(&self, vmid: Vmid, program: &str, path: &str) -> Result<Output, NodeError> {
        let missing = |exit, why: &str| Ok(fail(exit, format!("`{program}`: {why}")));
        let Some(files) = self.guest_files(vmid) else {
            return missing(NOT_FOUND, "there is no such file");
        };
        match files.file(&inside(vmid, program)) {
            Answer::Text(text) if text == SET_LISTEN_HELPER => {}
            Answer::Absent => return missing(NOT_FOUND, "there is no such file"),
            _ => return missing(NOT_FOUND, "it is not the helper of this version of phoenix"),
        }
        if files.mode(program).is_none_or(|mode| mode & EXECUTABLE == 0) {
            return missing(NOT_EXECUTABLE, "it is not executable");
        }
        let Ok(at) = path.parse::<AbsolutePath>() else {
            return Ok(fail(1, format!("`{path}` is not absolute")));
        };
        let at = Location::guest(vmid, at);
        match files.file(&at) {
            Answer::Text(text) => self.rewrite(&at, vmid, &text),
            _ => Ok(fail(1, format!("cannot read `{path}`"))),
        }
    }

    fn rewrite(&self, at: &Location, vmid: Vmid, text: &str) -> Result<Output, NodeError> {
        let path = &at.path;
        let Rewrite { text: after, changes, problems } = listen_on_all_interfaces(text);
        if !problems.is_empty() {
            let is_syntax = problems
                .iter()
                .any(|problem| matches!(problem.reason, ListenProblemReason::Syntax(_)));
            let said = problems.iter().fold(String::new(), |mut said, problem| {
                // Writing to a text never fails.
                writeln!(said, "{path}: {problem}").ok();
                said
            });
            return Ok(fail(if is_syntax { 1 } else { COLLISION }, said));
        }
        if after == text {
            return Ok(done(format!("{path}: nothing to change\n")));
        }
        self.write_inside(vmid, at, Expect::Text(text), &after)?;
        let count = changes.len();
        let plural = if count == 1 { "" } else { "s" };
        Ok(done(format!("{path}: changed {count} listen directive{plural}\n")))
    }
}

fn inside(vmid: Vmid, path: &str) -> Location {
    Location::guest(vmid, path.parse().expect("the path of a helper is absolute"))
}
