//! Builds directives from tokens and notes what nginx would refuse.

use super::conf::{Body, NginxConf, Node, Word};
use super::lex::{Token, TokenKind, token_at};
use super::lua;
use crate::Warning;

/// The size of nginx's read buffer (`NGX_CONF_BUFFER`): a word or a comment that does not fit is refused.
const BUFFER: usize = 4096;

/// How many problems are kept. nginx stops at the first; a file of nothing but braces must not fill the memory.
const MAX_PROBLEMS: usize = 100;

/// The blocks whose content nginx reads as `key value;` entries and not as directives.
const TABLES: [&str; 5] = ["map", "geo", "types", "split_clients", "charset_map"];

/// What the modules for Lua name the blocks that they read themselves.
const LUA_SUFFIX: &str = "_by_lua_block";

pub(super) struct Parser {
    conf: NginxConf,
    /// The open blocks, outermost first.
    open: Vec<usize>,
    /// Where in `conf.words` and `conf.tokens` the directive being read starts.
    first_word: usize,
    first_token: usize,
}

impl Parser {
    pub(super) fn new(text: &str) -> Self {
        let starts =
            text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n').map(|(at, _)| at + 1);
        let conf = NginxConf {
            text: text.to_owned(),
            tokens: Vec::new(),
            words: Vec::new(),
            directives: Vec::new(),
            problems: Vec::new(),
            lines: std::iter::once(0).chain(starts).collect(),
        };
        Self { conf, open: Vec::new(), first_word: 0, first_token: 0 }
    }

    pub(super) fn run(mut self) -> NginxConf {
        if self.conf.text.starts_with('\u{feff}') {
            self.problem(0, "the file starts with a byte order mark, which nginx takes for a part of the first word");
        }
        let mut at = 0;
        while at < self.conf.text.len() {
            let token = token_at(self.conf.text.as_bytes(), at);
            at = token.span.end;
            self.check(&token);
            at = self.take(token).unwrap_or(at);
        }
        self.finish();
        self.conf
    }

    fn problem(&mut self, offset: usize, message: impl Into<String>) {
        if self.conf.problems.len() < MAX_PROBLEMS {
            let line = self.conf.line_of(offset);
            self.conf.problems.push(Warning::new(line, message));
        }
    }

    /// Notes what is wrong with a token by itself or right after the one before it.
    fn check(&mut self, token: &Token) {
        let (start, length) = (token.span.start, token.span.len());
        let too_long = match token.kind {
            TokenKind::Quoted => length > BUFFER,
            TokenKind::Word | TokenKind::Comment => length >= BUFFER,
            _ => false,
        };
        if too_long {
            self.problem(
                start,
                format!("a word or comment is longer than nginx's buffer of {BUFFER} bytes"),
            );
        }
        if token.kind == TokenKind::Unclosed {
            self.problem(start, "a quote is never closed");
        } else if self.is_glued(token) {
            self.problem(start, "text follows a closing quote without a space");
        }
    }

    /// Says whether the token touches a closing quote and may not; `)` may, for the sake of `if`.
    fn is_glued(&self, token: &Token) -> bool {
        let after_quote =
            self.conf.tokens.last().is_some_and(|last| last.kind == TokenKind::Quoted);
        let free = matches!(token.kind, TokenKind::Blank | TokenKind::Semicolon | TokenKind::Open);
        after_quote && !free && self.conf.text.as_bytes()[token.span.start] != b')'
    }

    /// Adds a token; returns where to go on when that is not the token's end.
    fn take(&mut self, token: Token) -> Option<usize> {
        let (kind, start, end) = (token.kind, token.span.start, token.span.end);
        if self.is_between() {
            self.first_token = self.conf.tokens.len();
        }
        match kind {
            TokenKind::Word | TokenKind::Quoted | TokenKind::Unclosed => {
                self.conf.words.push(Word::new(&token))
            }
            TokenKind::Close => self.close(start),
            _ => {}
        }
        self.conf.tokens.push(token);
        match kind {
            TokenKind::Semicolon => self.end_simple(start),
            TokenKind::Open => return self.open_block(start, end),
            _ => {}
        }
        None
    }

    /// Says whether no word of a directive has been read yet.
    fn is_between(&self) -> bool {
        self.first_word == self.conf.words.len()
    }

    fn end_simple(&mut self, at: usize) {
        if self.is_between() {
            self.problem(at, "a `;` without a directive before it");
        } else {
            self.push(Body::Simple);
        }
    }

    fn push(&mut self, body: Body) {
        let words = self.first_word..self.conf.words.len();
        let tokens = self.first_token..self.conf.tokens.len();
        self.first_word = words.end;
        self.conf.directives.push(Node { words, tokens, parent: self.open.last().copied(), body });
    }

    fn open_block(&mut self, at: usize, inside: usize) -> Option<usize> {
        let in_table =
            self.open.last().is_some_and(|&index| self.conf.directives[index].body == Body::Table);
        if self.is_between() {
            self.problem(at, "a `{` without a directive before it");
        } else if in_table {
            self.problem(at, "a block where only entries may stand");
        }
        self.push(Body::Block);
        let index = self.conf.directives.len() - 1;
        self.open.push(index);
        let name = self.conf.directive(index).name().into_owned();
        if name.ends_with(LUA_SUFFIX) {
            self.conf.directives[index].body = Body::Raw;
            return self.skip_raw(inside);
        }
        if TABLES.contains(&name.as_str()) {
            self.conf.directives[index].body = Body::Table;
        }
        None
    }

    fn skip_raw(&mut self, start: usize) -> Option<usize> {
        let end = lua::block_end(self.conf.text.as_bytes(), start).unwrap_or(self.conf.text.len());
        if end > start {
            self.conf.tokens.push(Token { kind: TokenKind::Raw, span: start..end });
        }
        Some(end)
    }

    fn close(&mut self, at: usize) {
        self.end_unfinished("`}`");
        if self.open.pop().is_none() {
            self.problem(at, "a `}` without a block to close");
        }
    }

    fn end_unfinished(&mut self, before: &str) {
        if self.is_between() {
            return;
        }
        let start = self.conf.words[self.first_word].span.start;
        self.push(Body::Unfinished);
        let name = self.conf.directive(self.conf.directives.len() - 1).name().into_owned();
        let shown: String = name.chars().take(40).collect();
        self.problem(start, format!("no `;` ends `{shown}` before {before}"));
    }

    fn finish(&mut self) {
        self.end_unfinished("the end of the file");
        if let Some(&index) = self.open.last() {
            let start = self.conf.directive(index).span().start;
            self.problem(start, "no `}` closes this block before the end of the file");
        }
        self.conf.problems.sort_by_key(|problem| problem.line);
    }
}
