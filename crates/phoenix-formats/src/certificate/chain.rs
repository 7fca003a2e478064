//! Whether a chain of certificates leads to a root.

use x509_parser::certificate::X509Certificate;
use x509_parser::der_parser::Oid;
use x509_parser::oid_registry::{OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA};

use super::Certificate;

/// How many certificates lie between the one that serves and the root at most: a private authority has one.
const LONGEST_CHAIN: usize = 8;

/// Signatures over SHA-1, which can be forged.
const LEGACY: [Oid<'_>; 2] = [OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA];

/// Says why a certificate is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChainError {
    /// There is no certificate.
    #[error("there is no certificate")]
    Empty,
    /// One of the chain, or the root, is not good any more.
    #[error("a certificate of its chain has expired")]
    Expired,
    /// One of the chain, or the root, is not good yet.
    #[error("a certificate of its chain is not good yet")]
    NotYet,
    /// No root, by way of the other certificates, has signed it.
    #[error("it is not signed by the certificate authority")]
    Untrusted,
}

/// Finds a way from the first certificate to a root, by way of the others, that is good at a time in
/// seconds since 1970.
///
/// Who signs must be an authority, and its signature must be right; a root counts because it is given.
///
/// # Errors
///
/// When there is no such way.
pub fn verify_chain(
    chain: &[Certificate],
    roots: &[Certificate],
    now: i64,
) -> Result<(), ChainError> {
    let (mut at, mut others) = match chain.split_first() {
        Some((first, others)) => (first, others.iter().collect::<Vec<_>>()),
        None => return Err(ChainError::Empty),
    };
    for _ in 0..=LONGEST_CHAIN {
        in_time(at, now)?;
        if roots.iter().any(|root| root.der == at.der) {
            return Ok(());
        }
        if let Some(root) = roots.iter().find(|root| signed(at, root)) {
            return in_time(root, now);
        }
        let position = others.iter().position(|other| signed(at, other));
        at = others.remove(position.ok_or(ChainError::Untrusted)?);
    }
    Err(ChainError::Untrusted)
}

fn in_time(certificate: &Certificate, now: i64) -> Result<(), ChainError> {
    match now {
        now if now < certificate.not_before => Err(ChainError::NotYet),
        now if now > certificate.not_after => Err(ChainError::Expired),
        _ => Ok(()),
    }
}

/// Returns whether `by` is an authority and has signed a certificate.
fn signed(certificate: &Certificate, by: &Certificate) -> bool {
    let (Some(one), Some(signer)) = (parsed(certificate), parsed(by)) else { return false };
    by.authority
        && !LEGACY.contains(&one.signature_algorithm.algorithm)
        && one.issuer().as_raw() == signer.subject().as_raw()
        && one.verify_signature(Some(signer.public_key())).is_ok()
}

fn parsed(certificate: &Certificate) -> Option<X509Certificate<'_>> {
    x509_parser::parse_x509_certificate(&certificate.der).ok().map(|(_, read)| read)
}
