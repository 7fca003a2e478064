//! Changes the key `running` of `node.json` and leaves every other byte.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use phoenix_formats::Vmid;

use super::settings::Settings;

/// Returns the text of `node.json` with these guests running; `text` is what it holds now, if it is there.
pub(super) fn with_running(text: Option<&str>, running: &BTreeSet<Vmid>) -> String {
    let Some(text) = text else { return format!("{{\"running\": {}}}\n", list(running, None)) };
    let edited = edited(text, running);
    match Settings::parse(&edited) {
        Ok(settings) if settings.running == *running => edited,
        // The key is there in a spelling that only JSON knows, such as with escapes.
        _ => rewritten(text, running),
    }
}

fn rewritten(text: &str, running: &BTreeSet<Vmid>) -> String {
    let mut object: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(text).unwrap_or_default();
    object.insert("running".to_owned(), running.iter().map(Vmid::to_string).collect());
    serde_json::to_string(&object).expect("an object is always JSON") + "\n"
}

fn edited(text: &str, running: &BTreeSet<Vmid>) -> String {
    if let Some(span) = value_of(text, "running") {
        let list = list(running, text.get(span.clone()));
        return [&text[..span.start], &list, &text[span.end..]].concat();
    }
    let Some(end) = text.rfind('}') else { return text.to_owned() };
    let before = text[..end].trim_end();
    let comma = if before.ends_with('{') { "" } else { ", " };
    [before, comma, "\"running\": ", &list(running, None), &text[end..]].concat()
}

/// Writes the guests as the list at hand does: numbers stay numbers, all else is text.
fn list(running: &BTreeSet<Vmid>, present: Option<&str>) -> String {
    let plain = present.is_some_and(|list| !list.contains('"') && list.contains(char::is_numeric));
    let word = |vmid: &Vmid| if plain { vmid.to_string() } else { format!("\"{vmid}\"") };
    format!("[{}]", running.iter().map(word).collect::<Vec<_>>().join(", "))
}

/// Finds the value of a key of the outermost object; the text is known to be JSON.
fn value_of(text: &str, key: &str) -> Option<Range<usize>> {
    let mut scan = Scan { bytes: text.as_bytes(), at: 0, depth: 0 };
    let mut last: Option<Range<usize>> = None;
    while let Some(byte) = scan.next() {
        match byte {
            b'"' => last = Some(scan.string()),
            b':' if scan.depth == 1 => {
                let found = last.take().and_then(|span| text.get(span)) == Some(key);
                let value = scan.value();
                if found {
                    return Some(value);
                }
            }
            _ => {}
        }
    }
    None
}

/// A walk over JSON that knows strings and nesting.
struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
}

impl Scan<'_> {
    fn next(&mut self) -> Option<u8> {
        let byte = *self.bytes.get(self.at)?;
        self.at += 1;
        match byte {
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        Some(byte)
    }

    /// Walks behind the string whose quote was the last byte; returns its inside.
    fn string(&mut self) -> Range<usize> {
        let start = self.at;
        while let Some(&byte) = self.bytes.get(self.at) {
            self.at += if byte == b'\\' { 2 } else { 1 };
            if byte == b'"' {
                return start..self.at - 1;
            }
        }
        start..self.bytes.len()
    }

    /// Walks behind the value that comes next in the outermost object; returns its span.
    fn value(&mut self) -> Range<usize> {
        while self.bytes.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
        let start = self.at;
        let mut end = start;
        while let Some(&byte) = self.bytes.get(self.at) {
            if self.depth == 1 && matches!(byte, b',' | b'}') {
                break;
            }
            if self.next() == Some(b'"') {
                self.string();
            }
            if !byte.is_ascii_whitespace() {
                end = self.at;
            }
        }
        start..end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(before: &str, running: &[u32], after: &str) {
        let running = running.iter().map(|&number| Vmid::new(number).unwrap()).collect();
        let text = with_running(Some(before), &running);
        assert_eq!(text, after);
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
    }

    #[test]
    fn every_other_byte_stays() {
        check(r#"{"name": "a", "running": ["101"]}"#, &[], r#"{"name": "a", "running": []}"#);
        check("{\n  \"running\": [ 101,\n 102 ]\n}\n", &[102], "{\n  \"running\": [102]\n}\n");
        check(r#"{"\u0072unning": []}"#, &[101], "{\"running\":[\"101\"]}\n");
        check("{}", &[101], r#"{"running": ["101"]}"#);
        check("{ \"name\": \"a\"\n}\n", &[101], "{ \"name\": \"a\", \"running\": [\"101\"]}\n");
        check(
            r#"{"name": "a", "pve_version": "\"running\": [1]\\", "running":[], "busy": ["101"]}"#,
            &[100, 7000],
            r#"{"name": "a", "pve_version": "\"running\": [1]\\", "running":["100", "7000"], "busy": ["101"]}"#,
        );
    }

    #[test]
    fn a_missing_file_is_made() {
        let running = BTreeSet::from([Vmid::new(101).unwrap()]);
        assert_eq!(with_running(None, &running), "{\"running\": [\"101\"]}\n");
    }
}
