//! step(1) and step-ca in a guest, and openssl(1) as far as phoenix calls it.
//!
//! Certificates are real and the same each time: their keys come from fixed numbers. What stands in key files
//! is no key.

use phoenix_formats::Vmid;
use phoenix_formats::certificate::read_certificates;
use phoenix_planner::location::Place;
use phoenix_planner::probe::Output;
use serde_json::{Value, json};

use super::issued::{self, Made};
use super::{NOT_FOUND, SimulatedNode, done, fail};
use crate::local::root::Missing;
use crate::node::NodeError;

/// Where the authority is, and its parts.
const HOME: &str = "STEPPATH=/etc/step-ca";
const CONFIG: &str = "/etc/step-ca/config/ca.json";
const ROOT: &str = "/etc/step-ca/certs/root_ca.crt";
const INTERMEDIATE: &str = "/etc/step-ca/certs/intermediate_ca.crt";
const KEYS: [&str; 2] =
    ["/etc/step-ca/secrets/root_ca_key", "/etc/step-ca/secrets/intermediate_ca_key"];

/// The unit of the authority.
pub(super) const UNIT: &str = "step-ca.service";

/// Stands in files for a private key.
const NO_KEY: &str = "a simulated node has no keys\n";

/// Returns the value of an option that is given once.
fn option<'a>(words: &[&'a str], name: &str) -> Option<&'a str> {
    let at = words.iter().position(|word| *word == name)?;
    words.get(at + 1).copied()
}

/// Returns the values of an option that may be repeated.
fn all_options<'a>(words: &[&'a str], name: &str) -> Vec<&'a str> {
    let pairs = words.windows(2).filter(|pair| pair[0] == name);
    pairs.map(|pair| pair[1]).collect()
}

/// Returns whether words are pairs of these options and their values.
fn are_pairs(words: &[&str], known: &[&str]) -> bool {
    words.len().is_multiple_of(2) && words.chunks(2).all(|pair| known.contains(&pair[0]))
}

/// The options of `step ca init`, each with a value.
const INIT_OPTIONS: [&str; 7] = [
    "--deployment-type",
    "--name",
    "--dns",
    "--address",
    "--provisioner",
    "--password-file",
    "--provisioner-password-file",
];

impl SimulatedNode {
    /// Runs a program of the authority that only answers.
    pub(super) fn authority_question(&self, vmid: Vmid, words: &[&str]) -> Option<Output> {
        match words {
            ["openssl", "x509", "-noout", "-in", path] => Some(self.x509(vmid, path, |_| Ok(()))),
            _ => None,
        }
    }

    fn x509(
        &self,
        vmid: Vmid,
        path: &str,
        then: impl FnOnce(&str) -> Result<(), Output>,
    ) -> Output {
        if !self.guest_has(vmid, "openssl") {
            return fail(NOT_FOUND, "there is no program `openssl` in the guest");
        }
        let text = self.read(Place::Guest(vmid), path).unwrap_or_default();
        match read_certificates(&text) {
            Ok(all) => then(&all[0].fingerprint()).map_or_else(|output| output, |()| done("")),
            Err(error) => fail(1, format!("openssl: {path}: {error}")),
        }
    }

    /// Runs a program of the authority that changes something; `None` when it is not called like this.
    pub(super) fn authority_change(
        &self,
        vmid: Vmid,
        words: &[&str],
    ) -> Result<Option<Output>, NodeError> {
        match words {
            ["openssl", "rand", "-base64", "-out", path, number]
                if number.parse::<u32>().is_ok() =>
            {
                self.random(vmid, path).map(Some)
            }
            ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", from, "-out", to] => {
                self.fingerprint(vmid, from, to).map(Some)
            }
            ["env", home, "step", ..] if *home != HOME => Ok(None),
            ["env", _, "step", ..] if !self.guest_has(vmid, "step-cli") => {
                Ok(Some(fail(NOT_FOUND, "there is no program `step` in the guest")))
            }
            ["env", _, "step", "ca", "init", options @ ..] => self.initialise(vmid, options),
            ["env", _, "step", "ca", "provisioner", "add", name, options @ ..] => {
                self.add_provisioner(vmid, name, options)
            }
            ["env", _, "step", "ca", "certificate", name, crt, key, "--force", options @ ..] => {
                self.issue(vmid, name, (crt, key), options)
            }
            _ => Ok(None),
        }
    }

    fn random(&self, vmid: Vmid, path: &str) -> Result<Output, NodeError> {
        if !self.guest_has(vmid, "openssl") {
            return Ok(fail(NOT_FOUND, "there is no program `openssl` in the guest"));
        }
        let failed = self.put(Place::Guest(vmid), path, "not random\n", Missing::Fail)?;
        Ok(failed.unwrap_or_else(|| done("")))
    }

    fn fingerprint(&self, vmid: Vmid, from: &str, to: &str) -> Result<Output, NodeError> {
        let mut print = String::new();
        let output = self.x509(vmid, from, |digits| {
            digits.clone_into(&mut print);
            Ok(())
        });
        if !output.success() {
            return Ok(output);
        }
        let pairs = print.to_uppercase().into_bytes();
        let pairs = pairs.chunks(2).map(|pair| String::from_utf8_lossy(pair).into_owned());
        let text = format!("sha256 Fingerprint={}\n", pairs.collect::<Vec<_>>().join(":"));
        let failed = self.put(Place::Guest(vmid), to, &text, Missing::Fail)?;
        Ok(failed.unwrap_or_else(|| done("")))
    }

    fn initialise(&self, vmid: Vmid, options: &[&str]) -> Result<Option<Output>, NodeError> {
        let place = Place::Guest(vmid);
        let given = |name| option(options, name);
        let (true, Some("standalone"), Some(name), Some(address), Some(provisioner)) = (
            are_pairs(options, &INIT_OPTIONS),
            given("--deployment-type"),
            given("--name"),
            given("--address"),
            given("--provisioner"),
        ) else {
            return Ok(None);
        };
        if let Some(why) = self.cannot_initialise(place, options) {
            return Ok(Some(fail(1, why)));
        }
        let Made { root, intermediate } = issued::authority(name, self.now());
        let config = json!({
            "root": ROOT,
            "crt": INTERMEDIATE,
            "address": address,
            "dnsNames": all_options(options, "--dns"),
            "authority": { "provisioners": [{ "type": "JWK", "name": provisioner }] },
        });
        let config = format!("{config:#}\n");
        let files = [
            (ROOT, root.as_str()),
            (INTERMEDIATE, &intermediate),
            (KEYS[0], NO_KEY),
            (KEYS[1], NO_KEY),
            (CONFIG, &config),
        ];
        for (path, text) in files {
            self.put(place, path, text, Missing::Make)?;
        }
        Ok(Some(done("")))
    }

    /// Says on what the program would ask somebody, and nobody is there.
    fn cannot_initialise(&self, place: Place, options: &[&str]) -> Option<&'static str> {
        for file in ["--password-file", "--provisioner-password-file"] {
            let text = option(options, file).and_then(|file| self.read(place, file));
            if text.is_none_or(|text| text.is_empty()) {
                return Some("there is no password, and nobody to ask for one");
            }
        }
        let is_there = [CONFIG, ROOT].iter().any(|path| self.read(place, path).is_some());
        is_there.then_some("it would overwrite what is there, and nobody is there to ask")
    }

    fn config(&self, vmid: Vmid) -> Option<Value> {
        serde_json::from_str(&self.read(Place::Guest(vmid), CONFIG)?).ok()
    }

    fn add_provisioner(
        &self,
        vmid: Vmid,
        name: &str,
        options: &[&str],
    ) -> Result<Option<Output>, NodeError> {
        let known = are_pairs(options, &["--type", "--challenge", "--ca-config"]);
        let challenges = all_options(options, "--challenge");
        let valid = challenges.iter().all(|c| ["http-01", "dns-01", "tls-alpn-01"].contains(c));
        let to_config = option(options, "--ca-config") == Some(CONFIG);
        if !known || !valid || !to_config || option(options, "--type") != Some("ACME") {
            return Ok(None);
        }
        let Some(mut config) = self.config(vmid) else {
            return Ok(Some(fail(1, "there is no authority here")));
        };
        let list = config.pointer_mut("/authority/provisioners").and_then(Value::as_array_mut);
        let Some(list) = list else { return Ok(Some(fail(1, "there is no authority here"))) };
        if list.iter().any(|one| one["name"] == name) {
            return Ok(Some(fail(1, format!("there is a provisioner `{name}` already"))));
        }
        list.push(json!({ "type": "ACME", "name": name, "challenges": challenges }));
        self.put(Place::Guest(vmid), CONFIG, &format!("{config:#}\n"), Missing::Fail)?;
        Ok(Some(done("")))
    }

    fn issue(
        &self,
        vmid: Vmid,
        name: &str,
        (crt, key): (&str, &str),
        options: &[&str],
    ) -> Result<Option<Output>, NodeError> {
        const KNOWN: [&str; 5] =
            ["--ca-url", "--root", "--provisioner", "--provisioner-password-file", "--san"];
        let place = Place::Guest(vmid);
        if !are_pairs(options, &KNOWN) || option(options, "--root") != Some(ROOT) {
            return Ok(None);
        }
        if !self.guest_unit_runs(vmid, UNIT) {
            return Ok(Some(fail(1, "nobody answers at the authority's address")));
        }
        let has = |config: &Value| {
            let list = config.pointer("/authority/provisioners").and_then(Value::as_array);
            let wanted = option(options, "--provisioner");
            list.is_some_and(|list| list.iter().any(|one| one["name"].as_str() == wanted))
        };
        if !self.config(vmid).as_ref().is_some_and(has) {
            return Ok(Some(fail(1, "there is no such provisioner")));
        }
        let names = all_options(options, "--san");
        let names = if names.is_empty() { vec![name] } else { names };
        let intermediate = self.read(place, INTERMEDIATE).unwrap_or_default();
        let of = read_certificates(&self.read(place, ROOT).unwrap_or_default());
        let of = of.ok().and_then(|all| all[0].common_name().map(str::to_owned));
        let Some(of) = of.as_deref().and_then(issued::name_of) else {
            return Ok(Some(fail(1, "there is no root certificate of a simulated authority")));
        };
        let leaf = issued::leaf(of, name, &names, self.now());
        for (path, text) in [(crt, leaf + &intermediate), (key, NO_KEY.to_owned())] {
            if let Some(failed) = self.put(place, path, &text, Missing::Fail)? {
                return Ok(Some(failed));
            }
        }
        Ok(Some(done("")))
    }

    /// Says why the authority does not start.
    pub(super) fn authority_fault(&self, vmid: Vmid) -> Option<&'static str> {
        let place = Place::Guest(vmid);
        let password = self.read(place, "/etc/step-ca/password.txt");
        match () {
            () if !self.guest_has(vmid, "step-ca") => Some("there is no program `step-ca`"),
            () if self.config(vmid).is_none() => Some("there is no configuration"),
            () if password.is_none_or(|text| text.is_empty()) => Some("there is no password"),
            () => None,
        }
    }
}
