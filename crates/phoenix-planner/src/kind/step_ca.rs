//! `lxc/ID/step_ca`: the certificate authority: its packages, its one initialisation, its service, and what
//! others need of it.
//!
//! Its passwords are made inside the container, into files that root alone can read, and are in no plan, log
//! or argument. It is initialised once: what its configuration says of itself later is looked at and
//! reported, never changed. One that somebody has made elsewhere is not replaced.

mod config;
mod export;
pub(super) mod root;
mod service;

use self::config::Config;
use super::attribute;
use super::feature::{Guest, STEP_CA, at, package, ready, to_ask};
use super::step_cli::{self, Packages};
use crate::desired::{Authority, Desired, Ipv4Config};
use crate::observed::Observed;
use crate::operation::{Check, Operation, Want};
use crate::plan::{Action, ActionId, Draft, Edge, Verb};
use crate::probe::{Argv, Facts, Probe, argv};
use crate::refusal::Refusal;

/// Where the authority keeps everything.
pub(super) const HOME: &str = "/etc/step-ca";
/// Its configuration: it is there when it has been initialised.
const CONFIG: &str = "/etc/step-ca/config/ca.json";
/// Its root certificate.
pub(super) const ROOT: &str = "/etc/step-ca/certs/root_ca.crt";
/// The password of its keys.
const PASSWORD: &str = "/etc/step-ca/password.txt";
/// The password of the provisioner by which phoenix gets certificates.
pub(super) const PROVISIONER_PASSWORD: &str = "/etc/step-ca/provisioner-password.txt";
/// Where step(1) puts an authority when nobody says where.
const ELSEWHERE: &str = "/root/.step/config/ca.json";

/// The port of every address of the container.
pub(super) const PORT: u16 = 9000;
/// The name of the provisioner that speaks ACME.
const ACME: &str = "acme";

/// The package of the authority, beside step(1) and openssl(1), which makes the passwords.
const PACKAGES: [&str; 3] = ["openssl", step_cli::PACKAGE, "step-ca"];

/// How much randomness is in a password, in bytes.
const PASSWORD_BYTES: &str = "33";

/// Returns the place where the authority's programs look.
pub(super) fn with_home(words: &[&str]) -> Argv {
    let home = format!("STEPPATH={HOME}");
    ["env", home.as_str()].iter().chain(words).map(|word| (*word).to_owned()).collect()
}

pub(super) fn probes(desired: &Desired, facts: &Facts) -> Vec<Probe> {
    let mut probes = Vec::new();
    for place in to_ask(STEP_CA, desired, facts) {
        probes.extend(step_cli::package_probes(place, PACKAGES, desired, facts));
        probes.extend([CONFIG, ROOT, ELSEWHERE].map(|path| Probe::File(at(place, path))));
        probes.extend(service::probes(place));
    }
    probes.extend(export::probes(desired, facts));
    probes
}

pub(super) fn plan(observed: &Observed<'_>, draft: &mut Draft) -> Result<(), Vec<Refusal>> {
    let Some(authority) = &observed.desired.trust.authority else { return Ok(()) };
    let mut guests = ready(STEP_CA, observed, draft);
    guests.retain(|guest| guest.vmid == authority.vmid);
    let Some(guest) = guests.first() else { return Ok(()) };
    let part = format!("{STEP_CA}/packages");
    let packages = step_cli::plan_packages(guest, &part, &PACKAGES, "step-ca and step(1)", draft);
    let mut needs = match packages {
        Packages::OutOfReach => {
            draft.defer(guest.address(STEP_CA), "its packages are not installed");
            return Ok(());
        }
        Packages::Planned(id) => vec![(id, Edge::Needs)],
        Packages::There => Vec::new(),
    };
    needs.extend(package::planned(guest, PACKAGES, draft));
    let Some(made) = plan_authority(guest, authority, &needs, draft)? else { return Ok(()) };
    let started = service::plan(guest, &made, draft);
    export::plan(guest, &started, draft);
    Ok(())
}

/// What is planned before something, in order.
type After = Vec<(ActionId, Edge)>;

/// Plans the initialisation and the ACME provisioner; `None` when there is nothing that could be served.
fn plan_authority(
    guest: &Guest<'_>,
    authority: &Authority,
    needs: &After,
    draft: &mut Draft,
) -> Result<Option<After>, Vec<Refusal>> {
    let address = guest.address(STEP_CA);
    if !guest.sees(CONFIG) {
        draft.defer(address, "nobody can look into the container");
        return Ok(None);
    }
    let mut after = guest.before(draft);
    after.extend(needs);
    let Some(text) = guest.text(CONFIG) else {
        if let Some(why) = in_the_way(guest) {
            draft.defer(address, why);
            return Ok(None);
        }
        let made = draft.add(initialisation(guest, authority), &after);
        return Ok(Some(plan_acme(guest, &vec![(made, Edge::Needs)], draft)));
    };
    let config = Config::read(text).map_err(|why| {
        let help = "Mend the file by hand: `step-ca` does not start with it.";
        vec![Refusal::file(&at(guest.place, CONFIG), None, why, help)]
    })?;
    for why in config.differences(authority) {
        draft.defer(address.clone(), format!("{why}; phoenix does not change it: edit {CONFIG}"));
    }
    Ok(Some(if config.has_acme() { after } else { plan_acme(guest, &after, draft) }))
}

fn initialisation(guest: &Guest<'_>, authority: &Authority) -> Action {
    let mut action = guest.action(
        guest.address(STEP_CA),
        Verb::Add,
        "the certificate authority, initialised once",
        initialise(guest, authority),
    );
    action.attributes =
        [("name", authority.name.clone()), ("dns", names(guest, authority).join(", "))]
            .map(|(name, value)| attribute(name, None, Some(value)))
            .into();
    action.notes.push(format!(
        "its passwords are made in the container, in {HOME}: back them up, nothing else opens its keys"
    ));
    action
}

/// Says what keeps an authority from being made: keys of another one must not be lost.
fn in_the_way(guest: &Guest<'_>) -> Option<String> {
    if guest.text(ROOT).is_some() {
        return Some(format!(
            "{ROOT} is there and {CONFIG} is not: move {HOME}/certs and {HOME}/secrets away, or put the rest back"
        ));
    }
    let elsewhere = guest.text(ELSEWHERE).is_some();
    elsewhere.then(|| {
        format!("there is another one, {ELSEWHERE}: move all of /root/.step to {HOME}, or away")
    })
}

fn words(guest: &Guest<'_>, words: &[&str]) -> Operation {
    guest.run(words.iter().map(|word| (*word).to_owned()).collect())
}

fn initialise(guest: &Guest<'_>, authority: &Authority) -> Vec<Operation> {
    let password = |path: &'static str| {
        [
            // The file is there with its mode before anything is in it.
            words(guest, &["install", "--mode=0600", "/dev/null", path]),
            words(guest, &["openssl", "rand", "-base64", "-out", path, PASSWORD_BYTES]),
        ]
    };
    let mut operations = vec![words(guest, &["install", "--directory", "--mode=0755", HOME])];
    operations.extend([PASSWORD, PROVISIONER_PASSWORD].into_iter().flat_map(password));
    operations.push(guest.run(init(authority, &names(guest, authority))));
    let shows = argv(["openssl", "x509", "-noout", "-in", ROOT]);
    operations.push(Operation::Check(Check {
        probe: super::feature::asked(guest.place, shows),
        want: Want::Success,
        attempts: 1,
        pause: 0,
    }));
    operations
}

/// Returns the names to which the authority answers: guests may know it by its address.
fn names(guest: &Guest<'_>, authority: &Authority) -> Vec<String> {
    let container = guest.observed.desired.containers.get(&authority.vmid);
    let address = match container.and_then(|container| container.net0.as_ref()?.ip) {
        Some(Ipv4Config::Static(net)) => Some(net.addr().to_string()),
        _ => None,
    };
    [authority.dns_name.clone(), "localhost".to_owned()].into_iter().chain(address).collect()
}

fn init(authority: &Authority, names: &[String]) -> Argv {
    let address = format!(":{PORT}");
    let mut words = vec!["step", "ca", "init", "--deployment-type", "standalone"];
    words.extend(["--name", &authority.name]);
    words.extend(names.iter().flat_map(|name| ["--dns", name.as_str()]));
    words.extend(["--address", &address, "--provisioner", &authority.provisioner]);
    words.extend(["--password-file", PASSWORD]);
    words.extend(["--provisioner-password-file", PROVISIONER_PASSWORD]);
    with_home(&words)
}

/// Adds the provisioner that speaks ACME. Both challenges work without access to DNS.
fn plan_acme(guest: &Guest<'_>, after: &After, draft: &mut Draft) -> After {
    let add = [
        "step",
        "ca",
        "provisioner",
        "add",
        ACME,
        "--type",
        "ACME",
        "--challenge",
        "http-01",
        "--challenge",
        "tls-alpn-01",
        "--ca-config",
        CONFIG,
    ];
    let operations = vec![guest.run(with_home(&add))];
    let address = guest.address(STEP_CA).part(ACME);
    let action = guest.action(address, Verb::Add, "its provisioner for ACME", operations);
    vec![(draft.add(action, after), Edge::Needs)]
}

/// Returns the actions that make the authority what it is, for what needs it.
pub(super) fn planned(authority: &Authority, draft: &Draft) -> Vec<(ActionId, Edge)> {
    let base = super::lxc::address(authority.vmid).part(STEP_CA);
    let ids = draft.find_all(|address| address.is_within(&base));
    ids.into_iter().map(|id| (id, Edge::Needs)).collect()
}

/// Returns whether an authority is made in the plan, so that nothing is known of its root certificate.
pub(super) fn is_made(authority: &Authority, draft: &Draft) -> bool {
    draft.find(&super::lxc::address(authority.vmid).part(STEP_CA)).is_some()
}
