//! The calls that stand in the planner's source.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Returns each program with its subcommand, such as `pct set`, that the planner's source has as literals.
pub(crate) fn heads(programs: &[&str]) -> BTreeSet<String> {
    let mut heads = BTreeSet::new();
    in_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../phoenix-planner/src"), &mut |text| {
        for program in programs {
            // `vec!["pct".to_owned(), "set".to_owned()]` and `self.qm("set")` are calls like `["pct", "set"]`.
            for mark in [format!("\"{program}\",\""), format!(".{program}(\"")] {
                heads.extend(verbs(text, &mark).map(|verb| format!("{program} {verb}")));
            }
        }
    });
    heads
}

fn verbs<'a>(text: &'a str, mark: &str) -> impl Iterator<Item = &'a str> {
    let after = text.split(mark).skip(1).collect::<Vec<_>>().into_iter();
    after.filter_map(|rest| rest.split_once('"')).map(|(verb, _)| verb)
}

/// Hands every source file of a folder on, without blanks and conversions of literals.
fn in_folder(folder: &Path, take: &mut dyn FnMut(&str)) {
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
        let path = entry.path();
        if path.is_dir() {
            in_folder(&path, take);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            let text = text.split_whitespace().collect::<String>();
            take(&text.replace(".to_owned()", "").replace(".to_string()", ""));
        }
    }
}
