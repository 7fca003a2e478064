//! Lowering of a program that is put into a container.

use super::super::finding::Finding;
use super::super::part::Lowering;
use crate::declared;
use crate::desired::{Program, ProgramSource};
use crate::source::Origin;

/// How the digest of a program is found out.
const DIGEST_HELP: &str = "Write the 64 digits that `sha256sum` prints for it.";

impl Lowering {
    pub(super) fn program(
        &mut self,
        declared: Option<&declared::Program>,
        at: Origin,
    ) -> Option<Program> {
        let declared = declared?;
        let sha256 = declared.sha256.as_deref();
        let sha256 = sha256.and_then(|text| self.digest(text, at.at("sha256"), DIGEST_HELP));
        let source = match (declared.file.as_deref(), declared.url.as_deref()) {
            (Some(_), Some(_)) => {
                let finding = Finding::error(at.at("url"), "a program from two places");
                let finding = finding.label("this").with(at.at("file"), "and this");
                self.push(finding.help("Remove one of the two."));
                None
            }
            (Some(file), None) => self.folder(Some(file), at.at("file")).map(ProgramSource::File),
            (None, Some(url)) => self.archive(url, at.at("url")),
            (None, None) => None,
        };
        let names_none = declared.file.is_none() && declared.url.is_none();
        if names_none || declared.sha256.is_none() {
            self.needs(&at, "a program", "`file` or `url`, and `sha256`");
        }
        Some(Program { source: source?, sha256: sha256?, origin: at })
    }

    fn archive(&mut self, url: &str, origin: Origin) -> Option<ProgramSource> {
        let host = url.strip_prefix("https://").and_then(|rest| rest.split('/').next());
        let plain = |c: char| c.is_ascii_graphic() && !"\"'\\`<>{}[]*".contains(c);
        let problem = match host {
            None | Some("") => Some("not `https://…`"),
            // It stands in plans, and among the processes of the node.
            Some(host) if host.contains('@') => Some("a password would be seen"),
            Some(_) if !url.chars().all(plain) => Some("not an address"),
            Some(_) => None,
        };
        let Some(problem) = problem else { return Some(ProgramSource::Archive(url.to_owned())) };
        let finding = Finding::error(origin, "this cannot be the address of an archive");
        let help = "Write one such as `https://example.com/traefik_linux_amd64.tar.gz`.";
        self.push(finding.label(problem).help(help));
        None
    }
}
