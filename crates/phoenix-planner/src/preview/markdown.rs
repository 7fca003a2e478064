//! The preview for a pull request: GitHub and GitLab colour a `diff` block by its first column.

use super::{Lines, file_diffs, summary, text};
use crate::plan::{Action, Plan};

/// Returns the preview as Markdown: the sum and the table in sight, the differences folded.
pub fn markdown(plan: &Plan, lines: Lines<'_>) -> String {
    let mut blocks = vec![format!("### phoenix plan\n\n**{}**", summary(plan))];
    if !plan.is_empty() {
        blocks.push(table(plan));
    }
    blocks.extend(deferred(plan));
    blocks.extend(plan.steps().filter_map(|step| diffs(step.action)));
    let whole = text(plan, lines);
    let ticks = fence(&whole);
    blocks.push(folded("the whole preview", &format!("{ticks}text\n{whole}{ticks}")));
    blocks.join("\n\n") + "\n"
}

fn table(plan: &Plan) -> String {
    let mut rows =
        vec!["| # | | resource | why | costs |".to_owned(), "|--:|---|---|---|---|".to_owned()];
    rows.extend(plan.steps().map(|step| {
        let Action { address, verb, reason, disruption, .. } = step.action;
        let reason = reason.replace('|', "\\|");
        format!(
            "| {} | `{}` | `{address}` | {reason} | {} |",
            step.number,
            verb.sign(),
            disruption.as_str()
        )
    }));
    rows.join("\n")
}

fn deferred(plan: &Plan) -> Option<String> {
    let rows = plan.deferred().iter().map(|d| format!("- `{}`: {}", d.address, d.reason));
    let rows = rows.collect::<Vec<_>>();
    (!rows.is_empty()).then(|| format!("Not done yet:\n\n{}", rows.join("\n")))
}

fn diffs(action: &Action) -> Option<String> {
    let diffs = file_diffs(action);
    let shown = diffs.iter().filter(|(_, lines)| !lines.is_empty());
    let blocks = shown.map(|(header, lines)| {
        let body = lines.join("\n");
        let ticks = fence(&body);
        format!("`{header}`\n\n{ticks}diff\n{body}\n{ticks}")
    });
    let body = blocks.collect::<Vec<_>>().join("\n\n");
    (!body.is_empty()).then(|| folded(&format!("<code>{}</code>", action.address), &body))
}

fn folded(summary: &str, body: &str) -> String {
    format!("<details><summary>{summary}</summary>\n\n{body}\n\n</details>")
}

/// Returns a fence that the text cannot close: one back-tick more than its longest run, at least 3.
fn fence(text: &str) -> String {
    let runs = text.split(|c| c != '`').map(str::len);
    "`".repeat(runs.max().unwrap_or(0).max(2) + 1)
}
