//! From PEM to certificates.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::pem::Pem;

use super::Certificate;

/// The longest text that is read, in bytes: a bundle of all public roots is a fifth of it.
const LONGEST: usize = 1 << 20;

/// The characters of a full line of PEM (RFC 7468).
pub(super) const PEM_LINE: usize = 64;

/// The label of certificates.
const LABEL: &str = "CERTIFICATE";

/// The alphabet of base64 (RFC 4648).
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Says why a text holds no certificate that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    /// There is none in it.
    #[error("there is no certificate in it")]
    None,
    /// It is longer than any file of certificates.
    #[error("longer than 1 MiB")]
    TooLong,
    /// A block is not PEM.
    #[error("block {number} is not PEM")]
    Pem {
        /// Its number, counted from 1.
        number: usize,
    },
    /// A block is no X.509 certificate.
    #[error("block {number} is no X.509 certificate")]
    X509 {
        /// Its number, counted from 1.
        number: usize,
    },
}

/// Reads all certificates of a text in their order: the one that serves first, then those that signed it.
///
/// Text between blocks, and blocks with other labels, are passed over.
///
/// # Errors
///
/// When there is none, or when one cannot be read.
pub fn read_certificates(text: &str) -> Result<Vec<Certificate>, CertificateError> {
    if text.len() > LONGEST {
        return Err(CertificateError::TooLong);
    }
    let mut certificates = Vec::new();
    for (index, pem) in Pem::iter_from_buffer(text.as_bytes()).enumerate() {
        let number = index + 1;
        let pem = pem.map_err(|_| CertificateError::Pem { number })?;
        if pem.label == LABEL {
            certificates.push(one(&pem.contents).ok_or(CertificateError::X509 { number })?);
        }
    }
    if certificates.is_empty() { Err(CertificateError::None) } else { Ok(certificates) }
}

fn one(der: &[u8]) -> Option<Certificate> {
    let (rest, read) = x509_parser::parse_x509_certificate(der).ok()?;
    if !rest.is_empty() {
        return None;
    }
    let common_name = read.subject().iter_common_name().next();
    let constraints = read.basic_constraints().ok().flatten();
    Some(Certificate {
        body: body(der),
        common_name: common_name.and_then(|name| name.as_str().ok()).map(str::to_owned),
        names: names(&read)?,
        issuer: read.issuer().to_string(),
        not_before: read.validity().not_before.timestamp(),
        not_after: read.validity().not_after.timestamp(),
        authority: constraints.is_some_and(|constraints| constraints.value.ca),
        der: der.to_vec(),
    })
}

/// Returns the names; `None` when the extension is broken.
fn names(read: &X509Certificate<'_>) -> Option<BTreeSet<String>> {
    let Some(extension) = read.subject_alternative_name().ok()? else {
        return Some(BTreeSet::new());
    };
    let names = extension.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) | GeneralName::URI(name) => Some(name.to_ascii_lowercase()),
        GeneralName::RFC822Name(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    });
    Some(names.collect())
}

fn address(bytes: &[u8]) -> Option<String> {
    let four = <[u8; 4]>::try_from(bytes).map(|b| IpAddr::V4(Ipv4Addr::from(b)));
    let address =
        four.or_else(|_| <[u8; 16]>::try_from(bytes).map(|b| IpAddr::V6(Ipv6Addr::from(b))));
    address.ok().map(|address| address.to_string())
}

fn body(der: &[u8]) -> Vec<String> {
    let mut text = Vec::with_capacity(der.len().div_ceil(3) * 4);
    for chunk in der.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for (at, shift) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = ALPHABET[(bits >> shift) as usize & 63];
            text.push(if at <= chunk.len() { digit } else { b'=' });
        }
    }
    text.chunks(PEM_LINE).map(|line| line.iter().copied().map(char::from).collect()).collect()
}
