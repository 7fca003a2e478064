//! What `qm guest exec` says.

use phoenix_planner::probe::Output;
use serde::Deserialize;
use serde_json::Value;

/// What a shell adds to the number of the signal that ended a program.
const BY_SIGNAL: i32 = 128;

/// How a program in a machine ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ended {
    pub(super) output: Output,
    /// The agent has not kept all that it wrote.
    pub(super) is_cut: bool,
}

/// What became of a program in a machine.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// It ended.
    Ended(Ended),
    /// The time was over; it goes on with this number.
    GoesOn(u64),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Report {
    exitcode: Option<i32>,
    signal: Option<i32>,
    out_data: Option<String>,
    err_data: Option<String>,
    out_truncated: Option<Value>,
    err_truncated: Option<Value>,
    exited: Option<Value>,
    pid: Option<u64>,
}

/// Reads the answer to the start of a program; a lower-case fragment says why it cannot be.
pub(super) fn read(text: &str) -> Result<Said, String> {
    let report = serde_json::from_str::<Report>(text);
    let report = report.map_err(|error| format!("`qm guest exec` says no JSON: {error}"))?;
    if !is_true(report.exited.as_ref()) {
        return report.pid.map(Said::GoesOn).ok_or_else(|| "it is lost in the machine".to_owned());
    }
    let exit = match (report.exitcode, report.signal) {
        (Some(exit), _) => exit,
        (None, Some(signal)) => BY_SIGNAL + signal,
        (None, None) => return Err("nobody knows how it ended".to_owned()),
    };
    let text = |data: Option<String>| data.map(decoded).unwrap_or_default();
    let is_cut = is_true(report.out_truncated.as_ref()) || is_true(report.err_truncated.as_ref());
    let output = Output { exit, stdout: text(report.out_data), stderr: text(report.err_data) };
    Ok(Said::Ended(Ended { output, is_cut }))
}

/// Perl has its own truth: `1`, while the agent's is JSON's.
fn is_true(value: Option<&Value>) -> bool {
    match value {
        Some(Value::Bool(is)) => *is,
        Some(Value::Number(number)) => number.as_i64() != Some(0),
        Some(Value::String(text)) => !matches!(text.as_str(), "" | "0"),
        _ => false,
    }
}

/// Returns what a program wrote. `qm` takes each byte for a character: since version 9 it encodes those
/// again, so that an `ü` arrives as two characters, while older ones pass the bytes on as they are.
fn decoded(data: String) -> String {
    let bytes = data.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect::<Option<Vec<_>>>();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or(data)
}

/// Says why no program can be run in a machine, by what `qm` says about it.
pub(super) fn refusal(said: &str) -> String {
    let known = [
        (
            "No QEMU guest agent configured",
            "its configuration has no `agent: 1`, by which its guest agent could be asked",
        ),
        (
            "QEMU guest agent is not running",
            "its guest agent does not answer: install `qemu-guest-agent` in it and set `agent: 1`",
        ),
        ("is not running", "the virtual machine is not running"),
        ("does not exist", "there is no such virtual machine on this node"),
    ];
    let found = known.iter().find(|(theirs, _)| said.contains(theirs));
    match found {
        Some((_, ours)) => (*ours).to_owned(),
        None => {
            let last = said.lines().rev().find(|line| !line.trim().is_empty());
            format!("its guest agent runs no program: {}", last.unwrap_or("it does not say why"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(exit: i32, stdout: &str, stderr: &str) -> Result<Said, String> {
        let output = Output { exit, stdout: stdout.to_owned(), stderr: stderr.to_owned() };
        Ok(Said::Ended(Ended { output, is_cut: false }))
    }

    #[test]
    fn answers_are_read_as_versions_give_them() {
        let cases = [
            (r#"{"exitcode":0,"exited":1,"out-data":"a\n"}"#, ended(0, "a\n", "")),
            (r#"{"exitcode":3,"exited":true,"err-data":"no"}"#, ended(3, "", "no")),
            (r#"{"exited":1,"signal":9}"#, ended(137, "", "")),
            // Bytes that were encoded a second time, and bytes as they are.
            ("{\"exitcode\":0,\"exited\":1,\"out-data\":\"\u{c3}\u{bc}\"}", ended(0, "ü", "")),
            ("{\"exitcode\":0,\"exited\":1,\"out-data\":\"ü\"}", ended(0, "ü", "")),
            (r#"{"pid":4711}"#, Ok(Said::GoesOn(4711))),
            (r#"{"exited":0,"pid":5}"#, Ok(Said::GoesOn(5))),
            (r#"{"exited":1}"#, Err("nobody knows how it ended".to_owned())),
            ("{}", Err("it is lost in the machine".to_owned())),
        ];
        for (text, expected) in cases {
            assert_eq!(read(text), expected, "{text}");
        }
        assert!(read("").unwrap_err().starts_with("`qm guest exec` says no JSON"));
        let cut = read(r#"{"exitcode":0,"exited":1,"out-truncated":1}"#);
        assert!(matches!(cut, Ok(Said::Ended(Ended { is_cut: true, .. }))), "{cut:?}");
    }

    #[test]
    fn the_reasons_are_told_apart() {
        let cases = [
            ("No QEMU guest agent configured\n", "its configuration has no `agent: 1`"),
            ("QEMU guest agent is not running\n", "its guest agent does not answer"),
            ("VM 1001 is not running\n", "the virtual machine is not running"),
            (
                "Configuration file 'nodes/pve/qemu-server/1001.conf' does not exist\n",
                "there is no such virtual machine",
            ),
            ("warning\nAgent error: disabled\n\n", "its guest agent runs no program: Agent error"),
            ("", "its guest agent runs no program: it does not say why"),
        ];
        for (said, expected) in cases {
            assert!(refusal(said).starts_with(expected), "{said}: {}", refusal(said));
        }
    }
}
