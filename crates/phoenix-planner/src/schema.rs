//! JSON Schemas of the operator's files, for editors and pull-request checks.

use schemars::Schema;
use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use serde_json::Value;

use crate::declared::{CertificateFile, ContainerFile, HypervisorFile, VmFile};
use crate::source::FileKind;

/// Returns the JSON Schema (2020-12) of a file as indented text that ends with a line break.
///
/// Fields that phoenix does not manage are allowed. What JSON Schema cannot say, such as that an
/// address is unique, is left to [`load`](crate::load::load()).
pub fn schema(kind: FileKind) -> String {
    format!("{:#}\n", schema_value(kind))
}

/// Returns the schema as a value.
pub(crate) fn schema_value(kind: FileKind) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.inline_subschemas = true;
    settings.transforms.push(Box::new(RecursiveTransform(tidy)));
    let generator = settings.into_generator();
    match kind {
        FileKind::Hypervisor => generator.into_root_schema_for::<HypervisorFile>().to_value(),
        FileKind::Containers => generator.into_root_schema_for::<ContainerFile>().to_value(),
        FileKind::Vms => generator.into_root_schema_for::<VmFile>().to_value(),
        FileKind::Certificates => generator.into_root_schema_for::<CertificateFile>().to_value(),
    }
}

/// Joins the lines of a description, and drops Rust's names of number types.
fn tidy(schema: &mut Schema) {
    schema.remove("format");
    let description = schema.get("description").and_then(Value::as_str);
    if let Some(lines) = description.map(|text| text.replace('\n', " ")) {
        schema.insert("description".to_owned(), Value::String(lines));
    }
}

/// Returns the names of the fields that phoenix knows at a place, given by the steps from the root.
pub(crate) fn known_fields<'a>(schema: &'a Value, steps: &[&str]) -> Vec<&'a str> {
    let place = steps.iter().try_fold(schema, |node, step| child(node, step));
    let properties = place.and_then(|node| alternative(node, "properties")?.as_object());
    properties.map(|names| names.keys().map(String::as_str).collect()).unwrap_or_default()
}

fn child<'a>(node: &'a Value, step: &str) -> Option<&'a Value> {
    let member = alternative(node, "properties").and_then(|properties| properties.get(step));
    member
        .or_else(|| alternative(node, "additionalProperties"))
        .or_else(|| alternative(node, "items"))
}

/// Finds a keyword in a schema or in its alternatives: an optional object is "this or null".
fn alternative<'a>(node: &'a Value, keyword: &str) -> Option<&'a Value> {
    let direct = node.get(keyword);
    direct.or_else(|| node.get("anyOf")?.as_array()?.iter().find_map(|one| one.get(keyword)))
}
