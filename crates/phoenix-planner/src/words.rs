//! Words of plans that more than one place writes.

use std::fmt::Display;

use sha2::{Digest as _, Sha256};

/// Returns things as a phrase: `a`, `a and b`, `a, b and c`.
pub(crate) fn listed<T: Display>(things: &[T]) -> String {
    let words = things.iter().map(ToString::to_string).collect::<Vec<_>>();
    match words.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [front @ .., last] => format!("{} and {last}", front.join(", ")),
    }
}

/// Returns the SHA-256 of a text, in lower-case hexadecimal.
pub(crate) fn sha256(text: impl AsRef<[u8]>) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
