//! Certificates as a simulated authority makes them: real ones, and the same each time.

use std::net::IpAddr;
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ED25519, SanType, SerialNumber, date_time_ymd,
};
use rustls_pki_types::PrivatePkcs8KeyDer;

/// What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410).
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// How long they are good: ten years, and a day, as step-ca has it by itself.
const OF_AUTHORITY: Duration = Duration::from_secs(10 * 365 * 86_400);
const OF_LEAF: Duration = Duration::from_secs(86_400);

/// How much earlier a leaf begins, for clocks that differ.
const EARLIER: u64 = 60;

/// The keys, by number.
const ROOT: u8 = 1;
const INTERMEDIATE: u8 = 2;
const LEAF: u8 = 3;

/// What step(1) puts behind the name of an authority.
const ROOT_SUFFIX: &str = " Root CA";

/// The two certificates of an authority, in PEM.
pub(super) struct Made {
    pub(super) root: String,
    pub(super) intermediate: String,
}

/// Returns the name that an authority was given, from that of its root certificate.
pub(super) fn name_of(root: &str) -> Option<&str> {
    root.strip_suffix(ROOT_SUFFIX)
}

fn key(number: u8) -> KeyPair {
    let bytes = [PKCS8.as_slice(), &[number; 32]].concat();
    KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(bytes), &PKCS_ED25519)
        .expect("any 32 bytes are a key")
}

fn params(name: &str, from: u64, time: Duration, serial: u8) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(1970, 1, 1) + Duration::from_secs(from);
    params.not_after = params.not_before + time;
    params.serial_number = Some(SerialNumber::from(vec![serial]));
    params
}

fn authority_params(name: &str, now: u64, serial: u8) -> CertificateParams {
    let mut params = params(name, now, OF_AUTHORITY, serial);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn intermediate_name(name: &str) -> String {
    format!("{name} Intermediate CA")
}

/// Makes an authority.
pub(super) fn authority(name: &str, now: u64) -> Made {
    let root = authority_params(&format!("{name}{ROOT_SUFFIX}"), now, ROOT);
    let intermediate = authority_params(&intermediate_name(name), now, INTERMEDIATE);
    let of_root = root.self_signed(&key(ROOT)).expect("Ed25519 signs everything");
    let by_root = Issuer::new(root, key(ROOT));
    let signed = intermediate.signed_by(&key(INTERMEDIATE), &by_root);
    let signed = signed.expect("Ed25519 signs everything");
    Made { root: pem(&of_root.pem()), intermediate: pem(&signed.pem()) }
}

/// Makes a certificate by the authority of a name.
pub(super) fn leaf(authority: &str, name: &str, names: &[&str], now: u64) -> String {
    let mut params = params(name, now.saturating_sub(EARLIER), OF_LEAF, LEAF);
    params.subject_alt_names = names.iter().filter_map(|name| san(name)).collect();
    let issuer = authority_params(&intermediate_name(authority), now, INTERMEDIATE);
    let issuer = Issuer::new(issuer, key(INTERMEDIATE));
    pem(&params.signed_by(&key(LEAF), &issuer).expect("Ed25519 signs everything").pem())
}

fn san(name: &str) -> Option<SanType> {
    match name.parse::<IpAddr>() {
        Ok(address) => Some(SanType::IpAddress(address)),
        Err(_) => name.to_owned().try_into().ok().map(SanType::DnsName),
    }
}

fn pem(text: &str) -> String {
    text.replace('\r', "")
}
