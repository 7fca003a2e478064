//! The options of `qm`, and what each of them takes.

use std::collections::BTreeMap;

use phoenix_formats::lxc_conf::Startup;
use phoenix_formats::property::PropertyText;
use phoenix_formats::qm::VmNet;

use super::Refused;

/// Options that need no value.
const FLAGS: [&str; 8] =
    ["current", "forceStop", "full", "onboot", "purge", "skiplock", "template", "vmstate"];

/// The options of `qm set` that stand in the configuration, as far as a plan may use them.
pub(super) const SETTINGS: [&str; 18] = [
    "agent",
    "boot",
    "ciuser",
    "cores",
    "description",
    "ide2",
    "ipconfig0",
    "memory",
    "name",
    "nameserver",
    "net0",
    "onboot",
    "ostype",
    "scsi0",
    "scsihw",
    "searchdomain",
    "startup",
    "tags",
];

/// The kinds of operating systems.
const OS_TYPES: [&str; 13] = [
    "other", "wxp", "w2k", "w2k3", "w2k8", "wvista", "win7", "win8", "win10", "win11", "l24",
    "l26", "solaris",
];

/// The disk controllers.
const CONTROLLERS: [&str; 6] =
    ["lsi", "lsi53c810", "virtio-scsi-pci", "virtio-scsi-single", "megasas", "pvscsi"];

/// The options of one call.
#[derive(Debug)]
pub(super) struct Options(BTreeMap<String, String>);

impl Options {
    /// Reads `--name value` and `--name=value`; an option that the call does not have is an error.
    pub(super) fn read(words: &[&str], known: &[&str]) -> Result<Self, Refused> {
        let mut options = BTreeMap::new();
        let mut rest = words.iter().copied().peekable();
        while let Some(word) = rest.next() {
            let option = word.strip_prefix("--").or_else(|| word.strip_prefix('-'));
            let option = option.ok_or_else(|| format!("`{word}` is an argument too many"))?;
            let (name, value) =
                option.split_once('=').map_or((option, None), |(name, value)| (name, Some(value)));
            if !known.contains(&name) {
                return Err(format!("there is no option `--{name}`"));
            }
            let value = match value.or_else(|| rest.next_if(|next| !next.starts_with('-'))) {
                Some(value) => value,
                None if FLAGS.contains(&name) => "1",
                None => return Err(format!("`--{name}` needs a value")),
            };
            let value = checked(name, value)?;
            if options.insert(name.to_owned(), value).is_some() {
                return Err(format!("`--{name}` is given twice"));
            }
        }
        Ok(Self(options))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    pub(super) fn is_on(&self, name: &str) -> bool {
        self.get(name) == Some("1")
    }

    /// Returns the options that stand in a configuration.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        all.filter(|(name, _)| SETTINGS.contains(name))
    }
}

/// Returns a value as it is kept, or why it is not taken.
fn checked(name: &str, value: &str) -> Result<String, Refused> {
    let wrong = || format!("`--{name}` does not take `{value}`");
    if FLAGS.contains(&name) {
        return boolean(value).map(str::to_owned).ok_or_else(wrong);
    }
    let taken = match name {
        "cores" => at_least(value, 1),
        "memory" => at_least(value, 16),
        "name" => value.split('.').all(is_label),
        "nameserver" => words(value).all(|word| word.parse::<std::net::IpAddr>().is_ok()),
        "startup" => value.parse::<Startup>().is_ok(),
        "ostype" => OS_TYPES.contains(&value),
        "scsihw" => CONTROLLERS.contains(&value),
        "boot" => value.strip_prefix("order=").is_some_and(|list| !list.is_empty()),
        "digest" => value.len() == 40 && value.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "snapname" => is_id(value),
        "storage" => value.len() >= 2 && value.starts_with(|c: char| c.is_ascii_alphabetic()),
        "net0" => {
            return VmNet::parse(value).map(|net| net.canonical()).map_err(|e| e.to_string());
        }
        "ipconfig0" => return address(value),
        _ => !value.contains(['\n', '\r']),
    };
    if taken { Ok(value.to_owned()) } else { Err(wrong()) }
}

/// Takes what the file keeps: a gateway beside `ip=dhcp` is refused only at the start.
fn address(value: &str) -> Result<String, Refused> {
    use phoenix_formats::qm::{IpConfig, IpConfigError};
    match IpConfig::parse(value) {
        Err(IpConfigError::Property(error)) => Err(error.to_string()),
        Ok(_) | Err(IpConfigError::Gateway { .. }) => Ok(value.to_owned()),
    }
}

pub(super) fn boolean(value: &str) -> Option<&'static str> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => Some("1"),
        "0" | "off" | "no" | "false" => Some("0"),
        _ => None,
    }
}

fn at_least(value: &str, least: u64) -> bool {
    value.parse::<u64>().is_ok_and(|number| number >= least)
}

fn is_label(label: &str) -> bool {
    let plain = label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    !label.is_empty() && plain && !label.starts_with('-') && !label.ends_with('-')
}

/// Whether a text can be the name of a snapshot.
pub(super) fn is_id(value: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let letter = value.starts_with(|c: char| c.is_ascii_alphabetic());
    (2..=40).contains(&value.len()) && letter && value.chars().all(inner)
}

fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split([' ', ',', ';']).filter(|word| !word.is_empty())
}

/// A drive that is to be made: its storage, what it is made of, and whether it is cloud-init's.
#[derive(Debug)]
pub(super) enum NewDrive<'a> {
    /// `STORAGE:cloudinit`.
    CloudInit(&'a str),
    /// `STORAGE:0,import-from=IMAGE`.
    Import { storage: &'a str, image: String },
    /// Any other value: a volume that is there.
    Present,
}

impl<'a> NewDrive<'a> {
    pub(super) fn of(value: &'a str) -> Self {
        let text = PropertyText::parse(value);
        let head = value.split(',').next().unwrap_or_default();
        match (head.split_once(':'), text.get("import-from")) {
            (Some((storage, "cloudinit")), _) => Self::CloudInit(storage),
            (Some((storage, "0")), Some(image)) => {
                Self::Import { storage, image: image.to_owned() }
            }
            _ => Self::Present,
        }
    }
}
