//! Root file systems and mount points, as far as the configuration file cares.

use std::collections::BTreeSet;

use super::Section;
use crate::property::{Kind, Property, Schema, check};

/// The number of mount points, of devices and of unused volumes that a container can have.
pub(crate) const MOST_VOLUMES: u32 = 256;

static ROOT: [Property; 9] = [
    Property::required("volume", Kind::Text(check::mount_path)),
    Property::optional("acl", Kind::Boolean),
    Property::optional("idmap", Kind::Text(check::id_map)),
    Property::optional("mountoptions", Kind::Text(check::mount_options)),
    Property::optional("quota", Kind::Boolean),
    Property::optional("replicate", Kind::Boolean),
    Property::optional("ro", Kind::Boolean),
    Property::optional("shared", Kind::Boolean),
    Property::optional("size", Kind::Text(check::disk_size)),
];

static MOUNT: [Property; 12] = [
    Property::required("volume", Kind::Text(check::mount_path)),
    Property::required("mp", Kind::Text(check::mount_path)),
    Property::optional("acl", Kind::Boolean),
    Property::optional("backup", Kind::Boolean),
    Property::optional("idmap", Kind::Text(check::id_map)),
    Property::optional("keepattrs", Kind::Boolean),
    Property::optional("mountoptions", Kind::Text(check::mount_options)),
    Property::optional("quota", Kind::Boolean),
    Property::optional("replicate", Kind::Boolean),
    Property::optional("ro", Kind::Boolean),
    Property::optional("shared", Kind::Boolean),
    Property::optional("size", Kind::Text(check::disk_size)),
];

static UNUSED: [Property; 1] = [Property::required("volume", Kind::Text(check::volume_id))];

/// The schema of `rootfs`.
pub(crate) static ROOT_SCHEMA: Schema = Schema { bare: Some("volume"), properties: &ROOT };
/// The schema of `mpN`.
pub(crate) static MOUNT_SCHEMA: Schema = Schema { bare: Some("volume"), properties: &MOUNT };
/// The schema of `unusedN`.
pub(crate) static UNUSED_SCHEMA: Schema = Schema { bare: Some("volume"), properties: &UNUSED };

/// Returns the volumes that the section mounts: not devices, not directories of the node.
pub(crate) fn used(section: &Section) -> BTreeSet<String> {
    let mounts = section.entries().filter_map(|(key, value)| volume(key, value));
    mounts.filter(|volume| check::volume_id(volume).is_ok()).collect()
}

/// Returns the volume that a `rootfs` or `mpN` mounts from a storage.
pub(crate) fn volume(key: &str, value: &str) -> Option<String> {
    let schema = match key {
        "rootfs" => &ROOT_SCHEMA,
        _ if is_mount_point(key) => &MOUNT_SCHEMA,
        _ => return None,
    };
    let volume = schema.parse(value).ok()?.remove("volume")?;
    (!volume.starts_with('/')).then_some(volume)
}

/// Returns whether the key is `mp0` to `mp255`.
pub(crate) fn is_mount_point(key: &str) -> bool {
    index(key, "mp").is_some_and(|number| number < MOST_VOLUMES)
}

/// Returns the number of a key such as `net1`: decimal, without leading zeros.
pub(crate) fn index(key: &str, family: &str) -> Option<u32> {
    let digits = key.strip_prefix(family)?;
    let canonical = check::is_digits(digits) && (digits == "0" || !digits.starts_with('0'));
    canonical.then(|| digits.parse().ok()).flatten()
}

/// Returns whether the volume is one to be made: a storage and a size in GiB.
pub(crate) fn is_new(volume: &str) -> bool {
    volume.split_once(':').is_some_and(|(storage, size)| {
        let (whole, fraction) = size.split_once('.').unwrap_or((size, "0"));
        let named = !storage.is_empty() && !storage.contains(check::is_white);
        named && check::is_digits(whole) && check::is_digits(fraction)
    })
}

/// Returns a size such as `8G` in bytes.
pub(crate) fn size(text: &str) -> Option<u64> {
    check::disk_size(text).ok()?;
    let (digits, power) = match text.strip_suffix(['K', 'M', 'G', 'T']) {
        Some(digits) => (digits, UNITS.iter().position(|unit| text.ends_with(unit))? + 1),
        None => (text, 0),
    };
    let factor = 1024_u64.checked_pow(u32::try_from(power).ok()?)?;
    match digits.split_once('.') {
        None => digits.parse::<u64>().ok()?.checked_mul(factor),
        Some(_) => fractional(digits, factor),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a fraction of a size is rounded down to whole bytes, as Proxmox VE does"
)]
fn fractional(digits: &str, factor: u64) -> Option<u64> {
    digits.parse::<f64>().ok().map(|number| (number * factor as f64) as u64)
}

const UNITS: [&str; 4] = ["K", "M", "G", "T"];

/// Returns a size as Proxmox VE prints it: in the largest unit that leaves no rest.
pub(crate) fn size_text(bytes: u64) -> String {
    let mut number = bytes;
    let mut unit = "";
    for larger in UNITS {
        if number == 0 || !number.is_multiple_of(1024) {
            break;
        }
        number /= 1024;
        unit = larger;
    }
    format!("{number}{unit}")
}
