//! Lowering of what is named to be set up in guests: features, and scripts of the operator's own.

use phoenix_formats::Vmid;

use super::finding::Finding;
use super::part::Lowering;
use crate::declared::{ContainerFile, HypervisorFile, List, Number, VmFile};
use crate::desired::{Located, Trust};
use crate::kind::KNOWN_FEATURES;
use crate::source::{FileKind, Origin};

/// Returns the features that phoenix does not know, and the operator's own scripts, where no folder has them.
pub(super) fn later(global: &HypervisorFile, file: &ContainerFile, vms: &VmFile) -> Vec<Origin> {
    let mut later = Vec::new();
    if global.feature_scripts_dir.is_none() {
        let all = features(file).chain(machine_features(vms));
        let unknown = all.filter(|(_, _, name)| !KNOWN_FEATURES.contains(name));
        later.extend(unknown.map(|(_, origin, _)| origin));
    }
    if global.application_scripts_dir.is_none() {
        later.extend(applications(file).map(|(_, origin, _)| origin));
    }
    later
}

fn applications(file: &ContainerFile) -> impl Iterator<Item = (Vmid, Origin, &str)> {
    let root = Origin::file(FileKind::Containers).at("lxc_configs");
    let containers = file.lxc_configs.iter().flatten();
    containers.filter_map(move |(Number(vmid), one)| {
        let script = one.as_ref()?.application_script.as_deref()?;
        Some((*vmid, root.at(vmid).at("application_script"), script))
    })
}

fn features(file: &ContainerFile) -> impl Iterator<Item = (Vmid, Origin, &str)> {
    let root = Origin::file(FileKind::Containers).at("lxc_configs");
    let containers = file.lxc_configs.iter().flatten();
    let declared = containers.filter_map(|(Number(vmid), one)| Some((*vmid, one.as_ref()?)));
    declared.flat_map(move |(vmid, container)| {
        let at = root.at(vmid).at("features");
        let list = container.features.iter().flat_map(List::iter);
        list.filter_map(move |(index, name)| Some((vmid, at.at(index), name?.as_str())))
    })
}

/// Returns the features of virtual machines, with their numbers.
fn machine_features(file: &VmFile) -> impl Iterator<Item = (Vmid, Origin, &str)> {
    let root = Origin::file(FileKind::Vms).at("vms");
    let declared = file.vms.iter().flat_map(List::iter);
    declared.filter_map(|(index, vm)| Some((index, vm?))).flat_map(move |(index, vm)| {
        let at = root.at(index).at("features");
        let vmid = vm.vmid.as_ref().and_then(|vmid| vmid.as_str().parse::<Vmid>().ok());
        let list = vm.features.iter().flat_map(List::iter);
        list.filter_map(move |(index, name)| Some((vmid?, at.at(index), name?.as_str())))
    })
}

impl Lowering {
    /// Lowers the features of all guests, and the scripts of their own.
    pub(super) fn features_of_guests(
        &mut self,
        containers: &ContainerFile,
        vms: &VmFile,
        trust: &mut Trust,
    ) {
        for (vmid, origin, name) in features(containers) {
            self.note_feature(vmid, origin, name, trust);
        }
        for (vmid, origin, name) in machine_features(vms) {
            if self.fits_machine(name, &origin, vmid, vms) {
                self.note_feature(vmid, origin, name, trust);
            }
        }
        for (vmid, origin, name) in applications(containers) {
            if self.script_name(name, &origin) {
                trust.applications.insert(vmid, Located { value: name.to_owned(), origin });
            }
        }
    }

    fn note_feature(&mut self, vmid: Vmid, origin: Origin, name: &str, trust: &mut Trust) {
        if self.feature_name(name, &origin) {
            let feature = Located { value: name.to_owned(), origin };
            trust.features.entry(vmid).or_default().push(feature);
        }
    }

    /// A feature is a part of an address, and of a file's name.
    fn feature_name(&mut self, name: &str, origin: &Origin) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
        if !name.is_empty() && name.chars().all(plain) {
            return true;
        }
        let finding = Finding::error(origin.clone(), format!("`{name}` cannot be a feature"));
        self.push(
            finding.label("letters, digits, `_`, `-`").help("Write a name such as `base_setup`."),
        );
        false
    }

    /// A script is a file of its folder, and no other.
    fn script_name(&mut self, name: &str, origin: &Origin) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if !name.is_empty() && !name.starts_with(['.', '-']) && name.chars().all(plain) {
            return true;
        }
        let finding = Finding::error(origin.clone(), format!("`{name}` cannot be a script"));
        let help = "Write the name of a file in `application_scripts_dir`, such as `gateway.sh`.";
        self.push(finding.label("letters, digits, `.`, `_`, `-`").help(help));
        false
    }

    /// Looks whether a feature can be set up in a virtual machine.
    fn fits_machine(&mut self, name: &str, origin: &Origin, vmid: Vmid, file: &VmFile) -> bool {
        if [crate::kind::NGINX, crate::kind::STEP_CA, crate::kind::TRAEFIK].contains(&name) {
            let message = format!("`{name}` is set up in containers only");
            let finding = Finding::warning(origin.clone(), message).label("left alone");
            self.push(finding.help("Declare it for a container."));
            return false;
        }
        let is_this = |vm: &&crate::declared::Vm| {
            let number = vm.vmid.as_ref().and_then(|number| number.as_str().parse().ok());
            number == Some(vmid)
        };
        let mut all = file.vms.iter().flat_map(List::iter).filter_map(|(_, vm)| vm);
        let is_template = all.find(is_this).is_some_and(|vm| vm.is_template == Some(true));
        if is_template {
            let finding = Finding::warning(origin.clone(), "a feature of a template");
            let help =
                "Declare it for the machines that are cloned from it: a template never runs.";
            self.push(finding.label("never set up").help(help));
        }
        !is_template
    }
}
