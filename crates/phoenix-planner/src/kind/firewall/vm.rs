//! Virtual machines: their firewall files. What their configurations say of it is [`super::super::vm`]'s.

use phoenix_formats::Vmid;
use phoenix_formats::firewall::{FwFile, Level, Rule};
use phoenix_formats::qm::{VmConf, VmNet};

use super::super::vm::{NET, config_path};
use super::file::Change;
use super::guest::Guest;
use super::{guest_path, planned_texts};
use crate::address::Address;
use crate::desired::{Vm, VmSource};
use crate::observed::Observed;
use crate::plan::{ActionId, Draft, Edge};
use crate::refusal::Refusal;

/// Plans the file of a virtual machine that is on the node and not locked.
pub(super) fn plan(
    observed: &Observed<'_>,
    vm: &Vm,
    cluster: &FwFile,
) -> Result<Option<Change>, Vec<Refusal>> {
    let Some(config) = observed.facts.text(&config_path(vm.vmid)) else { return Ok(None) };
    let config = VmConf::parse(config);
    if config.lock().is_some() {
        return Ok(None);
    }
    let text = observed.facts.text(&guest_path(vm.vmid));
    let mut change = change(vm, text, cluster)?;
    let enabled = vm.firewall.as_ref().is_some_and(|firewall| firewall.enabled == Some(true));
    if let Some(change) = change.as_mut().filter(|_| enabled) {
        change.action.notes.extend(unguarded(&config));
    }
    Ok(change)
}

/// Plans the file of a virtual machine that the plan makes: after that, since a clone gets the file of its
/// `source`, and loses an older one of its number.
pub(in super::super) fn plan_made(
    observed: &Observed<'_>,
    vm: &Vm,
    made: ActionId,
    draft: &mut Draft,
) -> Result<(), Vec<Refusal>> {
    let from = match &vm.source {
        Some(VmSource::Clone(source)) => source.value,
        _ => vm.vmid,
    };
    let text = planned_text(observed, from, draft);
    let (_, cluster) = planned_texts(observed, vm.vmid, draft);
    let cluster = FwFile::parse(Level::Cluster, &cluster, None);
    if let Some(change) = change(vm, text.as_deref(), &cluster)? {
        let names = [Address::new("firewall", "cluster").part("definitions")];
        let names = names.iter().filter_map(|address| draft.find(address));
        let needs = names.chain([made]).map(|id| (id, Edge::Needs)).collect::<Vec<_>>();
        draft.add(change.action, &needs);
    }
    Ok(())
}

/// Returns the text of a machine's file as the plan leaves it.
pub(in super::super) fn planned_text(
    observed: &Observed<'_>,
    vmid: Vmid,
    draft: &Draft,
) -> Option<String> {
    let at = guest_path(vmid);
    let written = draft.written(&at).map(|(_, text)| text.to_owned());
    written.or_else(|| observed.facts.text(&at).map(str::to_owned))
}

fn change(vm: &Vm, text: Option<&str>, cluster: &FwFile) -> Result<Option<Change>, Vec<Refusal>> {
    let Some(firewall) = &vm.firewall else { return Ok(None) };
    let rules = firewall.rules.as_ref();
    let rules = |_: &FwFile| -> Option<Vec<Rule>> {
        rules.map(|rules| rules.iter().map(|rule| rule.value.clone()).collect())
    };
    let guest = Guest { vmid: vm.vmid, firewall: Some(firewall), origin: &vm.origin };
    guest.plan_on(text, cluster, rules)
}

/// Says which interfaces the rules do not reach: those without `firewall=1`. The first one gets it.
fn unguarded(config: &VmConf) -> Option<String> {
    let number = |key: &str| key.strip_prefix("net")?.parse::<u8>().ok();
    let guarded = |value: &str| VmNet::parse(value).is_ok_and(|net| net.is_on("firewall"));
    let open = config.main().entries();
    let open = open.filter(|(key, value)| number(key).is_some() && *key != NET && !guarded(value));
    let names = open.map(|(key, _)| key).collect::<Vec<_>>();
    let have = if names.len() == 1 { "has" } else { "have" };
    let note = format!(
        "{} {have} no firewall=1 in the virtual machine's configuration: no rule is applied there",
        names.join(", ")
    );
    (!names.is_empty()).then_some(note)
}
