//! The plan as a graph for Graphviz (dot(1)).

use super::quoted_label;
use crate::plan::{Edge, Plan};

/// Returns the plan in the language of dot(1): an arrow leads to what comes later.
///
/// A solid arrow means that the later action makes no sense without the earlier, a dashed one that
/// only their order matters.
pub fn dot(plan: &Plan) -> String {
    let mut lines = vec!["digraph plan {".to_owned(), "  rankdir=LR; node [shape=box];".to_owned()];
    for step in plan.steps() {
        let label = quoted_label(&format!(
            "{}. {} {}\n{}",
            step.number,
            step.action.verb.sign(),
            step.action.address,
            step.action.reason
        ));
        lines.push(format!("  a{} [label=\"{label}\"];", step.number));
        for (earlier, edge) in step.after() {
            let style = match edge {
                Edge::Needs => "",
                Edge::After => " [style=dashed]",
            };
            lines.push(format!("  a{earlier} -> a{}{style};", step.number));
        }
    }
    lines.push("}\n".to_owned());
    lines.join("\n")
}
