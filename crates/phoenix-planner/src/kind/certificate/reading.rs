//! What is there of a certificate, and what is wrong with it.

use std::fmt::Write as _;

use phoenix_formats::certificate::{
    Certificate as Present, ChainError, read_certificates, verify_chain,
};

use crate::desired::Certificate;
use crate::location::{AbsolutePath, Location, Place};
use crate::observed::Observed;
use crate::probe::{Answer, Argv, Output, Probe, argv};

/// Where certificates are until their command has been run: root alone can use it.
pub(in crate::kind) const STAGE: &str = "/var/lib/phoenix/certificates";

/// The part of its time that is left when a certificate is renewed.
const RENEWED_AT: i64 = 3;

/// What lets everybody use a file.
const OTHERS: u32 = 0o007;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// Asks for the time: seconds since 1970.
fn now_argv() -> Argv {
    argv(["date", "+%s"])
}

pub(super) fn now_probe() -> Probe {
    on_node(now_argv())
}

fn on_node(argv: Argv) -> Probe {
    Probe::Run { place: Place::Node, argv }
}

/// Asks for mode, owner and kind of a file, or of a link.
fn stat_argv(path: &AbsolutePath) -> Argv {
    argv(["stat", "--format=%a %u:%g %F", "--", path.as_str()])
}

/// Returns the path of a part that has not been put to use everywhere: `crt` or `key`.
pub(super) fn staged_path(certificate: &Certificate, end: &str) -> String {
    format!("{STAGE}/{}.{end}", certificate.common_name)
}

fn staged_at(certificate: &Certificate) -> Location {
    Location::node(&staged_path(certificate, "crt"))
}

fn file(path: &AbsolutePath) -> Location {
    Location { place: Place::Node, path: path.clone() }
}

pub(super) fn probes(certificate: &Certificate) -> Vec<Probe> {
    let stats = [&certificate.cert_path, &certificate.key_path].map(stat_argv).map(on_node);
    let files = [file(&certificate.cert_path), staged_at(certificate)].map(Probe::File);
    stats.into_iter().chain(files).collect()
}

/// Mode and owner of a file, as stat(1) says them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) mode: u32,
    pub(super) owner: String,
    is_file: bool,
}

/// What is there of a certificate.
pub(super) struct Reading {
    chain: Result<Vec<Present>, String>,
    now: i64,
    /// `None`: the file is not there.
    pub(super) cert: Option<Stat>,
    pub(super) key: Option<Stat>,
    /// Its command is still to run.
    pub(super) pending: bool,
}

/// Why a certificate is issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wrong {
    /// There is none.
    Absent,
    /// There is no key for it.
    NoKey,
    /// One of its files is a link, or something else that is no file.
    NoFile,
    /// Everybody can read its key.
    OpenKey,
    /// Its file holds something else.
    Unreadable(String),
    /// It bears other names: those that are missing, and those that are too much.
    Names(String),
    /// The authority has not signed it.
    Untrusted,
    /// It has ended, at this time.
    Ended(i64),
    /// It is not good yet.
    NotYet,
    /// It ends soon, at this time.
    Ends(i64),
}

impl Wrong {
    pub(super) fn reason(&self) -> String {
        match self {
            Self::Absent => "there is none".to_owned(),
            Self::NoKey => "its key is not there".to_owned(),
            Self::NoFile => "it is not in a regular file".to_owned(),
            Self::OpenKey => "its key can be read by everybody".to_owned(),
            Self::Unreadable(why) => why.clone(),
            Self::Names(names) => names.clone(),
            Self::Untrusted => "it is not signed by the certificate authority".to_owned(),
            Self::Ended(at) => format!("it ended on {}", date(*at)),
            Self::NotYet => "it is not good yet".to_owned(),
            Self::Ends(at) => format!("it ends on {}", date(*at)),
        }
    }
}

impl Reading {
    /// Reads the answers, or says why nothing can be said.
    pub(super) fn of(certificate: &Certificate, observed: &Observed<'_>) -> Result<Self, String> {
        let facts = observed.facts;
        let now = facts.ran(Place::Node, &now_argv()).filter(|output| output.success());
        let now = now.and_then(|output| output.stdout.trim().parse::<i64>().ok());
        let stat = |path| {
            let output = facts.ran(Place::Node, &stat_argv(path));
            output.filter(|output| output.success()).and_then(read_stat)
        };
        let chain = match facts.answer(&Probe::File(file(&certificate.cert_path))) {
            Answer::Text(text) => read_certificates(&text).map_err(|error| error.to_string()),
            _ => Ok(Vec::new()),
        };
        Ok(Self {
            chain,
            now: now.ok_or("the node does not say what time it is")?,
            cert: stat(&certificate.cert_path),
            key: stat(&certificate.key_path),
            pending: facts.text(&staged_at(certificate)).is_some(),
        })
    }

    /// Fails when the root certificate itself is not good: a new certificate would not be either.
    pub(super) fn require_good(&self, root: &Present) -> Result<(), String> {
        match self.now {
            now if now > root.not_after() => {
                Err(format!("the root certificate ended on {}", date(root.not_after())))
            }
            now if now < root.not_before() => Err(format!(
                "the root certificate is good from {} on: look at the node's clock",
                date(root.not_before())
            )),
            _ => Ok(()),
        }
    }

    /// Returns whether there is any certificate.
    pub(super) fn is_absent(&self) -> bool {
        self.chain.as_ref().is_ok_and(Vec::is_empty)
    }

    /// Returns why the certificate has to be issued, if it has to.
    pub(super) fn wrong(&self, wanted: &Certificate, root: &Present) -> Option<Wrong> {
        let chain = match &self.chain {
            Ok(chain) => chain,
            Err(why) => return Some(Wrong::Unreadable(why.clone())),
        };
        let Some(present) = chain.first() else { return Some(Wrong::Absent) };
        let of_files = match (&self.cert, &self.key) {
            (_, None) => Some(Wrong::NoKey),
            (Some(cert), Some(key)) if !(cert.is_file && key.is_file) => Some(Wrong::NoFile),
            (_, Some(key)) if key.mode & OTHERS != 0 => Some(Wrong::OpenKey),
            _ => None,
        };
        if of_files.is_some() {
            return of_files;
        }
        let of_names = names(wanted, present);
        let of_chain = verify_chain(chain, std::slice::from_ref(root), self.now).err();
        let of_chain = of_chain.map(|error| match error {
            ChainError::Expired => Wrong::Ended(present.not_after().min(self.now)),
            ChainError::NotYet => Wrong::NotYet,
            _ => Wrong::Untrusted,
        });
        of_names.or(of_chain).or_else(|| self.ends(wanted, present))
    }

    fn ends(&self, wanted: &Certificate, present: &Present) -> Option<Wrong> {
        let (from, to) = (present.not_before(), present.not_after());
        let before = match wanted.renew_before_hours {
            Some(hours) => i64::try_from(hours).unwrap_or(i64::MAX).saturating_mul(HOUR),
            None => i64::MAX,
        };
        let time = to.saturating_sub(from);
        // Else a new one would be due at once.
        let before = if before < time { before } else { time / RENEWED_AT };
        (self.now >= to.saturating_sub(before)).then_some(Wrong::Ends(to))
    }
}

fn names(wanted: &Certificate, present: &Present) -> Option<Wrong> {
    let mut said = String::new();
    if present.common_name() != Some(wanted.common_name.as_str()) {
        // Writing to a text never fails.
        write!(said, "it is for {}", present.common_name().unwrap_or("nobody")).ok();
        return Some(Wrong::Names(said));
    }
    let missing = wanted.names.difference(present.names()).cloned().collect::<Vec<_>>();
    let extra = present.names().difference(&wanted.names).cloned().collect::<Vec<_>>();
    for (what, names) in [("without", missing), ("no longer", extra)] {
        if !names.is_empty() {
            let between = if said.is_empty() { "" } else { ", " };
            write!(said, "{between}{what} {}", names.join(", ")).ok();
        }
    }
    (!said.is_empty()).then_some(Wrong::Names(said))
}

fn read_stat(output: &Output) -> Option<Stat> {
    let mut words = output.stdout.trim().splitn(3, ' ');
    let mode = u32::from_str_radix(words.next()?, 8).ok()?;
    let owner = words.next()?.to_owned();
    Some(Stat { mode, owner, is_file: words.next()?.starts_with("regular") })
}

/// Returns a day in the form of ISO 8601, by the rules of the Gregorian calendar.
pub(super) fn date(seconds: i64) -> String {
    // Days since 0000-03-01: with the leap day at the end of a year, months have a simple rhythm.
    let days = seconds.div_euclid(DAY) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn days_are_those_of_the_calendar() {
        let cases = [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (1_767_225_599, "2025-12-31"),
            (1_767_225_600, "2026-01-01"),
            (4_107_542_400, "2100-03-01"),
            (-1, "1969-12-31"),
        ];
        for (seconds, day) in cases {
            assert_eq!(date(seconds), day);
        }
    }
}
