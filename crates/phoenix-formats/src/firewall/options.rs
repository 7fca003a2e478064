//! The options that PVE reads in each kind of file, and the values it takes.

use super::scope::Level;
use super::tables::{LOG_LEVELS, is_ethertype, is_helper};
use super::text::{is_space, perl_int};

/// A time before 2100-01-01 counts as past: these codecs have no clock, and PVE turns the firewall off a minute after
/// the time that a number above 1 in the cluster's `enable` names.
const FIRST_FUTURE_TIME: u64 = 4_102_444_800;

/// How the value of an option is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grammar {
    Flag,
    LogLevel,
    Policy,
    Number,
    EnableUntil,
    Queues,
    EtherTypes,
    Helpers,
    RateLimit,
}

const CLUSTER: &[(&str, Grammar)] = &[
    ("enable", Grammar::EnableUntil),
    ("ebtables", Grammar::Flag),
    ("policy_in", Grammar::Policy),
    ("policy_out", Grammar::Policy),
    ("policy_forward", Grammar::Policy),
    ("log_ratelimit", Grammar::RateLimit),
];

const HOST: &[(&str, Grammar)] = &[
    ("enable", Grammar::Flag),
    ("nosmurfs", Grammar::Flag),
    ("tcpflags", Grammar::Flag),
    ("ndp", Grammar::Flag),
    ("log_nf_conntrack", Grammar::Flag),
    ("nf_conntrack_allow_invalid", Grammar::Flag),
    ("protection_synflood", Grammar::Flag),
    ("nftables", Grammar::Flag),
    ("log_level_in", Grammar::LogLevel),
    ("log_level_out", Grammar::LogLevel),
    ("log_level_forward", Grammar::LogLevel),
    ("tcp_flags_log_level", Grammar::LogLevel),
    ("smurf_log_level", Grammar::LogLevel),
    ("nf_conntrack_helpers", Grammar::Helpers),
    ("nf_conntrack_max", Grammar::Number),
    ("nf_conntrack_tcp_timeout_established", Grammar::Number),
    ("nf_conntrack_tcp_timeout_syn_recv", Grammar::Number),
    ("protection_synflood_rate", Grammar::Number),
    ("protection_synflood_burst", Grammar::Number),
    ("protection_limit", Grammar::Number),
];

const GUEST: &[(&str, Grammar)] = &[
    ("enable", Grammar::Flag),
    ("dhcp", Grammar::Flag),
    ("ndp", Grammar::Flag),
    ("radv", Grammar::Flag),
    ("macfilter", Grammar::Flag),
    ("ipfilter", Grammar::Flag),
    ("ips", Grammar::Flag),
    ("log_level_in", Grammar::LogLevel),
    ("log_level_out", Grammar::LogLevel),
    ("policy_in", Grammar::Policy),
    ("policy_out", Grammar::Policy),
    ("ips_queues", Grammar::Queues),
    ("layer2_protocols", Grammar::EtherTypes),
];

/// Reads one line of `[OPTIONS]`: the key in lower case and the value as PVE keeps it.
pub(super) fn parse_option(level: Level, line: &str) -> Result<(&'static str, String), String> {
    let table = match level {
        Level::Cluster => CLUSTER,
        Level::Host => HOST,
        Level::Guest => GUEST,
    };
    let (word, value) =
        line.split_once(':').ok_or_else(|| "an option is written `key: value`".to_owned())?;
    let known = table.iter().find(|(key, _)| key.eq_ignore_ascii_case(word));
    let (key, grammar) = known.ok_or_else(|| format!("unknown option `{word}` in this file"))?;
    let value = value.trim_matches(is_space);
    if *grammar == Grammar::RateLimit && *key != word {
        return Err(format!("`{key}` is read in lower case only"));
    }
    read(*grammar, value)
        .map(|value| (*key, value))
        .map_err(|why| format!("`{key}: {value}` is ignored: {why}"))
}

fn read(grammar: Grammar, value: &str) -> Result<String, String> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match grammar {
        Grammar::Flag if matches!(value, "0" | "1") => Ok(value.to_owned()),
        Grammar::Flag => Err("the value must be `0` or `1`".to_owned()),
        Grammar::LogLevel => log_level(value),
        Grammar::Policy => match value.to_ascii_uppercase() {
            policy if matches!(policy.as_str(), "ACCEPT" | "DROP" | "REJECT") => Ok(policy),
            _ => Err("the value must be `ACCEPT`, `DROP` or `REJECT`".to_owned()),
        },
        Grammar::Number if digits(value) => Ok(perl_int(value)),
        Grammar::EnableUntil if digits(value) => Ok(enable_until(perl_int(value))),
        Grammar::Number | Grammar::EnableUntil => Err("the value must be a number".to_owned()),
        Grammar::Queues => {
            let (first, last) =
                value.split_once(':').map_or((value, None), |(first, last)| (first, Some(last)));
            let good = digits(first) && last.is_none_or(digits);
            good.then(|| value.to_owned())
                .ok_or_else(|| "the value must be `N` or `N:M`".to_owned())
        }
        Grammar::EtherTypes => words(value, is_ethertype).map(|()| value.to_owned()),
        Grammar::Helpers => {
            let value = value.to_ascii_lowercase();
            let list = if value.ends_with(',') { "" } else { &value };
            words(list, is_helper).map(|()| value)
        }
        Grammar::RateLimit if value.is_empty() || value.contains(is_space) => {
            Err("it must be one word".to_owned())
        }
        Grammar::RateLimit => Ok(value.to_owned()),
    }
}

fn log_level(value: &str) -> Result<String, String> {
    let value = value.to_ascii_lowercase();
    let known = value.is_empty() || LOG_LEVELS.contains(&value.as_str());
    known
        .then_some(value)
        .ok_or_else(|| format!("the value must be one of `{}`", LOG_LEVELS.join("`, `")))
}

fn enable_until(value: String) -> String {
    match value.parse::<u64>() {
        Ok(2..FIRST_FUTURE_TIME) => "0".to_owned(),
        _ => value,
    }
}

fn words(list: &str, known: fn(&str) -> bool) -> Result<(), String> {
    if list.is_empty() || list.contains(is_space) {
        return Err("it must be a list with commas and without blanks".to_owned());
    }
    match list.trim_end_matches(',').split(',').find(|word| !known(word)) {
        Some(word) => Err(format!("unknown word `{word}`")),
        None => Ok(()),
    }
}

/// Says why PVE refuses the whole cluster file for the sake of its `log_ratelimit`, if it does.
pub(super) fn rate_limit_fault(value: &str) -> Option<String> {
    let mut seen = [false; 3];
    for part in value.split(',').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or(("enable", part));
        let (slot, good) = match key {
            "enable" => (0, is_boolean(value)),
            "rate" => (1, is_rate(value)),
            "burst" => (2, is_integer(value)),
            _ => return Some(format!("`log_ratelimit` has no `{key}`")),
        };
        if !good {
            return Some(format!("`{value}` cannot be the `{key}` of `log_ratelimit`"));
        }
        if std::mem::replace(&mut seen[slot], true) {
            return Some(format!("`log_ratelimit` has two `{key}`"));
        }
    }
    (!seen[0]).then(|| "`log_ratelimit` lacks `enable`".to_owned())
}

fn is_boolean(value: &str) -> bool {
    ["1", "on", "yes", "true", "0", "off", "no", "false"]
        .iter()
        .any(|word| word.eq_ignore_ascii_case(value))
}

fn is_rate(value: &str) -> bool {
    let (count, unit) = value.split_once('/').unwrap_or((value, ""));
    let digits =
        !count.starts_with('0') && !count.is_empty() && count.bytes().all(|b| b.is_ascii_digit());
    digits && matches!(unit, "second" | "minute" | "hour" | "day")
}

fn is_integer(value: &str) -> bool {
    let digits = value.strip_prefix('+').unwrap_or(value);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}
