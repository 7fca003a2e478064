//! What checks have found, as text and as JSON.

use serde_json::json as value;

use super::Check;

/// The form of the JSON report: it goes up when a reader of the old form would go wrong.
const FORMAT: u32 = 1;

/// How a check ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is as wanted.
    Fine,
    /// It is not: a lower-case fragment says what was found.
    Failed(String),
    /// It was not looked at: a lower-case fragment says why.
    Skipped(String),
}

impl Outcome {
    fn word(&self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Failed(_) => "failed",
            Self::Skipped(_) => "skipped",
        }
    }

    fn message(&self) -> Option<&str> {
        match self {
            Self::Fine => None,
            Self::Failed(why) | Self::Skipped(why) => Some(why),
        }
    }
}

/// A check with what it has found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an unread finding hides what failed"]
pub struct Finding {
    /// The check.
    pub check: Check,
    /// How it ended.
    pub outcome: Outcome,
}

/// How many checks ended in each way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// As wanted.
    pub fine: usize,
    /// Not as wanted.
    pub failed: usize,
    /// Not looked at.
    pub skipped: usize,
}

impl Summary {
    /// Counts findings.
    pub fn of(findings: &[Finding]) -> Self {
        let mut summary = Self::default();
        for finding in findings {
            match finding.outcome {
                Outcome::Fine => summary.fine += 1,
                Outcome::Failed(_) => summary.failed += 1,
                Outcome::Skipped(_) => summary.skipped += 1,
            }
        }
        summary
    }
}

/// Returns one sentence that counts the findings.
pub fn summary(findings: &[Finding]) -> String {
    let Summary { fine, failed, skipped } = Summary::of(findings);
    format!("{fine} ok, {failed} failed, {skipped} skipped.")
}

/// Returns what failed for a person, as in [`text`]; nothing when all is fine.
pub fn failures(findings: &[Finding]) -> String {
    let failed = |finding: &&Finding| matches!(finding.outcome, Outcome::Failed(_));
    lines(&findings.iter().filter(failed).collect::<Vec<_>>())
}

/// Returns the findings for a person: a line for each check, and below it what failed and what to do.
pub fn text(findings: &[Finding]) -> String {
    let mut lines = lines(&findings.iter().collect::<Vec<_>>());
    if !lines.is_empty() {
        lines.push('\n');
    }
    lines + &summary(findings) + "\n"
}

fn lines(findings: &[&Finding]) -> String {
    let width = findings.iter().map(|f| f.check.address.as_str().len()).max().unwrap_or(0);
    findings.iter().map(|finding| line(finding, width)).collect()
}

fn line(finding: &Finding, width: usize) -> String {
    let Finding { check, outcome } = finding;
    let (word, address, title) = (outcome.word(), &check.address, &check.title);
    let seen = match outcome {
        Outcome::Skipped(why) => format!("({why})"),
        _ => format!("[{}: {}]", check.vantage, check.looked_at()),
    };
    let more = match outcome {
        Outcome::Failed(why) => format!("           {why}\n           {}\n", check.help),
        _ => String::new(),
    };
    format!("{word:7}  {address:width$}  {title} {seen}\n{more}")
}

/// Returns the findings for a program.
pub fn json(findings: &[Finding]) -> String {
    let one = |finding: &Finding| {
        let Finding { check, outcome } = finding;
        let failed = matches!(outcome, Outcome::Failed(_));
        let looked_at = check.looked_at();
        value!({
            "address": check.address.as_str(),
            "title": check.title,
            "vantage": check.vantage.to_string(),
            "outcome": outcome.word(),
            "looked_at": Some(looked_at).filter(|text| !text.is_empty()),
            "message": outcome.message(),
            "help": failed.then_some(&check.help),
        })
    };
    let Summary { fine, failed, skipped } = Summary::of(findings);
    let report = value!({
        "format": FORMAT,
        "checks": findings.iter().map(one).collect::<Vec<_>>(),
        "summary": { "ok": fine, "failed": failed, "skipped": skipped },
    });
    // Keys of serde_json are sorted, and its text has no width of a terminal.
    serde_json::to_string_pretty(&report).unwrap_or_default() + "\n"
}
