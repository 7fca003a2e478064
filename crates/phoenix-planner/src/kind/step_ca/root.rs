//! The root certificate, wherever it can be read, and the folder in which others find it.

use phoenix_formats::certificate::{Certificate, read_certificates};
use phoenix_formats::lxc_conf::LxcConf;
use phoenix_formats::property::PropertyText;

use super::ROOT;
use crate::desired::Desired;
use crate::kind::feature::at;
use crate::location::{AbsolutePath, Location, Place};
use crate::observed::config_path;
use crate::plan::Draft;
use crate::probe::Facts;

/// Where the shared folder is mounted in the authority's container.
const MOUNTED: &str = "/etc/step-ca/ssl";

/// The names of what is kept in the shared folder.
pub(in crate::kind) const FILE: &str = "phoenix_root_ca.crt";
pub(super) const FINGERPRINT: &str = "phoenix_root_ca.fingerprint";

/// What is known of the root certificate.
#[derive(Debug, Clone)]
pub(in crate::kind) enum Root {
    /// It is this one.
    Known(Box<Certificate>),
    /// It is made in the plan, and then in this file of the authority's container.
    Made,
    /// There is none: a lower-case fragment says why.
    Unknown(String),
}

/// Returns the folder of the node in which the root certificate is kept for others.
pub(in crate::kind) fn shared(desired: &Desired, facts: &Facts) -> Option<AbsolutePath> {
    let trust = &desired.trust;
    trust.shared.clone().or_else(|| {
        let text = facts.text(&config_path(trust.authority.as_ref()?.vmid))?;
        let conf = LxcConf::parse(text);
        let mounts = conf.entries().filter(|(key, _)| is_mount(key));
        let mut sources = mounts.filter_map(|(_, value)| source(value));
        sources.next()
    })
}

fn is_mount(key: &str) -> bool {
    key.strip_prefix("mp").is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// Returns the folder of the node behind a mount point that is the shared folder.
fn source(value: &str) -> Option<AbsolutePath> {
    let mount = PropertyText::parse(value);
    let volume = value.split(',').next()?.trim_start_matches("volume=");
    (mount.get("mp")?.trim_end_matches('/') == MOUNTED).then(|| volume.parse().ok())?
}

/// Returns the file of the node with the root certificate.
pub(in crate::kind) fn kept(desired: &Desired, facts: &Facts) -> Option<Location> {
    let folder = shared(desired, facts)?;
    let path = format!("{folder}/{FILE}").parse().ok()?;
    Some(Location { place: Place::Node, path })
}

/// Returns the root certificate that can be read: in the authority's container; where it is kept for others
/// only when no container is the authority, since others may write there.
pub(in crate::kind) fn known(
    desired: &Desired,
    facts: &Facts,
) -> Option<Result<Certificate, String>> {
    let place = match &desired.trust.authority {
        Some(authority) => at(Place::Guest(authority.vmid), ROOT),
        None => kept(desired, facts)?,
    };
    let read = read_certificates(facts.text(&place)?).map(|mut all| all.remove(0));
    Some(read.map_err(|error| format!("{place}: {error}")).and_then(|root| {
        let declared = desired.trust.fingerprint.as_ref();
        if declared.is_some_and(|declared| *declared != root.fingerprint()) {
            return Err(format!("{place} has another fingerprint than `step_ca.root_fingerprint`"));
        }
        Ok(root)
    }))
}

/// Returns what is known of the root certificate when the plan so far has been carried out.
pub(in crate::kind) fn of(desired: &Desired, facts: &Facts, draft: &Draft) -> Root {
    let authority = desired.trust.authority.as_ref();
    if authority.is_some_and(|authority| super::is_made(authority, draft)) {
        return Root::Made;
    }
    match (known(desired, facts), authority) {
        (Some(Ok(root)), _) => Root::Known(Box::new(root)),
        (Some(Err(why)), _) => Root::Unknown(why),
        (None, Some(authority)) => Root::Unknown(format!(
            "the root certificate is known when container {} runs as certificate authority",
            authority.vmid
        )),
        (None, None) => Root::Unknown(
            "no container is the certificate authority, and `step_ca.shared_path` has no root certificate"
                .to_owned(),
        ),
    }
}
