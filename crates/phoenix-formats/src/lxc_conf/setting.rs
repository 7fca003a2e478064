//! The settings of a container: what the file parser and what `pct set` take for each.

use std::borrow::Cow;

use super::features;
use super::volume::{self, MOST_VOLUMES};
use crate::net;
use crate::property::check::{self, Check};
use crate::property::{Kind, Property, Range, Schema};

/// The number of network interfaces that a container can have.
const MOST_NETS: u32 = 32;

/// What a setting's value is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Setting {
    Boolean,
    /// A whole number; only `pct set` checks the range.
    Integer(Range),
    /// A decimal number; only `pct set` checks the range.
    Number(Range),
    /// One of these words; only `pct set` checks it.
    OneOf(&'static [&'static str]),
    /// Text; only `pct set` checks it.
    Pattern(Check),
    /// Text of at most this many characters; only `pct set` checks it.
    Longest(usize),
    Format(Check),
    /// A format, and a length in characters that only `pct set` checks.
    FormatLongest(Check, usize),
    List(Check),
    Properties(&'static Schema),
}

const ANY: Range = (0.0, f64::INFINITY);

static ARCHITECTURES: [&str; 6] = ["amd64", "i386", "arm64", "armhf", "riscv32", "riscv64"];
static CONSOLE_MODES: [&str; 3] = ["shell", "console", "tty"];
static OS_TYPES: [&str; 11] = [
    "debian",
    "devuan",
    "ubuntu",
    "centos",
    "fedora",
    "opensuse",
    "archlinux",
    "alpine",
    "gentoo",
    "nixos",
    "unmanaged",
];
static LOCKS: [&str; 10] = [
    "backup",
    "create",
    "destroyed",
    "disk",
    "fstrim",
    "migrate",
    "mounted",
    "rollback",
    "snapshot",
    "snapshot-delete",
];

static DEVICE: [Property; 5] = [
    Property::optional("deny-write", Kind::Boolean),
    Property::optional("gid", Kind::Integer(ANY)),
    Property::optional("mode", Kind::Text(check::file_mode)),
    Property::optional("path", Kind::Text(check::device_path)),
    Property::optional("uid", Kind::Integer(ANY)),
];

/// The schema of `devN`.
pub(crate) static DEVICE_SCHEMA: Schema = Schema { bare: Some("path"), properties: &DEVICE };

/// The settings that are not numbered, sorted (pct.conf(5)).
static SETTINGS: [(&str, Setting); 30] = [
    ("arch", Setting::OneOf(&ARCHITECTURES)),
    ("cmode", Setting::OneOf(&CONSOLE_MODES)),
    ("console", Setting::Boolean),
    ("cores", Setting::Integer((1.0, 8192.0))),
    ("cpulimit", Setting::Number((0.0, 8192.0))),
    ("cpuunits", Setting::Integer((0.0, 500_000.0))),
    ("debug", Setting::Boolean),
    ("description", Setting::Longest(8192)),
    ("entrypoint", Setting::Pattern(check::entrypoint)),
    ("env", Setting::Pattern(check::environment)),
    ("features", Setting::Properties(&features::SCHEMA)),
    ("hookscript", Setting::Format(check::volume_id)),
    ("hostname", Setting::FormatLongest(check::dns_name, 255)),
    ("lock", Setting::OneOf(&LOCKS)),
    ("memory", Setting::Integer((16.0, f64::INFINITY))),
    ("nameserver", Setting::List(check::name_server)),
    ("onboot", Setting::Boolean),
    ("ostype", Setting::OneOf(&OS_TYPES)),
    ("parent", Setting::FormatLongest(check::config_id, 40)),
    ("protection", Setting::Boolean),
    ("rootfs", Setting::Properties(&volume::ROOT_SCHEMA)),
    ("searchdomain", Setting::List(check::dns_name)),
    ("snaptime", Setting::Integer(ANY)),
    ("startup", Setting::Format(check::startup)),
    ("swap", Setting::Integer(ANY)),
    ("tags", Setting::List(check::tag)),
    ("template", Setting::Boolean),
    ("timezone", Setting::Format(check::time_zone)),
    ("tty", Setting::Integer((0.0, 6.0))),
    ("unprivileged", Setting::Boolean),
];

/// The numbered settings: family, how many there are, and what each is.
static FAMILIES: [(&str, u32, Setting); 4] = [
    ("dev", MOST_VOLUMES, Setting::Properties(&DEVICE_SCHEMA)),
    ("mp", MOST_VOLUMES, Setting::Properties(&volume::MOUNT_SCHEMA)),
    ("net", MOST_NETS, Setting::Properties(&net::SCHEMA)),
    ("unused", MOST_VOLUMES, Setting::Properties(&volume::UNUSED_SCHEMA)),
];

impl Setting {
    /// Returns the setting of this name, if Proxmox VE has one.
    pub(crate) fn find(name: &str) -> Option<Self> {
        let numbered = FAMILIES.iter().find_map(|(family, count, setting)| {
            volume::index(name, family).filter(|number| number < count).map(|_| *setting)
        });
        numbered.or_else(|| {
            let place = SETTINGS.binary_search_by(|(key, _)| (*key).cmp(name)).ok()?;
            Some(SETTINGS[place].1)
        })
    }

    /// Returns every name that Proxmox VE has a setting for.
    pub(crate) fn names() -> impl Iterator<Item = String> {
        let numbered = |(family, count, _): &(&'static str, u32, Self)| {
            let family = *family;
            (0..*count).map(move |number| format!("{family}{number}"))
        };
        let plain = SETTINGS.iter().map(|(key, _)| (*key).to_owned());
        plain.chain(FAMILIES.iter().flat_map(numbered))
    }

    /// Returns the value as the file parser keeps it: it checks type and format, not range or words.
    pub(crate) fn read(self, value: &str) -> Result<Cow<'_, str>, String> {
        let result = match self {
            _ if value.contains(['\r', '\n']) => Err("it holds a line end"),
            Self::Boolean => return Kind::Boolean.read(value).map(Cow::Borrowed),
            Self::Integer(_) if check::is_digits(value) => return Ok(without_leading_zeros(value)),
            Self::Integer(_) => Err("it takes digits only"),
            Self::Number(_) => plain_number(value),
            Self::OneOf(_) | Self::Pattern(_) | Self::Longest(_) => Ok(()),
            Self::Format(check) | Self::FormatLongest(check, _) => check(value),
            Self::List(check) => each(value, check),
            Self::Properties(schema) => {
                return schema.check(value).map(|()| value.into()).map_err(|e| e.to_string());
            }
        };
        result.map(|()| value.into()).map_err(str::to_owned)
    }

    /// Returns the value as `pct set` takes it, or what it should have been.
    pub(crate) fn accept(self, value: &str) -> Result<String, String> {
        let taken = match self {
            Self::Boolean => Kind::Boolean.read(value),
            Self::Integer(range) => Kind::Integer(range).read(value),
            Self::Number(range) => Kind::Number
                .read(value)
                .and_then(|read| check::in_range(value, range).map(|()| read)),
            Self::OneOf(words) => Kind::OneOf(words).read(value),
            Self::Pattern(check) | Self::Format(check) => Kind::Text(check).read(value),
            Self::Longest(most) => at_most(value, most),
            Self::FormatLongest(check, most) => {
                Kind::Text(check).read(value).and_then(|read| at_most(read, most))
            }
            Self::Properties(schema) => {
                schema.check(value).map(|()| value).map_err(|e| e.to_string())
            }
            Self::List(check) => each(value, check).map(|()| value).map_err(str::to_owned),
        };
        taken.map(str::to_owned)
    }
}

fn each(value: &str, check: Check) -> Result<(), &'static str> {
    check::split_list(value).try_for_each(check)
}

fn at_most(value: &str, most: usize) -> Result<&str, String> {
    if value.chars().nth(most).is_none() {
        return Ok(value);
    }
    Err(format!("it takes at most {most} characters"))
}

fn plain_number(value: &str) -> Result<(), &'static str> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let plain = check::is_digits(whole) && check::is_digits(fraction);
    if plain { Ok(()) } else { Err("it takes a number") }
}

/// Returns the number as Perl prints it: beyond 64 bits that is a float with 15 digits.
fn without_leading_zeros(digits: &str) -> Cow<'_, str> {
    match digits.parse::<u64>() {
        Ok(0) => "0".into(),
        Ok(_) => digits.trim_start_matches('0').into(),
        Err(_) => digits.parse::<f64>().map_or_else(|_| digits.into(), |n| rounded(n).into()),
    }
}

fn rounded(number: f64) -> String {
    let text = format!("{number:.14e}");
    match text.split_once('e') {
        Some((mantissa, power)) => {
            format!("{}e+{power}", mantissa.trim_end_matches('0').trim_end_matches('.'))
        }
        None => "Inf".to_owned(),
    }
}
