//! `lxc/ID/step_cli/bootstrap` and `vm/ID/step_cli/bootstrap`: step(1) of root in a guest knows the certificate authority, as after
//! `step ca bootstrap`.
//!
//! Only where the guest trusts the authority (`trusted_ca`): the root certificate is that of its trust store, which
//! `step_ca.root_fingerprint` narrows. So nothing is fetched on trust, and the authority need not answer.
//! A file with more in it than step(1) writes itself is reported and left alone.

use phoenix_formats::Vmid;
use serde_json::{Map, Value, json};

use crate::desired::Desired;
use crate::kind::feature::{Guest, STEP_CLI, TRUSTED_CA, at};
use crate::kind::step_ca::PORT;
use crate::kind::step_ca::root::{self, Root};
use crate::kind::trusted_ca;
use crate::location::Place;
use crate::operation::{Operation, Write};
use crate::plan::{ActionId, Draft, Edge, Verb};
use crate::probe::Probe;

/// What step(1) knows of an authority.
const DEFAULTS: &str = "/root/.step/config/defaults.json";

/// Permission bits of the file, as step(1) has them: no secret is in it.
const MODE: u32 = 0o644;

/// The members that step(1) writes itself.
const OWN: [&str; 4] = ["ca-url", "fingerprint", "redirect-url", "root"];

pub(super) fn probe(place: Place) -> Probe {
    Probe::File(at(place, DEFAULTS))
}

/// Plans the file; nothing where the guest trusts no authority, or nobody knows its address.
pub(super) fn plan(guest: &Guest<'_>, packages: Option<ActionId>, draft: &mut Draft) {
    let desired = guest.observed.desired;
    let trusts = desired.trust.with_feature(TRUSTED_CA).any(|(vmid, _)| vmid == guest.vmid);
    let Some(url) = url(guest.vmid, desired).filter(|_| trusts) else { return };
    let address = guest.address(STEP_CLI).part("bootstrap");
    if !guest.sees(DEFAULTS) {
        return draft.defer(address, format!("{DEFAULTS} cannot be read"));
    }
    let present = match members(guest.text(DEFAULTS)) {
        Ok(present) => present,
        Err(why) => return draft.defer(address, why),
    };
    let wanted = wanted(&present, &url, &root_of(guest, draft));
    if present == wanted {
        return;
    }
    let verb = if guest.text(DEFAULTS).is_none() { Verb::Add } else { Verb::Change };
    let before = guest.text(DEFAULTS).map(str::to_owned);
    let text = format!("{:#}\n", Value::Object(wanted));
    let write = Operation::Write(Write::new(at(guest.place, DEFAULTS), before, text, MODE));
    let action = guest.action(address, verb, format!("step(1) asks {url}"), vec![write]);
    draft.add(action, &after(guest, packages, draft));
}

/// Returns where the authority is asked; `None` when there is none.
fn url(vmid: Vmid, desired: &Desired) -> Option<String> {
    let trust = &desired.trust;
    let declared = trust.bootstrap.get(&vmid).map(|url| url.value.clone());
    declared.or_else(|| Some(format!("https://{}:{PORT}", trust.authority.as_ref()?.dns_name)))
}

fn root_of(guest: &Guest<'_>, draft: &Draft) -> Root {
    root::of(guest.observed.desired, guest.observed.facts, draft)
}

/// Reads the file; refuses one with members that would be lost.
fn members(text: Option<&str>) -> Result<Map<String, Value>, String> {
    let Some(text) = text else { return Ok(Map::new()) };
    let Ok(Value::Object(members)) = serde_json::from_str(text) else {
        return Err(format!("{DEFAULTS} is no JSON object: mend it, or move it away"));
    };
    match members.keys().find(|name| !OWN.contains(&name.as_str())) {
        None => Ok(members),
        Some(name) => Err(format!("{DEFAULTS} has `{name}`, which is the operator's: left alone")),
    }
}

/// Returns what the file shall say. A fingerprint is not needed beside the certificate, but must not be another's.
fn wanted(present: &Map<String, Value>, url: &str, root: &Root) -> Map<String, Value> {
    let mut wanted = present.clone();
    wanted.insert("ca-url".to_owned(), json!(url));
    wanted.insert("root".to_owned(), json!(trusted_ca::FILE));
    let is_its = |print: &Value| {
        let print = print.as_str().unwrap_or_default();
        matches!(root, Root::Known(root) if root.fingerprint().eq_ignore_ascii_case(print))
    };
    if !present.get("fingerprint").is_none_or(is_its) && !matches!(root, Root::Unknown(_)) {
        wanted.remove("fingerprint");
    }
    wanted
}

fn after(guest: &Guest<'_>, packages: Option<ActionId>, draft: &Draft) -> Vec<(ActionId, Edge)> {
    let trust = draft.find(&guest.address(TRUSTED_CA));
    let needs = packages.into_iter().chain(trust).map(|id| (id, Edge::Needs));
    guest.before(draft).into_iter().chain(needs).collect()
}

#[cfg(test)]
mod tests {
    use super::{Root, members, wanted};

    #[test]
    fn what_step_does_not_write_itself_is_left_alone() {
        assert!(members(None).unwrap().is_empty());
        assert_eq!(members(Some(r#"{"root": "/a", "redirect-url": ""}"#)).unwrap().len(), 2);
        assert!(members(Some(r#"{"root": "/a", "provisioner": "me"}"#)).is_err());
        assert!(members(Some("[]")).is_err());
        assert!(members(Some("{")).is_err());
    }

    #[test]
    fn a_fingerprint_stays_while_nobody_knows_the_root_certificate() {
        let present = members(Some(r#"{"fingerprint": "d9d0"}"#)).unwrap();
        let unknown = Root::Unknown(String::new());
        assert!(wanted(&present, "https://ca", &unknown).contains_key("fingerprint"));
        assert!(!wanted(&present, "https://ca", &Root::Made).contains_key("fingerprint"));
    }
}
