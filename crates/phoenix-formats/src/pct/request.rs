//! A checked `pct set` command.

use std::collections::BTreeMap;
use std::fmt;

use super::args::Args;
use crate::Vmid;
use crate::lxc_conf::setting::Setting;
use crate::property::check;

/// A `pct set` command that `pct` takes: its values are checked, the node's state is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PctSet {
    pub(super) vmid: Vmid,
    pub(super) set: BTreeMap<String, String>,
    pub(super) delete: Vec<String>,
    pub(super) revert: Vec<String>,
    pub(super) digest: Option<String>,
}

/// Says everything that is wrong with the arguments of `pct set`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PctError {
    faults: Vec<String>,
}

impl fmt::Display for PctError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.faults.join("; "))
    }
}

impl std::error::Error for PctError {}

impl From<Vec<String>> for PctError {
    fn from(faults: Vec<String>) -> Self {
        Self { faults }
    }
}

impl PctSet {
    /// Reads the arguments behind `pct`: `set`, the guest's number and options.
    pub fn parse(args: &[String]) -> Result<Self, PctError> {
        match args.split_first() {
            Some((verb, rest)) if verb == "set" => Self::checked(Args::parse(rest)?),
            _ => Err(vec!["only `pct set` is understood here".to_owned()].into()),
        }
    }

    /// Returns the guest that the command is for.
    pub fn vmid(&self) -> Vmid {
        self.vmid
    }

    /// Returns the settings that it sets, as they were given but for booleans.
    pub fn set(&self) -> &BTreeMap<String, String> {
        &self.set
    }

    /// Returns the settings that it deletes.
    pub fn delete(&self) -> &[String] {
        &self.delete
    }

    fn checked(mut args: Args) -> Result<Self, PctError> {
        let mut faults = Vec::new();
        let vmid = vmid(&args.positional).map_err(|fault| faults.push(fault)).ok();
        let digest = args.options.remove("digest");
        if args.options.is_empty() {
            faults.push("nothing is to be set".to_owned());
        }
        if digest.as_ref().is_some_and(|digest| digest.chars().count() > 40) {
            faults.push("`--digest` takes at most 40 characters".to_owned());
        }
        let delete = names(args.options.remove("delete"), "delete", &args.options, &mut faults);
        let revert = names(args.options.remove("revert"), "revert", &args.options, &mut faults);
        let set = accepted(args.options, &mut faults);
        match vmid {
            Some(vmid) if faults.is_empty() => Ok(Self { vmid, set, delete, revert, digest }),
            _ => Err(faults.into()),
        }
    }
}

fn vmid(positional: &[String]) -> Result<Vmid, String> {
    match positional {
        [vmid] => vmid.parse().map_err(|error: crate::ParseVmidError| error.to_string()),
        [] => Err("the guest's number is missing".to_owned()),
        [_, other, ..] => Err(format!("`{other}` is an argument too many")),
    }
}

fn names(
    list: Option<String>,
    option: &str,
    set: &BTreeMap<String, String>,
    faults: &mut Vec<String>,
) -> Vec<String> {
    let list = list.unwrap_or_default();
    let names: Vec<String> = check::split_list(&list).map(str::to_owned).collect();
    for name in &names {
        if Setting::find(name).is_none() {
            faults.push(format!("`--{option}`: there is no setting `{name}`"));
        } else if set.contains_key(name) {
            faults
                .push(format!("`{name}` cannot be set and named in `--{option}` at the same time"));
        }
    }
    names
}

fn accepted(
    options: BTreeMap<String, String>,
    faults: &mut Vec<String>,
) -> BTreeMap<String, String> {
    let mut set = BTreeMap::new();
    for (key, value) in options {
        match Setting::find(&key).map(|setting| setting.accept(&value)) {
            Some(Ok(value)) => drop(set.insert(key, value)),
            Some(Err(why)) => faults.push(format!("`{key}`: {why}")),
            None => faults.push(format!("there is no setting `{key}`")),
        }
    }
    set
}
