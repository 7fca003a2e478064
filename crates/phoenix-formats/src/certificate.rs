//! X.509 certificates in PEM: their names, their time, and whether a chain of them leads to a root.
//!
//! Owns what phoenix wants to know of a certificate. The reading is x509-parser's, the signatures are
//! ring's. Time is an argument, in seconds since 1970: nothing here has a clock.
//!
//! Deliberately not understood: revocation, name constraints, policies, and DER files. Private keys are
//! never read.

mod chain;
mod read;

pub use chain::{ChainError, verify_chain};
pub use read::{CertificateError, read_certificates};

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

/// One certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub(super) der: Vec<u8>,
    /// The last lines of its text, as PEM writes it.
    pub(super) body: Vec<String>,
    pub(super) common_name: Option<String>,
    pub(super) names: BTreeSet<String>,
    pub(super) issuer: String,
    pub(super) not_before: i64,
    pub(super) not_after: i64,
    pub(super) authority: bool,
}

impl Certificate {
    /// Returns the common name of its subject.
    pub fn common_name(&self) -> Option<&str> {
        self.common_name.as_deref()
    }

    /// Returns the names and addresses that it is good for, from its subjectAltName: letters in lower
    /// case, addresses in their usual form.
    pub fn names(&self) -> &BTreeSet<String> {
        &self.names
    }

    /// Returns the whole name of who signed it, such as `O=Example, CN=Example Root CA`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns when it begins to be good, in seconds since 1970.
    pub fn not_before(&self) -> i64 {
        self.not_before
    }

    /// Returns the last second of it, in seconds since 1970.
    pub fn not_after(&self) -> i64 {
        self.not_after
    }

    /// Returns whether it may sign others.
    pub fn is_authority(&self) -> bool {
        self.authority
    }

    /// Returns the SHA-256 of it in lower-case hexadecimal, as `step certificate fingerprint` prints it.
    pub fn fingerprint(&self) -> String {
        Sha256::digest(&self.der).iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Returns the certificate in PEM, in lines of 64 characters.
    pub fn to_pem(&self) -> String {
        let lines = self.body.iter().map(|line| format!("{line}\n")).collect::<String>();
        format!("-----BEGIN CERTIFICATE-----\n{lines}-----END CERTIFICATE-----\n")
    }

    /// Returns a line of the PEM that no other certificate has: it is part of the signature.
    pub fn telling_line(&self) -> &str {
        let whole = self.body.iter().rev().find(|line| line.len() == read::PEM_LINE);
        whole.or(self.body.last()).map_or("", String::as_str)
    }
}
