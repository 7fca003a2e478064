//! `certificate-manifest.json`: the certificates.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use super::{List, Scalar};

/// The certificates. Other fields are accepted and left alone.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[schemars(title = "phoenix: certificate-manifest.json")]
#[serde(transparent)]
pub struct CertificateFile(pub List<Certificate>);

/// One certificate of the own certificate authority, kept in files of the node.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
pub struct Certificate {
    /// The name that it bears. Needed.
    #[schemars(example = &"nginx.internal.example.com")]
    pub common_name: Option<String>,
    /// Further names and addresses that it is good for.
    pub sans: Option<List<String>>,
    /// The number of the guest that uses it.
    pub guest_id: Option<Scalar>,
    /// Whether the guest is a container (`lxc`) or a virtual machine (`vm`). Default: what is declared under
    /// the number.
    pub guest_type: Option<GuestType>,
    /// The file of the node for the certificate and what signed it. Needed.
    #[schemars(regex(pattern = r"^/"))]
    pub cert_path: Option<String>,
    /// The file of the node for its private key. Needed.
    #[schemars(regex(pattern = r"^/"))]
    pub key_path: Option<String>,
    /// Who owns both files, as `user:group` of the guest. Default: `root:root`.
    #[schemars(regex(pattern = r"^[^:\s]+:[^:\s]+$"))]
    pub owner: Option<String>,
    /// The permission bits of the certificate. Absent: `0644` when it is new, else left alone.
    #[schemars(regex(pattern = r"^0?[0-7]{3}$"))]
    pub cert_mode: Option<String>,
    /// The permission bits of the key. Absent: `0600` when it is new, else left alone.
    #[schemars(regex(pattern = r"^0?[0-7]{3}$"))]
    pub key_mode: Option<String>,
    /// Whether the guest also gets the root certificate, as `/tmp/ca.pem`, for `post_renewal_command`.
    pub include_ca: Option<bool>,
    /// `server` or `client`. step-ca makes certificates for both. Accepted.
    pub cert_type: Option<String>,
    /// Hours before its end when it is renewed. Default: a third of its time.
    pub renew_before_hours: Option<u64>,
    /// What is run on the node after the certificate has changed: a list of a program and its arguments, or
    /// one text, which is a line for sh(1) and shown as such.
    pub post_renewal_command: Option<PostCommand>,
}

/// What kind of guest uses a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum GuestType {
    /// A container.
    Lxc,
    /// A virtual machine.
    Vm,
}

/// A command of the operator's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PostCommand {
    /// A line for sh(1).
    Line(String),
    /// A program and its arguments.
    Argv(Vec<String>),
}

impl<'de> Deserialize<'de> for PostCommand {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PostCommandVisitor)
    }
}

struct PostCommandVisitor;

impl<'de> Visitor<'de> for PostCommandVisitor {
    type Value = PostCommand;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a list of texts")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<PostCommand, E> {
        Ok(PostCommand::Line(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<PostCommand, A::Error> {
        Vec::deserialize(serde::de::value::SeqAccessDeserializer::new(elements))
            .map(PostCommand::Argv)
    }
}

impl JsonSchema for PostCommand {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PostCommand".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "array"], "items": { "type": "string" } })
    }
}
