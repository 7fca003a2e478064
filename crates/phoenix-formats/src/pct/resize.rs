//! What `pct resize` does to the configuration.

use super::stage::is_true;
use crate::lxc_conf::{LxcConf, volume};

/// Says why a volume cannot be resized.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ResizeError {
    /// The container is locked.
    #[error("the container is locked")]
    Locked,
    /// The key names no volume that is set.
    #[error("there is no such volume")]
    NoVolume,
    /// The size is not one.
    #[error("the size must be like `8G`, or `+8G` for that much more")]
    Size,
    /// The volume would become smaller.
    #[error("a volume cannot become smaller")]
    Smaller,
}

/// Returns the configuration after `pct resize <vmid> KEY SIZE`.
///
/// The present size is taken from the configuration. The command can leave the file system in the
/// volume at its old size and succeed all the same.
pub fn resize(text: &str, key: &str, size: &str) -> Result<String, ResizeError> {
    let conf = LxcConf::parse(text);
    if conf.lock().is_some_and(is_true) {
        return Err(ResizeError::Locked);
    }
    let schema = if key == "rootfs" { &volume::ROOT_SCHEMA } else { &volume::MOUNT_SCHEMA };
    let present = conf.get(key).filter(|value| volume::volume(key, value).is_some());
    let present =
        present.and_then(|value| schema.parse(value).ok()).ok_or(ResizeError::NoVolume)?;
    let old = present.get("size").and_then(|size| volume::size(size)).unwrap_or_default();
    let new = match size.strip_prefix('+') {
        Some(more) => volume::size(more).and_then(|more| old.checked_add(more)),
        None => volume::size(size),
    };
    let new = new.ok_or(ResizeError::Size)?;
    if new < old {
        return Err(ResizeError::Smaller);
    }
    let mut values = present;
    values.insert("size", volume::size_text(new));
    let mut sections = conf.sections().clone();
    sections.main.values.insert(key.to_owned(), schema.canonical(&values));
    Ok(sections.written())
}
