//! Lowering of what is set up inside of guests.

mod program;

use std::collections::BTreeSet;

use phoenix_formats::Vmid;
use phoenix_formats::hosts::host_name_problem;
use phoenix_formats::yaml::Yaml;

use super::finding::Finding;
use super::part::Lowering;
use crate::declared::{
    ContainerFile, HypervisorFile, List, Number, StepCa, TraefikService, VmFile, Words,
};
use crate::desired::{
    Authority, Desired, Identity, Ipv4Config, Located, Owner, PackageSource, Proxy, Routed, Trust,
};
use crate::kind::KNOWN_FEATURES;
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

/// A service as it is declared, with its guest.
pub(super) struct Service {
    owner: Owner,
    origin: Origin,
    declared: TraefikService,
}

/// Returns the features that phoenix does not know, and the operator's own scripts, where no folder has them.
pub(super) fn later(global: &HypervisorFile, file: &ContainerFile, vms: &VmFile) -> Vec<Origin> {
    let mut later = Vec::new();
    if global.feature_scripts_dir.is_none() {
        let all = features(file).chain(machine_features(vms));
        let unknown = all.filter(|(_, _, name)| !KNOWN_FEATURES.contains(name));
        later.extend(unknown.map(|(_, origin, _)| origin));
    }
    if global.application_scripts_dir.is_none() {
        later.extend(applications(file).map(|(_, origin, _)| origin));
    }
    later
}

fn applications(file: &ContainerFile) -> impl Iterator<Item = (Vmid, Origin, &str)> {
    let root = Origin::file(FileKind::Containers).at("lxc_configs");
    let containers = file.lxc_configs.iter().flatten();
    containers.filter_map(move |(Number(vmid), one)| {
        let script = one.as_ref()?.application_script.as_deref()?;
        Some((*vmid, root.at(vmid).at("application_script"), script))
    })
}

fn features(file: &ContainerFile) -> impl Iterator<Item = (Vmid, Origin, &str)> {
    let root = Origin::file(FileKind::Containers).at("lxc_configs");
    let containers = file.lxc_configs.iter().flatten();
    let declared = containers.filter_map(|(Number(vmid), one)| Some((*vmid, one.as_ref()?)));
    declared.flat_map(move |(vmid, container)| {
        let at = root.at(vmid).at("features");
        let list = container.features.iter().flat_map(List::iter);
        list.filter_map(move |(index, name)| Some((vmid, at.at(index), name?.as_str())))
    })
}

/// Returns the features of virtual machines, with their numbers.
fn machine_features(file: &VmFile) -> impl Iterator<Item = (Vmid, Origin, &str)> {
    let root = Origin::file(FileKind::Vms).at("vms");
    let declared = file.vms.iter().flat_map(List::iter);
    declared.filter_map(|(index, vm)| Some((index, vm?))).flat_map(move |(index, vm)| {
        let at = root.at(index).at("features");
        let vmid = vm.vmid.as_ref().and_then(|vmid| vmid.as_str().parse::<Vmid>().ok());
        let list = vm.features.iter().flat_map(List::iter);
        list.filter_map(move |(index, name)| Some((vmid?, at.at(index), name?.as_str())))
    })
}

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
        for (vmid, origin, name) in features(containers) {
            if self.feature_name(name, &origin) {
                let feature = Located { value: name.to_owned(), origin };
                trust.features.entry(vmid).or_default().push(feature);
            }
        }
        for (vmid, origin, name) in machine_features(vms) {
            if self.feature_name(name, &origin) && self.fits_machine(name, &origin, vmid, vms) {
                let feature = Located { value: name.to_owned(), origin };
                trust.features.entry(vmid).or_default().push(feature);
            }
        }
        trust.bootstrap = self.bootstrap_urls(containers);
        for (vmid, origin, name) in applications(containers) {
            if self.script_name(name, &origin) {
                trust.applications.insert(vmid, Located { value: name.to_owned(), origin });
            }
        }
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

    /// A feature is a part of an address, and of a file's name.
    fn feature_name(&mut self, name: &str, origin: &Origin) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        if !name.is_empty() && name.chars().all(plain) {
            return true;
        }
        let finding = Finding::error(origin.clone(), format!("`{name}` cannot be a feature"));
        self.push(
            finding.label("letters, digits, `_`, `-`").help("Write a name such as `base_setup`."),
        );
        false
    }

    /// A script is a file of its folder, and no other.
    fn script_name(&mut self, name: &str, origin: &Origin) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !name.is_empty() && !name.starts_with(['.', '-']) && name.chars().all(plain) {
            return true;
        }
        let finding = Finding::error(origin.clone(), format!("`{name}` cannot be a script"));
        let help = "Write the name of a file in `application_scripts_dir`, such as `gateway.sh`.";
        self.push(finding.label("letters, digits, `.`, `_`, `-`").help(help));
        false
    }

    /// Looks whether a feature can be set up in a virtual machine.
    fn fits_machine(&mut self, name: &str, origin: &Origin, vmid: Vmid, file: &VmFile) -> bool {
        if [crate::kind::NGINX, crate::kind::STEP_CA, crate::kind::TRAEFIK].contains(&name) {
            let message = format!("`{name}` is set up in containers only");
            let finding = Finding::warning(origin.clone(), message).label("left alone");
            self.push(finding.help("Declare it for a container."));
            return false;
        }
        let is_this = |vm: &&crate::declared::Vm| {
            let number = vm.vmid.as_ref().and_then(|number| number.as_str().parse().ok());
            number == Some(vmid)
        };
        let mut all = file.vms.iter().flat_map(List::iter).filter_map(|(_, vm)| vm);
        let is_template = all.find(is_this).is_some_and(|vm| vm.is_template == Some(true));
        if is_template {
            let finding = Finding::warning(origin.clone(), "a feature of a template");
            let help =
                "Declare it for the machines that are cloned from it: a template never runs.";
            self.push(finding.label("never set up").help(help));
        }
        !is_template
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

    /// Collects the services of all guests.
    pub(super) fn services(&mut self, containers: &ContainerFile, vms: &VmFile) -> Vec<Service> {
        let root = Origin::file(FileKind::Containers).at("lxc_configs");
        let of_containers = containers.lxc_configs.iter().flatten();
        let of_containers = of_containers.filter_map(|(Number(vmid), one)| {
            let declared = one.as_ref()?.traefik_service.clone()?;
            let origin = root.at(vmid).at("traefik_service");
            Some(Service { owner: Owner::Container(*vmid), origin, declared })
        });
        let root = Origin::file(FileKind::Vms).at("vms");
        let of_vms = vms.vms.iter().flat_map(List::iter).filter_map(|(index, vm)| {
            let vm = vm?;
            let vmid = vm.vmid.as_ref()?.as_str().parse().ok()?;
            let origin = root.at(index).at("traefik_service");
            Some(Service { owner: Owner::Vm(vmid), origin, declared: vm.traefik_service.clone()? })
        });
        of_containers.chain(of_vms).collect()
    }

    /// Gives the proxy its routes, when all guests are known.
    pub(super) fn route_services(&mut self, services: Vec<Service>, desired: &mut Desired) {
        if desired.trust.with_feature(crate::kind::TRAEFIK).next().is_none() {
            return;
        }
        let mut first = std::collections::BTreeMap::new();
        for service in services {
            let Some((name, routed)) = self.routed(&service, desired) else { continue };
            if let Some(other) = first.insert(name.clone(), service.origin.clone()) {
                let message = format!("two services have the name `{name}`");
                let finding = Finding::error(service.origin.at("name"), message).label("this one");
                let help = "Give one of them another name.";
                self.push(finding.with(other, "and this one").help(help));
            }
            desired.trust.proxy.services.insert(name, routed);
        }
    }

    fn routed(&mut self, service: &Service, desired: &Desired) -> Option<(String, Routed)> {
        let Service { owner, origin, declared } = service;
        let name = declared.name.as_deref()?.trim_end_matches('.').to_ascii_lowercase();
        if host_name_problem(&name).is_some() {
            // Told where the names of DNS are read.
            return None;
        }
        let port = self.number::<u16>(declared.port, origin.at("port"), 1..=u64::from(u16::MAX))?;
        let scheme = self.scheme(declared.scheme.as_deref(), origin.at("scheme"))?;
        let host = match (&desired.identity.domain, name.contains('.')) {
            (_, true) => name.clone(),
            (Some(domain), false) => format!("{name}.{}", domain.value),
            (None, false) => {
                let finding = Finding::error(origin.at("name"), "a service without a domain");
                let help = "Declare `domain_name` in the global file, or write the whole name.";
                self.push(finding.label("nobody could ask for it").help(help));
                return None;
            }
        };
        let Some(address) = address_of(*owner, desired) else {
            let finding =
                Finding::warning(origin.clone(), "a service of a guest without a fixed address");
            let help = "Give the guest an address in `network_config.ip`.";
            self.push(finding.label("it gets no route").help(help));
            return None;
        };
        let middlewares = declared.middlewares.as_ref();
        let middlewares = middlewares.map(|list| self.each(list, &origin.at("middlewares")));
        let middlewares = middlewares.unwrap_or_default().into_iter();
        let routed = Routed {
            owner: *owner,
            host,
            url: format!("{scheme}://{address}:{}", port.value),
            tls: scheme == "https",
            rule: declared.rule.clone(),
            middlewares: middlewares.map(|(_, name)| name.clone()).collect(),
        };
        Some((name, routed))
    }

    fn scheme(&mut self, text: Option<&str>, origin: Origin) -> Option<&'static str> {
        let text = text.unwrap_or("http");
        let known = ["http", "https", "h2c"].into_iter().find(|known| *known == text);
        if known.is_none() {
            let finding = Finding::error(origin, format!("`{text}` is not a scheme of Traefik"));
            self.push(finding.label("not known").help("Write `http`, `https` or `h2c`."));
        }
        known
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

fn address_of(owner: Owner, desired: &Desired) -> Option<std::net::Ipv4Addr> {
    match owner {
        Owner::Container(vmid) => match desired.containers.get(&vmid)?.net0.as_ref()?.ip? {
            Ipv4Config::Static(net) => Some(net.addr()),
            _ => None,
        },
        Owner::Vm(vmid) => Some(desired.vms.get(&vmid)?.address.as_ref()?.value.addr()),
        Owner::Node => None,
    }
}
