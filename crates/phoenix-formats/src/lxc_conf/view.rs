//! What `phoenix inspect lxc-conf` says about a file.

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{LxcConf, Section};
use crate::Warning;

/// Shows what Proxmox VE reads in a configuration file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LxcConfView {
    /// Always `true`: Proxmox VE refuses no file as a whole.
    pub ok: bool,
    /// Settings, `lxc` pairs, `pending`, `snapshots` and `digest`.
    pub parsed: Value,
    /// The lines that Proxmox VE warns about.
    pub warnings: Vec<Warning>,
    /// The file as Proxmox VE would write it.
    pub rewritten: String,
}

pub(super) fn view(conf: &LxcConf) -> LxcConfView {
    let snapshots =
        conf.snapshots().iter().map(|(name, section)| (name.clone(), object(section).into()));
    let mut parsed = object(conf.main());
    parsed.insert("digest".to_owned(), conf.digest().into());
    parsed.insert("pending".to_owned(), object(conf.pending()).into());
    parsed.insert("snapshots".to_owned(), Value::Object(snapshots.collect()));
    LxcConfView {
        ok: true,
        parsed: parsed.into(),
        warnings: conf.warnings().to_vec(),
        rewritten: conf.rewritten(),
    }
}

fn object(section: &Section) -> Map<String, Value> {
    let settings = section.entries().map(|(key, value)| (key.to_owned(), value.into()));
    let mut object: Map<String, Value> = settings.collect();
    if !section.raw().is_empty() {
        object.insert("lxc".to_owned(), json!(section.raw()));
    }
    object
}
