//! The words of an `options` line: resolv.conf(5), glibc.

/// Words without a number. glibc compares their beginning only.
const FLAGS: &[&str] = &[
    "debug",
    "rotate",
    "no-check-names",
    "no-aaaa",
    "inet6",
    "edns0",
    "single-request-reopen",
    "single-request",
    "no-tld-query",
    "no_tld_query",
    "no-reload",
    "use-vc",
    "trust-ad",
    "ip6-bytestring",
    "ip6-dotint",
    "no-ip6-dotint",
];

/// Words with a number behind them, and the highest number that counts.
const NUMBERS: &[(&str, u32)] = &[("ndots:", 15), ("timeout:", 30), ("attempts:", 5)];

/// Says what is wrong with an option; nothing when it does what it says.
pub(super) fn problem(word: &str) -> Option<String> {
    if let Some((name, highest)) = NUMBERS.iter().find(|(name, _)| word.starts_with(name)) {
        return match word[name.len()..].parse::<u32>() {
            Ok(number) if number <= *highest => None,
            Ok(_) => Some(format!("`{word}` counts as `{name}{highest}`")),
            Err(_) => Some(format!("`{word}` needs a number")),
        };
    }
    if FLAGS.contains(&word) {
        return None;
    }
    Some(match FLAGS.iter().find(|flag| word.starts_with(*flag)) {
        Some(flag) => format!("`{word}` counts as `{flag}`"),
        None => format!("`{word}` is not an option, and is ignored"),
    })
}
