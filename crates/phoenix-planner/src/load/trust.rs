//! Lowering of what is set up inside of guests.

mod program;

use std::collections::BTreeSet;

use phoenix_formats::yaml::Yaml;

use super::finding::Finding;
use super::part::Lowering;
use crate::declared::{ContainerFile, HypervisorFile, StepCa, VmFile, Words};
use crate::desired::{Authority, Identity, PackageSource, Proxy, Trust};
use crate::location::AbsolutePath;
use crate::source::{FileKind, Origin};

/// What `base_setup` brings where nothing is declared.
const BASE_PACKAGES: [&str; 8] =
    ["ca-certificates", "curl", "gnupg", "jq", "openssl", "rsync", "vim", "wget"];

/// Smallstep's repository of packages, as its documentation has it.
const SMALLSTEP: &str = "https://packages.smallstep.com/stable/debian";
const SUITES: &str = "debs";
const COMPONENTS: &str = "main";
const KEY_FILE: &str = "/etc/apt/keyrings/smallstep.asc";

/// The provisioner where none is declared.
const PROVISIONER: &str = "phoenix";

/// The certificate authority's name in the domain.
const AUTHORITY_NAME: &str = "ca";

impl Lowering {
    /// Lowers what is set up inside of guests, without the services and the certificates.
    pub(super) fn trust(
        &mut self,
        global: &HypervisorFile,
        containers: &ContainerFile,
        vms: &VmFile,
        identity: &Identity,
    ) -> Trust {
        let root = Origin::file(FileKind::Hypervisor);
        let ca = global.step_ca.clone().unwrap_or_default();
        let mut trust = Trust {
            base_packages: self.base_packages(global, &root),
            source: self.package_source(&ca, &root.at("step_ca").at("package_source")),
            proxy: self.proxy(global, &root.at("traefik")),
            scripts: self
                .folder(global.feature_scripts_dir.as_deref(), root.at("feature_scripts_dir")),
            application_scripts: self.folder(
                global.application_scripts_dir.as_deref(),
                root.at("application_scripts_dir"),
            ),
            shared: self.folder(ca.shared_path.as_deref(), root.at("step_ca").at("shared_path")),
            fingerprint: self.fingerprint(&ca, root.at("step_ca").at("root_fingerprint")),
            ..Trust::default()
        };
        self.features_of_guests(containers, vms, &mut trust);
        trust.bootstrap = self.bootstrap_urls(containers);
        trust.authority = self.certificate_authority(&ca, &trust, identity);
        trust
    }

    fn fingerprint(&mut self, ca: &StepCa, origin: Origin) -> Option<String> {
        let text = ca.root_fingerprint.as_deref()?.replace(':', "");
        self.digest(
            &text,
            origin,
            "Write the 64 digits that `step certificate fingerprint` prints.",
        )
    }

    pub(super) fn digest(&mut self, text: &str, origin: Origin, help: &str) -> Option<String> {
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Some(text.to_ascii_lowercase());
        }
        let finding = Finding::error(origin, format!("`{text}` is no SHA-256"));
        self.push(finding.label("not 64 digits").help(help));
        None
    }

    fn base_packages(&mut self, global: &HypervisorFile, root: &Origin) -> BTreeSet<String> {
        let declared = global.base_setup.as_ref().and_then(|base| base.packages.as_ref());
        let Some(words) = declared else { return BASE_PACKAGES.map(str::to_owned).into() };
        let origin = root.at("base_setup").at("packages");
        words.iter().filter(|name| self.package(name, &origin)).map(str::to_owned).collect()
    }

    /// Looks at the name of a package (Debian Policy, 5.6.7): anything else could be an option.
    pub(super) fn package(&mut self, name: &str, origin: &Origin) -> bool {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
        let begins = name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
        if begins && name.chars().all(plain) {
            return true;
        }
        let message = format!("`{name}` cannot be the name of a package");
        let finding = Finding::error(origin.clone(), message).label("no such name");
        self.push(finding.help("Write names such as `ca-certificates`."));
        false
    }

    fn package_source(&mut self, ca: &StepCa, at: &Origin) -> PackageSource {
        let declared = ca.package_source.clone().unwrap_or_default();
        let uri = declared.uri.unwrap_or_else(|| SMALLSTEP.to_owned());
        if !is_plain_uri(&uri) {
            let message = format!("`{uri}` cannot be the address of a repository");
            let finding = Finding::error(at.at("uri"), message).label("not `https://…`");
            self.push(finding.help(format!("Write one such as `{SMALLSTEP}`.")));
        }
        let key_file = declared.key_file.as_deref().unwrap_or(KEY_FILE);
        PackageSource {
            enabled: declared.enabled.unwrap_or(true),
            uri,
            suites: joined(declared.suites.as_ref(), SUITES),
            components: joined(declared.components.as_ref(), COMPONENTS),
            key_file: self.folder(Some(key_file), at.at("key_file")),
        }
    }

    fn proxy(&mut self, global: &HypervisorFile, at: &Origin) -> Proxy {
        let declared = global.traefik.clone().unwrap_or_default();
        Proxy {
            email: declared.acme_email,
            program: self.program(declared.program.as_ref(), at.at("program")),
            over_static: self.overlay(declared.over_static.as_ref(), at.at("static")),
            over_dynamic: self.overlay(declared.over_dynamic.as_ref(), at.at("dynamic")),
            ..Proxy::default()
        }
    }

    fn overlay(&mut self, value: Option<&serde_json::Value>, origin: Origin) -> Option<Yaml> {
        let value = value?;
        if !value.is_object() {
            let finding =
                Finding::error(origin, "what is laid over a configuration must be an object");
            self.push(
                finding.label("no `{…}`").help("Write `{ \"log\": { \"level\": \"INFO\" } }`."),
            );
            return None;
        }
        Some(Yaml::from_json(value))
    }

    /// Reads an absolute path of the node.
    pub(super) fn folder(&mut self, text: Option<&str>, origin: Origin) -> Option<AbsolutePath> {
        let text = text?;
        match text.trim_end_matches('/').parse() {
            Ok(path) => Some(path),
            Err(_) => {
                let message = format!("`{text}` is not an absolute path");
                let help = "Write a path such as `/mnt/pve/shared/ssl`, without `.`, `..` or `//`.";
                self.push(Finding::error(origin, message).label("not valid").help(help));
                None
            }
        }
    }

    fn certificate_authority(
        &mut self,
        ca: &StepCa,
        trust: &Trust,
        identity: &Identity,
    ) -> Option<Authority> {
        let at = Origin::file(FileKind::Hypervisor).at("step_ca");
        let mut found = trust.with_feature(crate::kind::STEP_CA);
        let (vmid, origin) = found.next().map(|(vmid, origin)| (vmid, origin.clone()))?;
        let other = found.next().map(|(_, origin)| origin.clone());
        if let Some(other) = other {
            let finding = Finding::warning(other, "two containers are the certificate authority");
            let help = "Leave the feature `step_ca` to one of them: until then it is left alone.";
            self.push(finding.label("this one").with(origin, "and this one").help(help));
            return None;
        }
        let domain = identity.domain.as_ref().map(|domain| domain.value.as_str());
        let usual = domain.map(|domain| format!("{AUTHORITY_NAME}.{domain}"));
        let Some(dns_name) = ca.dns_name.as_deref().map(str::to_ascii_lowercase).or(usual) else {
            let finding = Finding::warning(origin, "a certificate authority without a name");
            let help = "Declare `domain_name`, or `dns_name` in `step_ca`.";
            self.push(finding.label("it is left alone").help(help));
            return None;
        };
        let name = ca.root_ca_name.clone();
        let name = name.unwrap_or_else(|| format!("{} CA", domain.unwrap_or(&dns_name)));
        self.intermediate(ca, &name, at.at("intermediate_ca_name"));
        let provisioner = ca.provisioner_name.clone().unwrap_or_else(|| PROVISIONER.to_owned());
        for (text, field) in [(&name, "root_ca_name"), (&provisioner, "provisioner_name")] {
            self.plain_line(text, at.at(field));
        }
        Some(Authority { vmid, origin, name, dns_name, provisioner })
    }

    fn plain_line(&mut self, text: &str, origin: Origin) {
        if text.is_empty() || text.starts_with('-') || text.contains(char::is_control) {
            let finding = Finding::error(origin, "a name that is empty, or no line of text");
            self.push(finding.label("not valid").help("Write a name such as `Example CA`."));
        }
    }

    fn intermediate(&mut self, ca: &StepCa, name: &str, origin: Origin) {
        let made = format!("{name} Intermediate CA");
        if ca.intermediate_ca_name.as_ref().is_some_and(|declared| *declared != made) {
            let message = format!("step-ca names the certificate that signs `{made}`");
            let finding = Finding::warning(origin, message).label("not used");
            self.push(finding.help("Remove it, or write that name."));
        }
    }
}

fn joined(words: Option<&Words>, default: &str) -> String {
    let words = words.map(|words| words.iter().collect::<Vec<_>>().join(" "));
    words.filter(|words| !words.is_empty()).unwrap_or_else(|| default.to_owned())
}

fn is_plain_uri(text: &str) -> bool {
    let known = ["https://", "http://", "file:/", "cdrom:"].iter().any(|p| text.starts_with(p));
    known && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}
