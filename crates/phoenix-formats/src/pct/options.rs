//! The options of `pct set`: the settings that may be set, and the command's own.

use crate::lxc_conf::setting::Setting;

/// The command's own options, and the settings that it does not take.
const OWN: [&str; 3] = ["delete", "digest", "revert"];
const INTERNAL: [&str; 2] = ["parent", "snaptime"];

/// Options that may be repeated: their values are joined to one list.
const LISTS: [&str; 5] = ["delete", "nameserver", "revert", "searchdomain", "tags"];

/// Returns the option that an argument names: in any letter case, shortened as far as it is unique.
pub(super) fn find(name: &str) -> Result<String, String> {
    let name = name.to_ascii_lowercase();
    let mut matching: Vec<String> = all().filter(|option| option.starts_with(&name)).collect();
    if matching.contains(&name) {
        return Ok(name);
    }
    match (matching.pop(), matching.is_empty()) {
        (Some(option), true) if !name.is_empty() => Ok(option),
        (Some(_), false) => Err(format!("`--{name}` is short for more than one option")),
        _ => Err(format!("there is no option `--{name}`")),
    }
}

fn all() -> impl Iterator<Item = String> {
    let settings = Setting::names().filter(|name| !INTERNAL.contains(&name.as_str()));
    settings.chain(OWN.map(str::to_owned))
}

/// Returns whether the option's value may be left out.
pub(super) fn is_boolean(option: &str) -> bool {
    matches!(Setting::find(option), Some(Setting::Boolean))
}

/// Returns whether the option may be repeated.
pub(super) fn is_list(option: &str) -> bool {
    LISTS.contains(&option)
}
