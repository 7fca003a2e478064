//! A file of nginx configuration as its directives, every one with its place in the text.

use std::borrow::Cow;
use std::ops::Range;

use super::lex::{Token, TokenKind};
use super::parse::Parser;
use crate::Warning;

/// Holds one file of nginx configuration; nothing of its text is lost.
///
/// The grammar is nginx's own (measured on 1.22 and 1.26): `#` starts a comment only where a word could start, a
/// carriage return is white space, words and names of directives may be quoted, and the inside of a `…_by_lua_block`
/// is not read. Which directives exist, and what they mean, is deliberately not known here.
#[derive(Debug, Clone)]
pub struct NginxConf {
    pub(super) text: String,
    pub(super) tokens: Vec<Token>,
    pub(super) words: Vec<Word>,
    pub(super) directives: Vec<Node>,
    pub(super) problems: Vec<Warning>,
    pub(super) lines: Vec<usize>,
}

/// One word of a directive: its whole token, and the inside of the quotes.
#[derive(Debug, Clone)]
pub(super) struct Word {
    pub(super) span: Range<usize>,
    pub(super) inside: Range<usize>,
}

/// One directive, flat: children name their parent, so that no input can nest too deep.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) words: Range<usize>,
    pub(super) tokens: Range<usize>,
    pub(super) parent: Option<usize>,
    pub(super) body: Body,
}

/// Says what follows the words of a directive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    /// `;`
    Simple,
    /// A block of directives.
    Block,
    /// A block of entries that are no directives, such as a `map`.
    Table,
    /// A block in another language.
    Raw,
    /// Nothing: the end of the block or of the text came first.
    Unfinished,
}

impl NginxConf {
    /// Reads a file; never fails. See [`NginxConf::problems`] for what nginx would refuse.
    pub fn parse(text: &str) -> Self {
        Parser::new(text).run()
    }

    /// Returns the text as it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Joins the text again from the tokens it was cut into; equal to [`NginxConf::text`].
    pub fn render(&self) -> String {
        self.tokens.iter().map(|token| &self.text[token.span.clone()]).collect()
    }

    /// Returns what nginx refuses for its syntax alone: quotes, braces, semicolons, over-long words, a byte order mark.
    pub fn problems(&self) -> &[Warning] {
        &self.problems
    }

    /// Returns the directives in order; the entries of tables such as `map`, `geo` and `types` are none.
    pub fn directives(&self) -> impl Iterator<Item = Directive<'_>> {
        (0..self.directives.len())
            .map(|index| Directive { conf: self, index })
            .filter(|directive| !directive.is_entry())
    }

    pub(super) fn directive(&self, index: usize) -> Directive<'_> {
        Directive { conf: self, index }
    }

    pub(super) fn line_of(&self, offset: usize) -> usize {
        self.lines.partition_point(|&start| start <= offset)
    }
}

/// Refers to one directive of a configuration.
#[derive(Debug, Clone, Copy)]
pub struct Directive<'a> {
    conf: &'a NginxConf,
    index: usize,
}

impl<'a> Directive<'a> {
    fn node(self) -> &'a Node {
        &self.conf.directives[self.index]
    }

    /// Returns the directive's name without quotes and escapes.
    pub fn name(self) -> Cow<'a, str> {
        self.words().next().unwrap_or_default()
    }

    /// Returns the words after the name, without quotes and escapes.
    pub fn args(self) -> impl Iterator<Item = Cow<'a, str>> {
        self.words().skip(1)
    }

    fn words(self) -> impl Iterator<Item = Cow<'a, str>> {
        let conf = self.conf;
        conf.words[self.node().words.clone()]
            .iter()
            .map(|word| unescape(&conf.text[word.inside.clone()]))
    }

    /// Returns the number of the line on which the directive starts, counted from 1.
    pub fn line(self) -> usize {
        self.conf.line_of(self.span().start)
    }

    /// Returns the directive in whose block this one stands; `None` at the top of the file.
    pub fn parent(self) -> Option<Self> {
        self.node().parent.map(|index| Self { conf: self.conf, index })
    }

    /// Says whether the directive has a block, of whatever content.
    pub fn is_block(self) -> bool {
        matches!(self.node().body, Body::Block | Body::Table | Body::Raw)
    }

    /// Returns the directive as it is written, up to its `;` or `{`.
    pub fn source(self) -> &'a str {
        &self.conf.text[self.span()]
    }

    pub(super) fn index(self) -> usize {
        self.index
    }

    /// Says whether this is an entry of a table such as `map`, not a directive.
    pub(super) fn is_entry(self) -> bool {
        self.parent().is_some_and(|parent| parent.node().body == Body::Table)
    }

    pub(super) fn span(self) -> Range<usize> {
        let tokens = self.tokens();
        match (tokens.first(), tokens.last()) {
            (Some(first), Some(last)) => first.span.start..last.span.end,
            _ => 0..0,
        }
    }

    /// Returns the tokens from the first word to the `;` or `{`.
    pub(super) fn tokens(self) -> &'a [Token] {
        &self.conf.tokens[self.node().tokens.clone()]
    }

    /// Returns the place of the inside of the `n`th word; the name is word 0.
    pub(super) fn word_inside(self, n: usize) -> Option<Range<usize>> {
        self.conf.words[self.node().words.clone()].get(n).map(|word| word.inside.clone())
    }
}

impl Word {
    pub(super) fn new(token: &Token) -> Self {
        let Range { start, end } = token.span;
        let inside = match token.kind {
            TokenKind::Quoted => start + 1..end - 1,
            TokenKind::Unclosed => start + 1..end,
            _ => start..end,
        };
        Self { span: token.span.clone(), inside }
    }
}

/// Resolves the five escapes that nginx knows; any other backslash stands for itself.
fn unescape(raw: &str) -> Cow<'_, str> {
    if !raw.contains('\\') {
        return Cow::Borrowed(raw);
    }
    let mut value = String::with_capacity(raw.len());
    let mut rest = raw.chars();
    while let Some(next) = rest.next() {
        let escaped = if next == '\\' { escape(rest.as_str()) } else { None };
        if escaped.is_some() {
            rest.next();
        }
        value.push(escaped.unwrap_or(next));
    }
    Cow::Owned(value)
}

fn escape(rest: &str) -> Option<char> {
    match rest.chars().next()? {
        quote @ ('"' | '\'' | '\\') => Some(quote),
        't' => Some('\t'),
        'r' => Some('\r'),
        'n' => Some('\n'),
        _ => None,
    }
}
