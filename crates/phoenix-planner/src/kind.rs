//! The kinds of resources, each one file: what it asks of a node, and how it lowers a difference.
//!
//! A new kind costs its file, two lines here, and its part of [`crate::desired`].

use std::collections::{BTreeMap, BTreeSet};

mod application;
mod base_setup;
mod certificate;
mod directory;
mod dnsmasq;
mod feature;
mod firewall;
mod guests;
mod health;
mod hosts;
pub(crate) mod identity;
mod interfaces;
pub(crate) mod lxc;
pub(crate) mod nat;
pub(crate) mod nginx;
pub(crate) mod nginx_site;
mod package;
mod power;
mod renewal;
pub(crate) mod resolv_conf;
mod resources;
pub(crate) mod service;
pub(crate) mod shim;
mod status;
mod step_ca;
mod step_cli;
mod subid;
mod template;
mod traefik;
pub(crate) mod trusted_ca;
pub(crate) mod vm;
pub(crate) mod volumes;
mod zfs;

pub(crate) use feature::{KNOWN_FEATURES, NGINX, STEP_CA, TRAEFIK, TRUSTED_CA, ping_argv};
pub use power::{Task, chain, plan as plan_task};
pub use resources::is_resource;
pub use status::{GuestStatus, State, status};
pub(crate) use traefik::DASHBOARD;

use crate::desired::Desired;
use crate::observed::{self, Observed};
use crate::operation::{Operation, Write};
use crate::plan::{Attribute, Draft, Plan, Verb};
use crate::probe::{Facts, Probe};
use crate::refusal::Refusal;

/// A stage of planning. The order of stages is the order of execution wherever nothing else decides:
/// rules stand before the interfaces that they guard, and nothing is cleaned up before its
/// replacement has been proved.
struct Stage {
    probes: fn(&Desired, &Facts) -> Vec<Probe>,
    plan: fn(&Observed<'_>, &mut Draft) -> Result<(), Vec<Refusal>>,
}

const STAGES: [Stage; 21] = [
    Stage { probes: package::probes, plan: package::plan },
    Stage { probes: interfaces::probes, plan: interfaces::plan },
    // Before the name: a node that boots under one that does not resolve has no /etc/pve.
    Stage { probes: hosts::probes, plan: hosts::plan },
    Stage { probes: identity::probes, plan: identity::plan },
    Stage { probes: dnsmasq::probes, plan: dnsmasq::plan },
    Stage { probes: service::no_probes, plan: package::plan_services },
    Stage { probes: service::dnsmasq_probes, plan: service::plan_dnsmasq },
    // After what it names first.
    Stage { probes: resolv_conf::probes, plan: resolv_conf::plan },
    Stage { probes: firewall::probes, plan: firewall::plan },
    Stage { probes: subid::probes, plan: subid::plan },
    Stage { probes: guests::probes, plan: guests::plan },
    Stage { probes: service::no_probes, plan: service::plan_firewall },
    // After the interfaces that it leads to.
    Stage { probes: shim::probes, plan: shim::plan },
    Stage { probes: feature::probes, plan: feature::plan },
    Stage { probes: certificate::probes, plan: certificate::plan },
    // After the certificates that its files name.
    Stage { probes: service::no_probes, plan: nginx::plan },
    Stage { probes: nginx_site::probes, plan: nginx_site::plan },
    Stage { probes: nat::probes, plan: nat::plan },
    Stage { probes: renewal::probes, plan: renewal::plan },
    // After everything else that is set up.
    Stage { probes: application::probes, plan: application::plan },
    // A snapshot is of what is complete.
    Stage { probes: service::no_probes, plan: lxc::plan_snapshots },
];

/// Returns an attribute of an action.
fn attribute(name: &str, before: Option<String>, after: Option<String>) -> Attribute {
    let verb = match (&before, &after) {
        (None, _) => Verb::Add,
        (_, None) => Verb::Remove,
        _ => Verb::Change,
    };
    Attribute { verb, name: name.to_owned(), before, after, class: None, notes: Vec::new() }
}

/// Returns the probes that a plan needs, as far as the facts at hand tell, and that they do not answer.
pub fn probes(desired: &Desired, facts: &Facts) -> BTreeSet<Probe> {
    let of_kinds = STAGES.iter().flat_map(|stage| (stage.probes)(desired, facts));
    let all = observed::probes(facts).into_iter().chain(of_kinds);
    all.filter(|probe| !facts.knows(probe)).collect()
}

/// Returns the plan that leads from what is observed to what is desired, or every reason why there
/// is none.
pub fn plan(desired: &Desired, facts: &Facts) -> Result<Plan, Vec<Refusal>> {
    let observed = Observed::new(desired, facts)?;
    let mut draft = Draft::default();
    let mut refusals = Vec::new();
    for stage in &STAGES {
        refusals.extend((stage.plan)(&observed, &mut draft).err().unwrap_or_default());
    }
    let plan = draft.finish();
    if writes_cluster_files(&plan) {
        refusals.extend(observed.require_quorum().err());
    }
    refusals.sort();
    refusals.dedup();
    if refusals.is_empty() { Ok(plan) } else { Err(refusals) }
}

/// Returns whether a plan changes anything in the cluster file system, which needs a quorum.
fn writes_cluster_files(plan: &Plan) -> bool {
    let mut operations = plan.steps().flat_map(|step| &step.action.operations);
    operations.any(|operation| match operation {
        Operation::Write(Write { at, .. }) | Operation::Remove { at, .. } => {
            at.path.is_below("/etc/pve")
        }
        Operation::Run(run) => is_of_cluster(&run.argv),
        Operation::Edit { .. } => true,
        Operation::Transform(_) | Operation::Check(_) | Operation::Link(_) => false,
    })
}

/// Returns whether a program changes a guest's configuration: `pct` and `qm` do, but where they reach into a guest.
fn is_of_cluster(argv: &[String]) -> bool {
    let mut words = argv.iter().map(String::as_str);
    let passes = |word: Option<&str>| matches!(word, Some("push" | "pull" | "guest"));
    matches!(words.next(), Some("pct" | "qm")) && !passes(words.next())
}

/// Returns whether phoenix only looks at a file: one that cannot be read is then passed over.
pub(crate) fn only_looks_at(at: &crate::location::Location) -> bool {
    nat::sources::is_script(at) || dnsmasq::is_foreign(at)
}

/// Returns where files in a container really are, by the paths of the answers that went through
/// symbolic links or may have.
pub fn real_paths(facts: &Facts, vmid: phoenix_formats::Vmid) -> BTreeMap<String, String> {
    nginx_site::resolved(vmid, facts)
}

/// Returns whether a guest is on the node, as far as the facts tell.
pub fn has_guest(facts: &Facts, vmid: phoenix_formats::Vmid) -> bool {
    [observed::config_path(vmid), vm::config_path(vmid)].iter().any(|at| facts.text(at).is_some())
}
