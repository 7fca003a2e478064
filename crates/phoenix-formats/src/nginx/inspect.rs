//! What `inspect nginx` shows of one file.

use serde::Serialize;

use super::conf::{Directive, NginxConf};
use super::listen::Listen;
use super::load::Include;
use super::rewrite::{ListenChange, rewrite_alone};
use crate::Warning;

/// Shows one file of nginx configuration as phoenix understands it.
#[derive(Debug, Clone, Serialize)]
pub struct NginxInspection {
    /// Whether nginx would accept the file's syntax.
    pub ok: bool,
    /// What it would refuse.
    pub problems: Vec<Warning>,
    /// The directives in order.
    pub directives: Vec<InspectedDirective>,
    /// The `listen` directives of servers.
    pub listens: Vec<Listen>,
    /// The files that it includes.
    pub includes: Vec<Include>,
    /// What listening on all interfaces would change.
    pub changes: Vec<ListenChange>,
    /// What is in the way of that.
    pub listen_problems: Vec<Warning>,
    /// The text after that change.
    pub rewritten: String,
}

/// Shows one directive.
#[derive(Debug, Clone, Serialize)]
pub struct InspectedDirective {
    /// Number of the line, counted from 1.
    pub line: usize,
    /// The name.
    pub name: String,
    /// The words after the name.
    pub args: Vec<String>,
    /// Whether it has a block.
    pub block: bool,
    /// Place in this list, counted from 0, of the directive in whose block it stands; null at the top.
    pub parent: Option<usize>,
}

impl NginxInspection {
    /// Looks at one file by itself.
    pub fn of(text: &str) -> Self {
        let conf = NginxConf::parse(text);
        let listens = conf.listens();
        let rewrite = rewrite_alone(&conf, &listens);
        let listen_problems =
            rewrite.problems.iter().map(|problem| Warning::new(problem.line, problem.told()));
        Self {
            ok: conf.problems().is_empty(),
            problems: conf.problems().to_vec(),
            directives: directives(&conf),
            listens,
            includes: conf.includes(),
            changes: rewrite.changes,
            listen_problems: listen_problems.collect(),
            rewritten: rewrite.text,
        }
    }
}

fn directives(conf: &NginxConf) -> Vec<InspectedDirective> {
    // Entries of tables are not shown, so the places in this list differ from those in the file.
    let mut places = Vec::new();
    for (place, directive) in conf.directives().enumerate() {
        places.resize(directive.index() + 1, place);
    }
    let place = |directive: Directive<'_>| places[directive.index()];
    let inspect = |directive: Directive<'_>| InspectedDirective {
        line: directive.line(),
        name: directive.name().into_owned(),
        args: directive.args().map(|arg| arg.into_owned()).collect(),
        block: directive.is_block(),
        parent: directive.parent().map(place),
    };
    conf.directives().map(inspect).collect()
}
