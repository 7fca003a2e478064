//! `phoenix plan`: shows what apply would do.

use std::path::Path;

use phoenix_planner::plan::Plan;
use similar::TextDiff;

use crate::args::{Format, Places, Plan as Args};
use crate::exit::Exit;
use crate::saved::{SavedPlan, write_whole};
use crate::session::{Selection, Session};
use crate::{config, out};

pub(crate) fn run(places: &Places, args: &Args) -> Exit {
    let selection = Selection::from(&args.scope);
    let Some(mut session) = Session::open(places) else { return Exit::Error };
    let Some(plan) = session.plan(&selection) else { return Exit::Error };
    let preview = session.preview(&plan, args.format);
    if let Some(file) = &args.check {
        return check(file, &preview);
    }
    if let Err(exit) = write(&session, &plan, selection, args, &preview) {
        return exit;
    }
    if args.format == Format::Text {
        out::preview(&preview);
    } else {
        out::result(&preview);
    }
    if args.format == Format::Text && !plan.is_empty() && args.snapshot.is_none() {
        out::say(&next_step(&plan, args.out.as_deref()));
    }
    if args.detailed_exitcode && !plan.is_empty() { Exit::Changes } else { Exit::Done }
}

fn next_step(plan: &Plan, out: Option<&Path>) -> String {
    match out {
        Some(file) => format!("Apply exactly this with: phoenix apply {}", file.display()),
        None => {
            let digest = plan.digest();
            let short = &digest[..phoenix_planner::preview::SHORT_DIGEST];
            format!("Apply exactly this with: phoenix apply --expect {short}")
        }
    }
}

fn write(
    session: &Session,
    plan: &Plan,
    selection: Selection,
    args: &Args,
    preview: &str,
) -> Result<(), Exit> {
    let failed = |path: &Path, error: std::io::Error| {
        out::say(&format!("cannot write `{}`: {error}", path.display()));
        Exit::Error
    };
    if let Some(path) = &args.out {
        let saved =
            SavedPlan::new(plan.digest(), selection, |format| session.preview(plan, format));
        saved.write(path).map_err(|error| failed(path, error))?;
    }
    if let Some(path) = &args.snapshot {
        write_whole(path, preview, 0o644).map_err(|error| failed(path, error))?;
    }
    Ok(())
}

/// Compares the preview with a committed one and shows the difference.
fn check(file: &Path, preview: &str) -> Exit {
    let committed = match config::read_text(file) {
        Ok(text) => text,
        Err(error) => {
            crate::complain::about(&error);
            return Exit::Error;
        }
    };
    if committed == preview {
        return Exit::Done;
    }
    let name = file.display().to_string();
    let diff = TextDiff::from_lines(committed.as_str(), preview);
    let diff = diff.unified_diff().header(&name, "the plan as it is now").to_string();
    out::result(&diff);
    out::say(&format!("the plan is not what {name} says; write it anew with --snapshot {name}"));
    Exit::Error
}
