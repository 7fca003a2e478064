//! How a container's configuration is changed: the file for raw lines, `pct` for everything else.

use phoenix_formats::Vmid;
use phoenix_formats::lxc_conf::LxcConf;

use super::keys::KeyChange;
use super::public;
use crate::location::Location;
use crate::operation::{Operation, Run, Write};

/// Permission bits of a guest's configuration; the cluster file system sets its own anyway.
pub(super) const CONFIG_MODE: u32 = 0o640;

pub(super) fn resize(at: &Location, vmid: Vmid, key: &str, size: u64) -> Operation {
    let words = ["pct", "resize", &vmid.to_string(), key, &format!("{size}G")];
    let mut run = Run::on_node(words.map(str::to_owned).to_vec());
    run.touches = Some(at.clone());
    Operation::Run(run)
}

pub(super) fn write_raw(at: &Location, before: &str, after: &str) -> Option<Operation> {
    (before != after).then(|| {
        let (before, after) = (Some(before.to_owned()), after.to_owned());
        Operation::Write(Write::new(at.clone(), before, after, CONFIG_MODE))
    })
}

/// Returns the calls of `pct set`: one, and before it one that clears what is pending where a
/// deletion would otherwise lose against it.
pub(super) fn pct_set(
    vmid: Vmid,
    keys: &[KeyChange],
    public: Option<&public::Change>,
    conf: &LxcConf,
    text: &str,
    at: &Location,
) -> Vec<Operation> {
    let (set, delete) = split(keys, public);
    if set.is_empty() && delete.is_empty() {
        return Vec::new();
    }
    let call = |words: Vec<String>| {
        let argv = ["pct", "set"].map(str::to_owned).into_iter().chain([vmid.to_string()]);
        let mut run = Run::on_node(argv.chain(words).collect());
        run.touches = Some(at.clone());
        Operation::Run(run)
    };
    let reverted = delete.iter().filter(|key| conf.pending().get(key).is_some());
    let reverted = reverted.cloned().collect::<Vec<_>>();
    let mut words = set.into_iter().flat_map(|(k, v)| [format!("--{k}"), v]).collect::<Vec<_>>();
    if !delete.is_empty() {
        words.extend(["--delete".to_owned(), delete.join(",")]);
    }
    if reverted.is_empty() {
        let digest = LxcConf::parse(text).digest();
        words.extend(["--digest".to_owned(), digest]);
        return vec![call(words)];
    }
    vec![call(vec!["--revert".to_owned(), reverted.join(",")]), call(words)]
}

/// Returns what is set, with its values, and what is deleted, both in order.
fn split(
    keys: &[KeyChange],
    public: Option<&public::Change>,
) -> (Vec<(String, String)>, Vec<String>) {
    let of_keys = keys.iter().map(|change| (change.key.clone(), change.after.clone()));
    let (mut set, mut delete) = (Vec::new(), Vec::new());
    for (key, after) in of_keys.chain(public.and_then(public::Change::pct)) {
        match after {
            Some(value) => set.push((key, value)),
            None => delete.push(key),
        }
    }
    set.sort();
    delete.sort();
    (set, delete)
}
