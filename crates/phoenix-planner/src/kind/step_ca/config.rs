//! What the authority's own configuration says of itself.

use serde_json::Value;

use super::PORT;
use crate::desired::Authority;

/// The few parts of `ca.json` that are declared.
pub(super) struct Config {
    address: String,
    names: Vec<String>,
    /// The types and names of its provisioners.
    provisioners: Vec<(String, String)>,
}

impl Config {
    pub(super) fn read(text: &str) -> Result<Self, &'static str> {
        let value = serde_json::from_str::<Value>(text).map_err(|_| "not valid JSON")?;
        let texts = |value: Option<&Value>| {
            let list = value.and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        let text = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let provisioners = value.pointer("/authority/provisioners").and_then(Value::as_array);
        let provisioners = provisioners.into_iter().flatten();
        Ok(Self {
            address: text(&value, "address"),
            names: texts(value.get("dnsNames")),
            provisioners: provisioners.map(|one| (text(one, "type"), text(one, "name"))).collect(),
        })
    }

    pub(super) fn has_acme(&self) -> bool {
        let acme = |(kind, name): &(String, String)| {
            kind.eq_ignore_ascii_case("acme") && name == super::ACME
        };
        self.provisioners.iter().any(acme)
    }

    /// Returns what is declared and not so: lower-case fragments.
    pub(super) fn differences(&self, authority: &Authority) -> Vec<String> {
        let mut differences = Vec::new();
        if !self.names.iter().any(|name| name.eq_ignore_ascii_case(&authority.dns_name)) {
            differences.push(format!("it does not answer to `{}`", authority.dns_name));
        }
        let port = self.address.rsplit(':').next().and_then(|port| port.parse::<u16>().ok());
        if port != Some(PORT) {
            differences.push(format!("it listens on `{}`, not on port {PORT}", self.address));
        }
        let has = |(kind, name): &(String, String)| {
            kind.eq_ignore_ascii_case("jwk") && *name == authority.provisioner
        };
        if !self.provisioners.iter().any(has) {
            differences.push(format!("it has no provisioner `{}`", authority.provisioner));
        }
        differences
    }
}
