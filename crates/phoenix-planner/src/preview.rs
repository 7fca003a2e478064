//! Shows a plan: to a person, to a pull request, to a program, to a drawing.
//!
//! Every form depends on the plan alone: no clock, no terminal, no colour. What does not change is
//! never shown.

mod diff;
mod dot;
mod json;
mod markdown;
mod text;

pub use diff::{file_diff, file_diffs};
pub use dot::dot;
pub use json::json;
pub use markdown::markdown;
pub use text::text;

use crate::location::Place;
use crate::operation::{Check, Operation, Shown, Want};
use crate::plan::{Action, Disruption, Plan, Verb};
use crate::probe::Probe;
use crate::source::Origin;
use crate::words::listed;

/// Finds the line of a value in the operator's files, counted from 1.
pub type Lines<'a> = &'a dyn Fn(&Origin) -> Option<usize>;

/// How many hexadecimal digits of the digest are shown, and enough for `--expect`: 32 bits tell two
/// plans apart that one person has before them.
pub const SHORT_DIGEST: usize = 8;

/// Returns the last line of every preview, such as `Plan: 3 to add, 1 to change, 2 to remove.`
pub fn summary(plan: &Plan) -> String {
    if plan.is_empty() {
        return "No changes.".to_owned();
    }
    let counts = format!(
        "{} to add, {} to change, {} to remove",
        plan.count(Verb::Add),
        plan.count(Verb::Change),
        plan.count(Verb::Remove),
    );
    let digest = plan.digest();
    format!("Plan: {counts}{}. ({})", interruptions(plan), &digest[..SHORT_DIGEST])
}

/// The most guests of a sort that the summary names: more are counted, and each has a line above.
const NAMED: usize = 4;

/// Says which guests stop or start, as `; container 101 restarts`.
fn interruptions(plan: &Plan) -> String {
    let hit = |disruption| {
        let steps = plan.steps().filter(move |step| step.action.disruption == disruption);
        steps.filter_map(|step| guest_of(step.action)).collect::<Vec<_>>()
    };
    let words = [
        (Disruption::Restart, "restart"),
        (Disruption::Start, "start"),
        (Disruption::Stop, "stop"),
    ];
    let said = words.into_iter().flat_map(|(disruption, verb)| {
        let hit = hit(disruption);
        ["container", "virtual machine"].map(|sort| {
            let ids = hit.iter().filter(|(of, _)| *of == sort).map(|(_, id)| *id);
            said(sort, &ids.collect::<Vec<_>>(), verb)
        })
    });
    said.flatten().map(|said| format!("; {said}")).collect()
}

fn said(sort: &str, ids: &[&str], verb: &str) -> Option<String> {
    match ids {
        [] => None,
        [id] => Some(format!("{sort} {id} {verb}s")),
        _ if ids.len() <= NAMED => Some(format!("{sort}s {} {verb}", listed(ids))),
        _ => Some(format!("{} {sort}s {verb}", ids.len())),
    }
}

/// Returns the sort and the number of the guest that an action is about.
fn guest_of(action: &Action) -> Option<(&'static str, &str)> {
    let mut parts = action.address.as_str().split('/');
    let sort = if parts.next() == Some("vm") { "virtual machine" } else { "container" };
    Some((sort, parts.next()?))
}

/// Returns the programs that an action runs, in order; see [`command`].
fn commands(action: &Action) -> impl Iterator<Item = String> {
    action.operations.iter().filter_map(command)
}

/// Returns the program that an operation runs as one readable line after the place where it runs:
/// `$ pct start 101` on the node, `101 $ nginx -t` in a guest.
///
/// The line is for reading, not for a shell: words with blanks stand in single quotes, and the
/// `--digest` of `pct set` is left out, as it only repeats the file.
fn command(operation: &Operation) -> Option<String> {
    match operation {
        Operation::Run(run) if run.shown == Shown::AsAttribute => None,
        Operation::Run(run) => {
            let input = run.input.as_ref().map(|at| format!(" < {}", quoted(at.path.as_str())));
            Some(prompted(run.place, &run.argv) + &input.unwrap_or_default())
        }
        Operation::Transform(transform) => Some(prompted(transform.at.place, &transform.argv)),
        Operation::Link(link) => Some(prompted(link.at.place, &link.command())),
        Operation::Check(Check {
            probe: Probe::Run { place, argv }, want: Want::Success, ..
        }) => Some(prompted(*place, argv)),
        Operation::Write(_)
        | Operation::Remove { .. }
        | Operation::Check(_)
        | Operation::Edit { .. } => None,
    }
}

fn prompted(place: Place, argv: &[String]) -> String {
    match place {
        Place::Node => format!("$ {}", command_line(argv)),
        Place::Guest(vmid) | Place::Vm(vmid) => format!("{vmid} $ {}", command_line(argv)),
    }
}

/// Returns one argument vector as a readable line, quoted as sh(1) reads it.
pub fn command_line(argv: &[String]) -> String {
    let digest = argv.iter().position(|word| word == "--digest");
    let shown =
        argv.iter().enumerate().filter(|(at, _)| digest.is_none_or(|d| *at != d && *at != d + 1));
    shown.map(|(_, word)| quoted(word)).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        // A quote ends the quoted text, stands for itself, and the text begins again.
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// Escapes a text for a quoted label of dot(1).
fn quoted_label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_word_is_shown_as_a_shell_reads_it() {
        let cases = [
            ("", "''"),
            ("--mode=0600", "--mode=0600"),
            ("a b", "'a b'"),
            (";", "';'"),
            ("it's", r"'it'\''s'"),
        ];
        assert_eq!(cases.map(|(word, _)| quoted(word)), cases.map(|(_, shown)| shown));
    }
}
