//! `pct_options` and `lxc_options`: features and raw keys.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::part::Lowering;
use crate::declared::Container;
use crate::desired::{InternalInterface, Located, PublicInterface};
use crate::source::Origin;

/// The features of `pct set --features` that are on or off.
const FLAGS: &[&str] = &["force_rw_sys", "fuse", "keyctl", "mknod", "nesting"];

/// The feature that is a list of file systems.
const MOUNT: &str = "mount";

type Features = BTreeMap<String, Located<String>>;

impl Lowering {
    /// Lowers nesting and the other features.
    pub(super) fn features(
        &mut self,
        declared: &Container,
        at: &Origin,
    ) -> (Option<Located<bool>>, Features) {
        let mut features = self.pct_options(declared, &at.at("pct_options"));
        let option = features.remove("nesting");
        let option = option.map(|o| Located { value: o.value == "1", origin: o.origin });
        let origin = at.at("apparmor_manages_nesting");
        let own = declared.apparmor_manages_nesting.map(|value| Located { value, origin });
        if let (Some(own), Some(option)) = (&own, &option)
            && own.value != option.value
        {
            self.push(
                Finding::advice(
                    option.origin.clone(),
                    "nesting is declared in two ways that differ",
                )
                .label("not used")
                .with(own.origin.clone(), "this one counts")
                .help("Remove `nesting=…` from `pct_options`."),
            );
        }
        (own.or(option), features)
    }

    fn pct_options(&mut self, declared: &Container, at: &Origin) -> Features {
        let mut features = Features::new();
        let Some(list) = &declared.pct_options else {
            return features;
        };
        for (origin, text) in self.each(list, at) {
            for part in text.split(',') {
                match feature(part) {
                    Ok((name, value)) => {
                        self.add_feature(&mut features, name, value, origin.clone());
                    }
                    Err(finding) => self.push(finding.into_finding(part, origin.clone())),
                }
            }
        }
        features
    }

    fn add_feature(&mut self, features: &mut Features, name: &str, value: String, origin: Origin) {
        let new = Located { value, origin };
        match features.get(name) {
            Some(first) if first.value != new.value => self.push(
                Finding::error(new.origin, format!("`{name}` is set to two values"))
                    .label("here again")
                    .with(first.origin.clone(), "first here")
                    .help("Remove one of the two."),
            ),
            _ => {
                features.insert(name.to_owned(), new);
            }
        }
    }

    /// Lowers the raw keys.
    pub(super) fn raw(
        &mut self,
        declared: &Container,
        at: &Origin,
        net0: Option<&InternalInterface>,
        public: Option<&PublicInterface>,
    ) -> Vec<Located<(String, String)>> {
        let mut raw = Vec::new();
        let Some(list) = &declared.lxc_options else {
            return raw;
        };
        for (origin, text) in self.each(list, &at.at("lxc_options")) {
            let Some((key, value)) = raw_option(text) else {
                self.push(
                    Finding::error(origin, format!("`{text}` is not a raw key with a value"))
                        .label("not `lxc.` with a key and a value")
                        .help("Write it as `lxc.mount.auto=sys:rw`."),
                );
                continue;
            };
            match taken(key, net0, public) {
                Some(field) => self.push(
                    Finding::error(origin, format!("`{key}` works against `{field}`"))
                        .label("phoenix sets this interface itself")
                        .help(format!("Remove it, or remove `{field}`.")),
                ),
                None => raw.push(Located { value: (key.to_owned(), value.to_owned()), origin }),
            }
        }
        raw
    }
}

/// Returns the field that already declares the interface that a raw key sets.
fn taken(
    key: &str,
    net0: Option<&InternalInterface>,
    public: Option<&PublicInterface>,
) -> Option<&'static str> {
    let index = key.strip_prefix("lxc.net.")?.split('.').next()?;
    match index {
        "0" if net0.is_some() => Some("network_config"),
        "1" if public.is_some_and(|public| public.enabled) => Some("public_interface"),
        _ => None,
    }
}

/// Splits a raw option at the first `=` or `:`, as operators write all of `key=value`, `key: value` and
/// `key:value`.
fn raw_option(text: &str) -> Option<(&str, &str)> {
    let at = text.find(['=', ':'])?;
    let (key, value) = (text[..at].trim(), text[at + 1..].trim());
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.".contains(c);
    let named =
        key.strip_prefix("lxc.").is_some_and(|rest| !rest.is_empty() && rest.chars().all(plain));
    (named && !value.contains(char::is_control)).then_some((key, value))
}

enum BadFeature {
    Option,
    Form,
    Unknown,
    Value,
}

impl BadFeature {
    fn into_finding(self, part: &str, origin: Origin) -> Finding {
        let part = part.trim();
        match self {
            Self::Option => {
                Finding::warning(origin, format!("phoenix does not pass `{part}` to pct"))
                    .label("left alone")
                    .help("Remove it; `pct_options` holds features only, such as `nesting=1`.")
            }
            Self::Form => Finding::error(origin, format!("`{part}` is not a feature with a value"))
                .label("not valid")
                .help("Write it as `nesting=1`."),
            Self::Unknown => Finding::error(origin, format!("pct has no feature `{part}`"))
                .label("not known")
                .help(format!("Write one of {}, {MOUNT}.", FLAGS.join(", "))),
            Self::Value => {
                Finding::error(origin, format!("`{part}` has a value that pct does not take"))
                    .label("not valid")
                    .help("Write `1` or `0`; for `mount` names of file systems with `;` between.")
            }
        }
    }
}

fn feature(part: &str) -> Result<(&str, String), BadFeature> {
    let part = part.trim();
    if part.starts_with('-') {
        return Err(BadFeature::Option);
    }
    let (name, value) = part.split_once('=').ok_or(BadFeature::Form)?;
    let (name, value) = (name.trim(), value.trim());
    if name == MOUNT {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_; ".contains(c);
        let valid = !value.is_empty() && value.chars().all(plain);
        return if valid { Ok((name, value.to_owned())) } else { Err(BadFeature::Value) };
    }
    if !FLAGS.contains(&name) {
        return Err(BadFeature::Unknown);
    }
    match value.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => Ok((name, "1".to_owned())),
        "0" | "off" | "no" | "false" => Ok((name, "0".to_owned())),
        _ => Err(BadFeature::Value),
    }
}
