//! Lowering of the certificates.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use phoenix_formats::hosts::host_name_problem;

use super::finding::Finding;
use super::part::Lowering;
use crate::declared::{self, CertificateFile, PostCommand};
use crate::desired::{Certificate, Command};
use crate::source::{FileKind, Origin};

/// What lets everybody read a file.
const OTHERS: u32 = 0o007;

impl Lowering {
    /// Lowers all certificates.
    pub(super) fn certificates(&mut self, file: &CertificateFile) -> BTreeMap<String, Certificate> {
        let root = Origin::file(FileKind::Certificates);
        let mut all = BTreeMap::<String, Certificate>::new();
        for (at, declared) in self.each(&file.0, &root) {
            let Some(one) = self.certificate(declared, at) else { continue };
            if let Some(other) = all.get(&one.common_name) {
                let message = format!("two certificates have the name `{}`", one.common_name);
                let finding = Finding::error(one.origin.at("common_name"), message);
                let finding = finding.label("this one").with(other.origin.clone(), "and this one");
                self.push(finding.help("Give one of them another name."));
            }
            all.insert(one.common_name.clone(), one);
        }
        all
    }

    fn certificate(&mut self, declared: &declared::Certificate, at: Origin) -> Option<Certificate> {
        let common_name = self.needed_text(declared.common_name.as_deref(), &at, "common_name");
        let cert_path = self.needed_text(declared.cert_path.as_deref(), &at, "cert_path");
        let key_path = self.needed_text(declared.key_path.as_deref(), &at, "key_path");
        let common_name = self.certificate_name(common_name?, at.at("common_name"));
        let cert_path = self.folder(cert_path, at.at("cert_path"));
        let key_path = self.folder(key_path, at.at("key_path"));
        let mut names = self.other_names(declared, &at);
        let guest = declared.guest_id.as_ref();
        let guest = guest.and_then(|number| self.vmid(number, at.at("guest_id")));
        let owner = self.owner(declared.owner.as_deref(), at.at("owner"));
        let cert_mode = self.mode(declared.cert_mode.as_deref(), at.at("cert_mode"));
        let key_mode = self.mode(declared.key_mode.as_deref(), at.at("key_mode"));
        self.check_key(key_mode, &at);
        if cert_path.is_some() && cert_path == key_path {
            let finding = Finding::error(at.at("key_path"), "one file for certificate and key");
            self.push(finding.label("the same as `cert_path`").help("Name another file."));
        }
        let common_name = common_name?;
        names.insert(common_name.clone());
        Some(Certificate {
            common_name,
            names,
            guest: guest.map(|guest| guest.value),
            cert_path: cert_path?,
            key_path: key_path?,
            owner,
            cert_mode,
            key_mode,
            include_ca: declared.include_ca.unwrap_or(false),
            renew_before_hours: declared.renew_before_hours,
            command: self.command(declared.post_renewal_command.as_ref(), &at),
            origin: at,
        })
    }

    fn other_names(&mut self, declared: &declared::Certificate, at: &Origin) -> BTreeSet<String> {
        let sans = declared.sans.as_ref().map(|list| self.each(list, &at.at("sans")));
        let sans = sans.unwrap_or_default().into_iter();
        sans.filter_map(|(origin, name)| self.certificate_name(name, origin)).collect()
    }

    fn check_key(&mut self, mode: Option<u32>, at: &Origin) {
        if mode.is_some_and(|mode| mode & OTHERS != 0) {
            let finding =
                Finding::error(at.at("key_mode"), "a private key that everybody can read");
            self.push(finding.label("not private").help("Write `0600`, or `0640` for a group."));
        }
    }

    fn needed_text<'a>(
        &mut self,
        text: Option<&'a str>,
        at: &Origin,
        field: &str,
    ) -> Option<&'a str> {
        if text.is_none() && !self.findings.touches(&at.at(field)) {
            let finding = Finding::error(at.clone(), format!("a certificate without `{field}`"));
            self.push(
                finding.label(format!("`{field}` is missing")).help(format!("Add `{field}`.")),
            );
        }
        text
    }

    /// Reads a name or an address, in the form that certificates have.
    fn certificate_name(&mut self, text: &str, origin: Origin) -> Option<String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(address.to_string());
        }
        let plain = text.strip_prefix("*.").unwrap_or(text);
        // An address with a slip of the pen looks like a name.
        let number = plain.rsplit('.').next().is_some_and(|part| part.parse::<u64>().is_ok());
        let problem = host_name_problem(plain).map(|problem| problem.to_string());
        let problem = problem.or_else(|| number.then(|| "an address that is none".to_owned()));
        let Some(problem) = problem else {
            return Some(text.to_ascii_lowercase());
        };
        let finding = Finding::error(origin, format!("`{text}` cannot be a name in a certificate"));
        let help = "Write a name such as `git.internal.example.com`, or an address.";
        self.push(finding.label(problem).help(help));
        None
    }

    fn owner(&mut self, text: Option<&str>, origin: Origin) -> (String, String) {
        let root = || ("root".to_owned(), "root".to_owned());
        let Some(text) = text else { return root() };
        let plain = |part: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || "_-.$".contains(c);
            !part.is_empty() && !part.starts_with('-') && part.chars().all(plain)
        };
        match text.split_once(':') {
            Some((user, group)) if plain(user) && plain(group) => {
                (user.to_owned(), group.to_owned())
            }
            _ => {
                let finding = Finding::error(origin, format!("`{text}` is not an owner"));
                self.push(finding.label("no `user:group`").help("Write `root:www-data`."));
                root()
            }
        }
    }

    fn mode(&mut self, text: Option<&str>, origin: Origin) -> Option<u32> {
        let text = text?;
        let octal = !text.is_empty() && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
        let mode = u32::from_str_radix(text, 8).ok().filter(|mode| octal && *mode <= 0o777);
        if mode.is_none() {
            let finding = Finding::error(origin, format!("`{text}` is not a mode"));
            self.push(finding.label("not octal").help("Write permission bits such as `0640`."));
        }
        mode
    }

    fn command(&mut self, declared: Option<&PostCommand>, at: &Origin) -> Option<Command> {
        let origin = at.at("post_renewal_command");
        match declared? {
            PostCommand::Line(line) if line.trim().is_empty() => None,
            PostCommand::Line(line) => Some(Command::Line(line.clone())),
            PostCommand::Argv(argv) if argv.first().is_some_and(|program| !program.is_empty()) => {
                Some(Command::Argv(argv.clone()))
            }
            PostCommand::Argv(_) => {
                let finding = Finding::error(origin, "a command without a program");
                let help = "Write `[\"systemctl\", \"reload\", \"nginx.service\"]`, or remove it.";
                self.push(finding.label("nothing to run").help(help));
                None
            }
        }
    }
}
