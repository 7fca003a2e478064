//! From the operator's texts to a checked [`Desired`], with everything that is wrong on the way.
//!
//! The passes: [`json`](crate::json) (text to value), [`declared`](crate::declared) (value to types),
//! lowering (types to meanings, one guest at a time), checks (whether the parts agree). Each pass goes on
//! with what the one before could read, so that one run tells everything.

mod bootstrap;
mod certificates;
mod container;
mod features;
mod files;
pub(crate) mod finding;
pub(crate) mod firewall;
mod hypervisor;
mod making;
mod mounts;
mod named;
mod names;
mod nginx;
mod node;
mod options;
pub(crate) mod part;
mod public;
mod reader;
mod repair;
mod services;
mod trust;
mod typo;
mod vm;
mod volumes;

pub use self::named::named_files;
use crate::check;
use crate::declared::{CertificateFile, ContainerFile, HypervisorFile, VmFile};
use crate::desired::Desired;
use crate::problem::{Problem, Severity};
use crate::source::{FileKind, Origin, Sources};
use files::Files;
use finding::Findings;
use part::Lowering;
use reader::Reader;

/// What a field counts as that looks like a typo of a known one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// A warning.
    #[default]
    Lenient,
    /// An error: `--strict`.
    Strict,
}

impl Strictness {
    fn of_typos(self) -> Severity {
        match self {
            Self::Lenient => Severity::Warning,
            Self::Strict => Severity::Error,
        }
    }
}

/// Why phoenix leaves a field alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Phoenix does not know the field.
    Unknown,
    /// Phoenix knows the field, and does nothing with it yet.
    Later,
}

/// A field that is accepted and left alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unmanaged {
    /// Where it stands.
    pub origin: Origin,
    /// Why it is left alone.
    pub reason: Reason,
}

/// What the operator's files hold.
#[derive(Debug, Clone)]
#[must_use = "the problems are there to be shown"]
pub struct Loaded {
    /// What they want; `None` when there is an error.
    pub desired: Option<Desired>,
    /// Everything that is wrong or worth knowing, by file and position.
    pub problems: Vec<Problem>,
    /// The fields that phoenix does not manage, by file and name.
    pub unmanaged: Vec<Unmanaged>,
}

impl Loaded {
    /// Returns how many problems are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }
}

/// Reads and checks the operator's files.
pub fn load(sources: &Sources, strictness: Strictness) -> Loaded {
    let mut files = Files::read(sources);
    let mut findings = Findings::default();
    files.report_missing(&mut findings);
    let mut reader = Reader::new(&mut files, strictness, findings);
    let hypervisor = reader.read::<HypervisorFile>(FileKind::Hypervisor);
    let containers = reader.read::<ContainerFile>(FileKind::Containers);
    let vms = reader.read::<VmFile>(FileKind::Vms);
    let certificates = reader.read::<CertificateFile>(FileKind::Certificates);
    reader.note_later(features::later(&hypervisor, &containers, &vms));
    let Reader { findings, mut unmanaged, has_unknown_guest, .. } = reader;

    let has_global = files.has(FileKind::Hypervisor);
    let mut lowering = Lowering { findings, has_global, has_unknown_guest, ..Lowering::default() };
    let network = lowering.network(&hypervisor);
    let identity = lowering.identity(&hypervisor);
    let dns = lowering.dns_server(&hypervisor);
    lowering.global_names(&hypervisor);
    let firewall = lowering.cluster_firewall(&hypervisor);
    let datasets = lowering.datasets(&hypervisor);
    let mut trust = lowering.trust(&hypervisor, &containers, &vms, &identity);
    trust.volumes = lowering.machine_volumes(&vms);
    lowering.web_servers(&containers, sources, &mut trust);
    let services = lowering.services(&containers, &vms);
    let mut containers = lowering.containers(containers, &network);
    lowering.shared_volumes(hypervisor.shared_volumes.as_ref(), &mut containers);
    let vms = lowering.vms(&vms);
    trust.certificates = lowering.certificates(&certificates);
    let mut desired =
        Desired { network, identity, dns, firewall, datasets, containers, vms, trust };
    lowering.route_services(services, &mut desired);
    lowering.resolve_names(&mut desired);
    let findings = check::check(&desired, lowering, files.wholeness());
    unmanaged.sort();
    files.finish(desired, findings, unmanaged)
}
