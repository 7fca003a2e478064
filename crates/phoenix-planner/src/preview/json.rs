//! The preview for a program.

use serde_json::{Value, json};

use super::{Lines, commands, file_diffs, summary};
use crate::plan::{Action, Edge, Plan, Step};

/// The version of the JSON form: raised when a reader of the old form would go wrong.
const FORMAT: u32 = 1;

/// Returns the plan as one pretty JSON object that ends with a line end.
///
/// Keys: `format`, `digest`, `summary`, `actions` (in order of execution), `deferred`, `notes`.
pub fn json(plan: &Plan, lines: Lines<'_>) -> String {
    let value = json!({
        "format": FORMAT,
        "digest": plan.digest(),
        "summary": summary(plan),
        "actions": plan.steps().map(|step| action(step, lines)).collect::<Vec<_>>(),
        "deferred": plan.deferred(),
        "notes": plan.notes(),
    });
    serde_json::to_string_pretty(&value).expect("a JSON value can be printed") + "\n"
}

fn action(step: Step<'_>, lines: Lines<'_>) -> Value {
    let Action { address, verb, reason, disruption, origin, attributes, notes, .. } = step.action;
    let declared = origin.as_ref().map(|origin| {
        json!({"file": origin.file.file_name(), "pointer": origin.pointer, "line": lines(origin)})
    });
    let after = step.after();
    let of = |wanted| after.iter().filter(move |(_, e)| *e == wanted).map(|(n, _)| *n);
    json!({
        "number": step.number,
        "address": address,
        "verb": verb,
        "reason": reason,
        "disruption": disruption,
        "declared": declared,
        "needs": of(Edge::Needs).collect::<Vec<_>>(),
        "after": of(Edge::After).collect::<Vec<_>>(),
        "attributes": attributes,
        "notes": notes,
        "commands": commands(step.action).collect::<Vec<_>>(),
        "files": file_diffs(step.action).into_iter()
            .map(|(file, diff)| json!({"file": file, "diff": diff})).collect::<Vec<_>>(),
    })
}
