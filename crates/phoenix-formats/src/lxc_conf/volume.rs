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
