//! Splits a line into words as iptables-restore(8) does: its quoting is not that of a shell.

use std::borrow::Cow;

/// More words than most rules have.
const USUAL_WORDS: usize = 16;

/// Splits `line` into words, or returns nothing when a quote stays open.
///
/// A double quote may open anywhere in a word; the closing one ends the word. A backslash is special
/// only between quotes, where it takes the next character as it is.
pub(super) fn split(line: &str) -> Option<Vec<Cow<'_, str>>> {
    if !line.contains('"') {
        let words = line.split([' ', '\t', '\n']).filter(|word| !word.is_empty());
        let mut taken = Vec::with_capacity(USUAL_WORDS);
        taken.extend(words.map(Cow::Borrowed));
        return Some(taken);
    }
    let mut splitter = Splitter::default();
    for c in line.chars() {
        splitter.push(c);
    }
    splitter.finish().map(|words| words.into_iter().map(Cow::Owned).collect())
}

#[derive(Default)]
struct Splitter {
    words: Vec<String>,
    word: String,
    state: State,
}

#[derive(Default, Clone, Copy)]
enum State {
    #[default]
    Plain,
    Quoted,
    Escaped,
}

impl Splitter {
    fn push(&mut self, c: char) {
        match (self.state, c) {
            (State::Plain, '"') => self.state = State::Quoted,
            (State::Plain, ' ' | '\t' | '\n') => self.end_word(),
            (State::Quoted, '\\') => self.state = State::Escaped,
            (State::Quoted, '"') => self.end_quote(),
            (State::Escaped, _) => {
                self.state = State::Quoted;
                self.word.push(c);
            }
            _ => self.word.push(c),
        }
    }

    fn end_word(&mut self) {
        if !self.word.is_empty() {
            self.words.push(std::mem::take(&mut self.word));
        }
    }

    fn end_quote(&mut self) {
        self.state = State::Plain;
        self.words.push(std::mem::take(&mut self.word));
    }

    fn finish(mut self) -> Option<Vec<String>> {
        self.end_word();
        matches!(self.state, State::Plain).then_some(self.words)
    }
}
