//! The image of which a machine's disk is made.
//!
//! phoenix does not fetch it: nothing says from where, nor what it must contain. Where its folder could be
//! asked and lacks it, the machine waits; a captured node has no images, and is taken to have this one.

use crate::desired::{Vm, VmSource};
use crate::location::{AbsolutePath, Location, Place};
use crate::probe::{Answer, Facts, Probe};

/// Returns the question which files are where the image must be.
pub(super) fn probe(vm: &Vm) -> Option<Probe> {
    file(vm).map(|(folder, _)| Probe::List(folder))
}

/// Returns why the image cannot be used, if it cannot.
pub(super) fn lacking(vm: &Vm, facts: &Facts) -> Option<String> {
    let (folder, name) = file(vm)?;
    let Answer::Names(names) = facts.answer(&Probe::List(folder.clone())) else { return None };
    let lacks = !names.contains(&name);
    lacks.then(|| {
        format!("not made yet: its image is not on the node; put it at `{}/{name}`", folder.path)
    })
}

/// Returns what is said of an image that could not be looked for, or that is a volume.
pub(super) fn note(vm: &Vm, facts: &Facts) -> Option<String> {
    let VmSource::Image(image) = vm.source.as_ref()? else { return None };
    let seen = probe(vm).is_some_and(|probe| matches!(facts.answer(&probe), Answer::Names(_)));
    (!seen).then(|| format!("`{}` must be on the node: phoenix does not fetch it", image.value))
}

/// Returns the folder and the name of an image that is a file.
fn file(vm: &Vm) -> Option<(Location, String)> {
    let VmSource::Image(image) = vm.source.as_ref()? else { return None };
    let path = image.value.parse::<AbsolutePath>().ok()?;
    let (folder, name) = path.as_str().rsplit_once('/')?;
    let path = folder.parse().ok()?;
    Some((Location { place: Place::Node, path }, name.to_owned()))
}
