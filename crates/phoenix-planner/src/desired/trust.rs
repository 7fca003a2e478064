//! What is wanted inside of guests: packages, trust, the proxy; and the certificates.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_formats::Vmid;
use phoenix_formats::yaml::Yaml;

use super::{Located, Nginx, Owner};
use crate::kind::KNOWN_FEATURES;
use crate::location::AbsolutePath;
use crate::source::Origin;

/// Everything that is set up inside of guests, and the certificates.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// `features` of the guests, in order.
    pub features: BTreeMap<Vmid, Vec<Located<String>>>,
    /// `volumes` of the virtual machines that declare them, by where they are mounted.
    pub volumes: BTreeMap<Vmid, BTreeMap<AbsolutePath, Volume>>,
    /// `base_setup.packages`, sorted.
    pub base_packages: BTreeSet<String>,
    /// The certificate authority; `None` when no container is it.
    pub authority: Option<Authority>,
    /// `step_ca.shared_path`.
    pub shared: Option<AbsolutePath>,
    /// `step_ca.root_fingerprint`: 64 lower-case hexadecimal digits.
    pub fingerprint: Option<String>,
    /// `step_ca.package_source`.
    pub source: PackageSource,
    /// `traefik`.
    pub proxy: Proxy,
    /// The web servers by container: `nginx`, or the feature of that name.
    pub nginx: BTreeMap<Vmid, Nginx>,
    /// `feature_scripts_dir`.
    pub scripts: Option<AbsolutePath>,
    /// `bootstrap_ca_url` of the containers: where step(1) in them asks the authority.
    pub bootstrap: BTreeMap<Vmid, Located<String>>,
    /// `application_scripts_dir`.
    pub application_scripts: Option<AbsolutePath>,
    /// `application_script` of the containers: the name of a file there.
    pub applications: BTreeMap<Vmid, Located<String>>,
    /// The certificates by common name.
    pub certificates: BTreeMap<String, Certificate>,
}

impl Trust {
    /// Returns the guests with a feature, each with the place where it is said.
    pub fn with_feature(&self, name: &str) -> impl Iterator<Item = (Vmid, &Origin)> {
        self.features.iter().filter_map(move |(vmid, features)| {
            let found = features.iter().find(|feature| feature.value == name)?;
            Some((*vmid, &found.origin))
        })
    }

    /// Returns whether phoenix sets anything up inside of a guest.
    pub fn sets_up(&self, vmid: Vmid) -> bool {
        let mut features = self.features.get(&vmid).into_iter().flatten();
        let has_volumes = self.volumes.get(&vmid).is_some_and(|volumes| !volumes.is_empty());
        let has_feature = features.any(|feature| self.manages(&feature.value));
        has_volumes || has_feature || self.application(vmid).is_some()
    }

    /// Returns the operator's own script for a container, where there is a folder of them.
    pub fn application(&self, vmid: Vmid) -> Option<&Located<String>> {
        self.applications.get(&vmid).filter(|_| self.application_scripts.is_some())
    }

    /// Returns the guests in which something may be set up.
    pub fn set_up(&self) -> BTreeSet<Vmid> {
        let declared = self.features.keys().chain(self.volumes.keys());
        declared.chain(self.applications.keys()).copied().collect()
    }

    /// Returns whether phoenix sets a feature up: it knows it, or has a folder in which its script may be.
    pub fn manages(&self, feature: &str) -> bool {
        self.scripts.is_some() || KNOWN_FEATURES.contains(&feature)
    }

    /// Returns the guests in which phoenix does something: it sets a feature up there, mounts a volume, or puts a
    /// certificate there for the operator's command.
    pub fn entered(&self) -> BTreeSet<Vmid> {
        let declared = self.features.keys().chain(self.volumes.keys()).copied();
        let with_features = declared.filter(|vmid| self.sets_up(*vmid));
        let commands = self.certificates.values().filter(|one| one.command.is_some());
        with_features.chain(commands.filter_map(|one| one.guest)).collect()
    }
}

/// A folder of an NFS server that a virtual machine mounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Volume {
    /// `SERVER:PATH`.
    pub source: String,
    /// Where it is declared.
    pub origin: Origin,
}

/// The certificate authority.
#[derive(Debug, Clone)]
pub struct Authority {
    /// The container with the feature `step_ca`.
    pub vmid: Vmid,
    /// Where that is said.
    pub origin: Origin,
    /// `step_ca.root_ca_name`.
    pub name: String,
    /// `step_ca.dns_name`, else `ca` in the domain.
    pub dns_name: String,
    /// `step_ca.provisioner_name`.
    pub provisioner: String,
}

/// Where packages come from that Debian does not have.
#[derive(Debug, Clone, Default)]
pub struct PackageSource {
    /// Whether phoenix tells the guests about it.
    pub enabled: bool,
    /// The repository's address.
    pub uri: String,
    /// Its suites, with blanks between.
    pub suites: String,
    /// Its components, with blanks between.
    pub components: String,
    /// The file of the node with its key; always there in a `Desired`.
    pub key_file: Option<AbsolutePath>,
}

/// What the proxy is told beside the services.
#[derive(Debug, Clone, Default)]
pub struct Proxy {
    /// `traefik.acme_email`.
    pub email: Option<String>,
    /// `traefik.program`.
    pub program: Option<Program>,
    /// `traefik.static`.
    pub over_static: Option<Yaml>,
    /// `traefik.dynamic`.
    pub over_dynamic: Option<Yaml>,
    /// The services, by name.
    pub services: BTreeMap<String, Routed>,
}

/// A program that is put into a container.
#[derive(Debug, Clone)]
pub struct Program {
    /// Where it stands.
    pub origin: Origin,
    /// Where it comes from.
    pub source: ProgramSource,
    /// The SHA-256 of the file, or of the archive: 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// Where a program comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProgramSource {
    /// A file of the node.
    File(AbsolutePath),
    /// The archive of a release, by its address.
    Archive(String),
}

/// One service behind the proxy.
#[derive(Debug, Clone)]
pub struct Routed {
    /// The guest.
    pub owner: Owner,
    /// The whole name by which it is asked for.
    pub host: String,
    /// Where it is reached: `SCHEME://ADDRESS:PORT`.
    pub url: String,
    /// Whether it speaks TLS itself.
    pub tls: bool,
    /// `traefik_service.rule`.
    pub rule: Option<String>,
    /// `traefik_service.middlewares`.
    pub middlewares: Vec<String>,
}

/// A command of the operator's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// A line for sh(1).
    Line(String),
    /// A program and its arguments.
    Argv(Vec<String>),
}

/// One certificate.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Where it stands.
    pub origin: Origin,
    /// `common_name`.
    pub common_name: String,
    /// Every name that it must be good for: its common name and `sans`, as a certificate has them.
    pub names: BTreeSet<String>,
    /// `guest_id`.
    pub guest: Option<Vmid>,
    /// `cert_path`.
    pub cert_path: AbsolutePath,
    /// `key_path`.
    pub key_path: AbsolutePath,
    /// `owner`: user and group.
    pub owner: (String, String),
    /// `cert_mode`; `None` leaves that of a certificate that is there alone.
    pub cert_mode: Option<u32>,
    /// `key_mode`; `None` leaves that of a key that is there alone, unless everybody can read it.
    pub key_mode: Option<u32>,
    /// `include_ca`.
    pub include_ca: bool,
    /// `renew_before_hours`; `None` is a third of its time.
    pub renew_before_hours: Option<u64>,
    /// `post_renewal_command`.
    pub command: Option<Command>,
}

impl Certificate {
    /// Returns the permission bits of a new certificate.
    pub fn cert_mode(&self) -> u32 {
        self.cert_mode.unwrap_or(0o644)
    }

    /// Returns the permission bits of a new key.
    pub fn key_mode(&self) -> u32 {
        self.key_mode.unwrap_or(0o600)
    }
}
