//! Virtual machines: phoenix writes their firewall files, and only looks at their configurations.

use phoenix_formats::Vmid;
use phoenix_formats::firewall::{FwFile, Rule};

use super::file::Change;
use super::guest::Guest;
use crate::desired::Vm;
use crate::location::Location;
use crate::observed::Observed;
use crate::refusal::Refusal;

/// Plans the file of a virtual machine that is on the node and not locked.
pub(super) fn plan(
    observed: &Observed<'_>,
    vm: &Vm,
    cluster: &FwFile,
) -> Result<Option<Change>, Vec<Refusal>> {
    let (Some(firewall), Some(config)) = (&vm.firewall, observed.facts.text(&config_path(vm.vmid)))
    else {
        return Ok(None);
    };
    let config = settings(config);
    if config.iter().any(|(key, _)| *key == "lock") {
        return Ok(None);
    }
    let rules = firewall.rules.as_ref();
    let rules = |_: &FwFile| -> Option<Vec<Rule>> {
        rules.map(|rules| rules.iter().map(|rule| rule.value.clone()).collect())
    };
    let guest = Guest { vmid: vm.vmid, firewall: Some(firewall), origin: &vm.origin };
    let mut change = guest.plan(observed, cluster, rules)?;
    if let Some(change) = change.as_mut().filter(|_| firewall.enabled == Some(true)) {
        change.action.notes.extend(unguarded(&config));
    }
    Ok(change)
}

fn config_path(vmid: Vmid) -> Location {
    Location::node(&format!("/etc/pve/qemu-server/{vmid}.conf"))
}

/// Returns the settings that are in force: what stands above the first snapshot.
fn settings(config: &str) -> Vec<(&str, &str)> {
    let lines = config.lines().take_while(|line| !line.starts_with('['));
    let lines = lines.filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(':')).map(|(key, value)| (key, value.trim())).collect()
}

/// Says which interfaces the rules do not reach: those without `firewall=1`.
fn unguarded(config: &[(&str, &str)]) -> Option<String> {
    let number = |key: &str| key.strip_prefix("net")?.parse::<u8>().ok();
    let guarded = |value: &str| value.split(',').any(is_on);
    let open = config.iter().filter(|(key, value)| number(key).is_some() && !guarded(value));
    let mut names = open.map(|(key, _)| *key).collect::<Vec<_>>();
    names.sort_unstable();
    let have = if names.len() == 1 { "has" } else { "have" };
    let note = format!(
        "{} {have} no firewall=1 in the virtual machine's configuration: no rule is applied there",
        names.join(", ")
    );
    (!names.is_empty()).then_some(note)
}

fn is_on(part: &str) -> bool {
    let on = ["1", "on", "yes", "true"];
    let value = part.strip_prefix("firewall=");
    value.is_some_and(|value| on.iter().any(|word| word.eq_ignore_ascii_case(value)))
}
