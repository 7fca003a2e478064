//! The preview for a person: a table in the order of execution, then what changes, then the sum.

use super::diff::operation_diff;
use super::{Lines, command, summary};
use crate::operation::Operation;
use crate::plan::{Action, Attribute, Plan, Verb};

/// Returns the preview of a plan as plain text that ends with a line end.
pub fn text(plan: &Plan, lines: Lines<'_>) -> String {
    let mut blocks = Vec::new();
    if !plan.is_empty() {
        blocks.push(table(plan));
    }
    blocks.extend(plan.steps().filter_map(|step| details(step.action, lines)));
    blocks.extend(deferred(plan));
    blocks.extend(notes(plan));
    blocks.push(summary(plan));
    blocks.join("\n\n") + "\n"
}

fn table(plan: &Plan) -> String {
    let width = |of: fn(&Action) -> &str| {
        plan.steps().map(|step| of(step.action).chars().count()).max().unwrap_or(0)
    };
    let (address, reason) = (width(|a| a.address.as_str()), width(|a| &a.reason));
    let rows = plan.steps().map(|step| {
        let Action { address: a, verb, reason: r, disruption, .. } = step.action;
        let row = format!("{:>3} {} {a:address$}  {r:reason$}  ", step.number, verb.sign());
        (row + disruption.as_str()).trim_end().to_owned()
    });
    rows.collect::<Vec<_>>().join("\n")
}

fn details(action: &Action, lines: Lines<'_>) -> Option<String> {
    let mut shown = Vec::new();
    shown.extend(action.attributes.iter().flat_map(attribute));
    shown.extend(action.notes.iter().map(|note| format!("  note: {note}")));
    shown.extend(action.operations.iter().flat_map(operation));
    (!shown.is_empty()).then(|| format!("{}\n{}", heading(action, lines), shown.join("\n")))
}

/// Returns what an operation does: the program that runs, and the difference that it makes.
fn operation(operation: &Operation) -> Vec<String> {
    let mut shown =
        command(operation).map(|line| format!("  {line}")).into_iter().collect::<Vec<_>>();
    if let Some((header, diff)) = operation_diff(operation) {
        shown.push(format!("  {header}"));
        shown.extend(diff.into_iter().map(|line| format!("  {line}").trim_end().to_owned()));
    }
    shown
}

fn heading(action: &Action, lines: Lines<'_>) -> String {
    let place = action.origin.as_ref().and_then(|origin| {
        let line = lines(origin)?;
        Some(format!("  ({}:{line})", origin.file.file_name()))
    });
    format!("{}{}", action.address, place.unwrap_or_default())
}

fn attribute(attribute: &Attribute) -> Vec<String> {
    let Attribute { verb, name, before, after, class, notes } = attribute;
    let value = match (before, after) {
        (Some(before), Some(after)) => format!("{before} → {after}"),
        (None, Some(value)) | (Some(value), None) => value.clone(),
        (None, None) => String::new(),
    };
    let class = class.map(|class| format!("  ({})", class.as_str())).unwrap_or_default();
    let sign = match verb {
        Verb::Do => '!',
        verb => verb.sign(),
    };
    let mut lines = vec![format!("  {sign} {name} = {value}{class}")];
    lines.extend(notes.iter().map(|note| format!("      {note}")));
    lines
}

fn deferred(plan: &Plan) -> Option<String> {
    let all = plan.deferred();
    let width = all.iter().map(|d| d.address.as_str().len()).max()?;
    let rows = all.iter().map(|d| format!("    {:width$}  {}", d.address, d.reason));
    Some(format!("Not done yet:\n{}", rows.collect::<Vec<_>>().join("\n")))
}

fn notes(plan: &Plan) -> Option<String> {
    let notes = plan.notes();
    (!notes.is_empty())
        .then(|| notes.iter().map(|n| format!("note: {n}")).collect::<Vec<_>>().join("\n"))
}
