//! Takes the command line apart as Perl's Getopt::Long does for `pct`.

use std::collections::BTreeMap;

use super::options;

/// The options by name and the arguments that belong to none.
#[derive(Debug, Default)]
pub(super) struct Args {
    pub(super) options: BTreeMap<String, String>,
    pub(super) positional: Vec<String>,
}

impl Args {
    /// Returns the parts of a command line, or everything that is wrong with it.
    pub(super) fn parse(args: &[String]) -> Result<Self, Vec<String>> {
        let mut parsed = Self::default();
        let mut faults = Vec::new();
        let mut rest = args.iter().map(String::as_str);
        let mut held = None;
        while let Some(arg) = held.take().or_else(|| rest.next()) {
            if arg == "--" {
                parsed.positional.extend(rest.by_ref().map(str::to_owned));
            } else if let Some(option) = option_of(arg) {
                match parsed.option(option, &mut rest) {
                    Ok(next) => held = next,
                    Err(fault) => faults.push(fault),
                }
            } else {
                parsed.positional.push(arg.to_owned());
            }
        }
        if faults.is_empty() { Ok(parsed) } else { Err(faults) }
    }

    /// Takes one option; returns the argument after it if that turned out to be another option.
    fn option<'a>(
        &mut self,
        option: &'a str,
        rest: &mut impl Iterator<Item = &'a str>,
    ) -> Result<Option<&'a str>, String> {
        let (name, attached) = match option.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (option, None),
        };
        let name = options::find(name)?;
        if options::is_boolean(&name) {
            let (value, next) = optional(attached, rest);
            self.add(name, value);
            return Ok(next);
        }
        let value = attached.filter(|value| !value.is_empty());
        let value = if attached.is_some() { value } else { rest.next() };
        let value = value.ok_or_else(|| format!("`--{name}` needs a value"))?;
        self.add(name, value);
        Ok(None)
    }

    fn add(&mut self, name: String, value: &str) {
        match self.options.get_mut(&name) {
            Some(list) if options::is_list(&name) => list.extend([",", value]),
            _ => drop(self.options.insert(name, value.to_owned())),
        }
    }
}

fn option_of(arg: &str) -> Option<&str> {
    let name = arg.strip_prefix("--").or_else(|| arg.strip_prefix('-'))?;
    (!name.is_empty()).then_some(name)
}

/// Returns a boolean's value and the argument to look at next; `1` where no value is given.
fn optional<'a>(
    attached: Option<&'a str>,
    rest: &mut impl Iterator<Item = &'a str>,
) -> (&'a str, Option<&'a str>) {
    match attached {
        Some("") => ("1", None),
        Some(value) => (value, None),
        None => match rest.next() {
            Some(next) if next == "--" || option_of(next).is_some() => ("1", Some(next)),
            Some("") | None => ("1", None),
            Some(value) => (value, None),
        },
    }
}
