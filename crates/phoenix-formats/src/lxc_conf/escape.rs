//! Percent signs in descriptions.

/// Returns the text as Proxmox VE keeps it in a comment: all but plain ASCII, `%` and `:` is encoded.
pub(super) fn encode(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut encoded, byte| {
        match byte {
            b'%' | b':' => encoded.push_str(hex(byte).as_str()),
            b' '..=b'~' => encoded.push(char::from(byte)),
            _ => encoded.push_str(hex(byte).as_str()),
        }
        encoded
    })
}

fn hex(byte: u8) -> String {
    format!("%{byte:02X}")
}

/// Returns the text with `%XX` decoded; what is no UTF-8 then is replaced by U+FFFD.
pub(super) fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes.get(at + 1).zip(bytes.get(at + 2));
        let value = pair.filter(|_| byte == b'%').and_then(|(high, low)| number(*high, *low));
        decoded.push(value.unwrap_or(byte));
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn number(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}
