//! What Proxmox VE says of its own programs: subcommands, their arguments and options.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The declarations of Proxmox VE's programs.
pub(crate) struct Declared(Value);

impl Declared {
    /// Reads the declarations.
    pub(crate) fn read() -> Self {
        Self(serde_json::from_str(include_str!("../corpus/commands.json")).unwrap())
    }

    /// Checks a call, or returns why the program does not take it.
    pub(crate) fn check(&self, argv: &[String]) -> Result<(), String> {
        match argv {
            [program, rest @ ..] if program == "zfs" => zfs(rest),
            // Every program has it, and none declares it.
            [program, help, rest @ ..] if help == "help" => self.help(program, rest),
            [program, rest @ ..] => {
                let (command, rest) = self.command(program, rest)?;
                self.arguments(command, rest)
            }
            [] => Err("no program".to_owned()),
        }
    }

    /// Returns the subcommand, of one word or several, and what follows it.
    fn command<'a>(
        &self,
        program: &str,
        words: &'a [String],
    ) -> Result<(&Value, &'a [String]), String> {
        let of_program = self.0["commands"].get(program).ok_or("no such program")?;
        let lengths = (1..=words.len().min(3)).rev();
        let found = lengths.filter_map(|n| {
            let command = of_program.get(words[..n].join(" "))?;
            let same = command["alias_of"].as_str().and_then(|name| of_program.get(name));
            Some((same.unwrap_or(command), &words[n..]))
        });
        found.into_iter().next().ok_or_else(|| "no such subcommand".to_owned())
    }

    fn help(&self, program: &str, rest: &[String]) -> Result<(), String> {
        let words = rest.strip_suffix(&["--verbose".to_owned()]).unwrap_or(rest);
        match self.command(program, words)? {
            (_, []) => Ok(()),
            _ => Err("help takes a subcommand and `--verbose` only".to_owned()),
        }
    }

    fn arguments(&self, command: &Value, words: &[String]) -> Result<(), String> {
        let none = Vec::new();
        let positional = command["positional"].as_array().unwrap_or(&none);
        let is_rest = |schema: &&Value| schema["rest"] == true;
        let fixed = positional.len() - usize::from(positional.last().is_some_and(|s| is_rest(&s)));
        let needed = positional[..fixed].iter().filter(|schema| schema["optional"] != true).count();
        let given = words.iter().take_while(|word| !word.starts_with("--")).count();
        if !(needed..=fixed).contains(&given) {
            return Err(format!("{given} arguments, not {needed} to {fixed}"));
        }
        let (arguments, options) = words.split_at(given);
        for (schema, argument) in positional.iter().zip(arguments) {
            self.value(schema, argument)?;
        }
        match options.split_first() {
            Some((dashes, program)) if dashes == "--" && fixed < positional.len() => {
                if program.is_empty() { Err("no program".to_owned()) } else { Ok(()) }
            }
            _ if fixed < positional.len() => Err("no `--` before the program".to_owned()),
            _ => self.options(&command["options"], options),
        }
    }

    fn options(&self, declared: &Value, words: &[String]) -> Result<(), String> {
        let mut words = words.iter().peekable();
        let mut seen = BTreeSet::new();
        while let Some(option) = words.next() {
            let name = option.strip_prefix("--").ok_or(format!("`{option}` is too many"))?;
            let schema = find(declared, name).ok_or(format!("no option `{name}`"))?;
            if !seen.insert(name) && schema["repeatable"] != true {
                return Err(format!("`{name}` is given twice"));
            }
            match words.next_if(|next| !next.starts_with("--")) {
                Some(given) => self.value(schema, given)?,
                None if schema["value"] == "optional" => {}
                None => return Err(format!("`{name}` needs a value")),
            }
        }
        let missing = declared
            .as_object()
            .into_iter()
            .flatten()
            .find(|(name, schema)| schema["optional"] != true && !seen.contains(name.as_str()));
        missing.map_or(Ok(()), |(name, _)| Err(format!("`{name}` is missing")))
    }

    fn value(&self, schema: &Value, given: &str) -> Result<(), String> {
        if !fits(schema, given) {
            return Err(format!("`{given}` is not taken: {schema}"));
        }
        let inline =
            schema["format_ref"].as_str().and_then(|name| self.0["inline_formats"].get(name));
        let named = || schema["format"].as_str().and_then(|name| self.0["formats"].get(name));
        match inline.or_else(named).and_then(Value::as_object) {
            Some(members) => property_string(members, given),
            None => Ok(()),
        }
    }
}

/// Returns an option by its name; `net0` is one of `net[n]`.
fn find<'a>(options: &'a Value, name: &str) -> Option<&'a Value> {
    if let Some(schema) = options.get(name) {
        return Some(schema);
    }
    let family = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let number = name.strip_prefix(family)?.parse::<u32>().ok()?;
    let schema = options.get(format!("{family}[n]"))?;
    let (first, last) = schema["indices"].as_str()?.split_once("..")?;
    (first.parse().ok()?..=last.parse().ok()?).contains(&number).then_some(schema)
}

/// Checks `KEY=VALUE,…` against the members that the format has; one of them needs no key.
fn property_string(members: &Map<String, Value>, given: &str) -> Result<(), String> {
    let default = members.iter().find(|(_, schema)| schema["default_key"] == true);
    let mut seen = BTreeSet::new();
    for part in given.split(',') {
        let (name, value) = match (part.split_once('='), default) {
            (Some((name, value)), _) => (name, value),
            (None, Some((name, _))) => (name.as_str(), part),
            (None, None) => return Err(format!("`{part}` has no key")),
        };
        let schema = members.get(name).ok_or(format!("`{name}` is no member"))?;
        // `virtio=MAC` says `model=virtio,macaddr=MAC`.
        let aliased = ["alias", "keyAlias"].map(|word| schema[word].as_str());
        let names = aliased.into_iter().flatten().collect::<Vec<_>>();
        let schema = names.first().and_then(|name| members.get(*name)).unwrap_or(schema);
        if !fits(schema, value) {
            return Err(format!("`{part}` is not taken: {schema}"));
        }
        let names = if names.is_empty() { vec![name] } else { names };
        if !names.iter().all(|name| seen.insert(*name)) {
            return Err(format!("`{name}` is given twice"));
        }
    }
    let is_missing = |(name, schema): &(&String, &Value)| {
        schema["optional"] != true && schema["alias"].is_null() && !seen.contains(name.as_str())
    };
    members.iter().find(is_missing).map_or(Ok(()), |(name, _)| Err(format!("`{name}` is missing")))
}

/// Returns whether a single value is of the type, in the range and among the words that are declared.
fn fits(schema: &Value, given: &str) -> bool {
    let number = given.parse::<f64>();
    let typed = match schema["type"].as_str() {
        Some("integer") => given.parse::<i64>().is_ok(),
        Some("number") => number.is_ok(),
        Some("boolean") => matches!(given, "0" | "1"),
        _ => true,
    };
    let within = |bound: &str, holds: fn(f64, f64) -> bool| match (schema[bound].as_f64(), &number)
    {
        (Some(bound), Ok(number)) => holds(*number, bound),
        _ => true,
    };
    let listed = schema["enum"].as_array().is_none_or(|words| words.iter().any(|w| w == given));
    let length = given.len() as u64;
    let long = schema["minLength"].as_u64().is_none_or(|least| length >= least);
    let short = schema["maxLength"].as_u64().is_none_or(|most| length <= most);
    let ranged = within("minimum", |n, least| n >= least) && within("maximum", |n, most| n <= most);
    typed && listed && long && short && ranged
}

/// Checks a call of zfs(8), whose forms are few: `list -H -o COLUMNS` and `create -o NAME=VALUE… DATASET`.
fn zfs(words: &[String]) -> Result<(), String> {
    let words = words.iter().map(String::as_str).collect::<Vec<_>>();
    match words.as_slice() {
        ["list", "-H", "-o", columns] => {
            let known = |column| ["name", "mountpoint"].contains(&column);
            if columns.split(',').all(known) { Ok(()) } else { Err("an unknown column".to_owned()) }
        }
        ["create", options @ .., dataset] if dataset.contains('/') => {
            let pairs = options.chunks(2).all(|pair| {
                matches!(pair, ["-o", property] if property.split_once('=').is_some_and(|(k, _)| !k.is_empty()))
            });
            if pairs { Ok(()) } else { Err("not `-o NAME=VALUE`".to_owned()) }
        }
        _ => Err("not a call that phoenix makes of zfs".to_owned()),
    }
}
