//! From the operator's texts to a checked [`Desired`], with everything that is wrong on the way.
//!
//! The passes: [`json`] (text to value), [`declared`](crate::declared) (value to types),
//! lowering (types to meanings, one guest at a time), checks (whether the parts agree). Each pass goes on
//! with what the one before could read, so that one run tells everything.

mod container;
pub(crate) mod finding;
pub(crate) mod firewall;
mod hypervisor;
mod names;
mod node;
mod options;
pub(crate) mod part;
mod public;
mod repair;
mod typo;
mod vm;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::check::{self, Wholeness};
use crate::declared::{ContainerFile, HypervisorFile, VmFile};
use crate::desired::Desired;
use crate::json::{self, Fault, Parsed, Places};
use crate::problem::{Problem, Related, Severity, SourceFile};
use crate::source::{FileKind, Origin, Sources};
use finding::{Finding, Findings, Spot};
use part::Lowering;

/// How many problems are kept: nobody reads more, and showing each costs a look at the whole file.
const MOST_PROBLEMS: usize = 1000;

/// What a field counts as that looks like a typo of a known one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Strictness {
    /// A warning.
    #[default]
    Lenient,
    /// An error: `--strict`.
    Strict,
}

impl Strictness {
    fn of_typos(self) -> Severity {
        match self {
            Self::Lenient => Severity::Warning,
            Self::Strict => Severity::Error,
        }
    }
}

/// Why phoenix leaves a field alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// Phoenix does not know the field.
    Unknown,
    /// Phoenix knows the field, and does nothing with it yet.
    Later,
}

/// A field that is accepted and left alone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unmanaged {
    /// Where it stands.
    pub origin: Origin,
    /// Why it is left alone.
    pub reason: Reason,
}

/// What the operator's files hold.
#[derive(Debug, Clone)]
#[must_use = "the problems are there to be shown"]
pub struct Loaded {
    /// What they want; `None` when there is an error.
    pub desired: Option<Desired>,
    /// Everything that is wrong or worth knowing, by file and position.
    pub problems: Vec<Problem>,
    /// The fields that phoenix does not manage, by file and name.
    pub unmanaged: Vec<Unmanaged>,
}

impl Loaded {
    /// Returns how many problems are of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.problems.iter().filter(|problem| problem.severity == severity).count()
    }
}

/// Reads and checks the operator's files.
pub fn load(sources: &Sources, strictness: Strictness) -> Loaded {
    let mut files = Files::read(sources);
    let mut findings = Findings::default();
    files.report_missing(&mut findings);
    let mut reader = Reader::new(&mut files, strictness, findings);
    let hypervisor = reader.read::<HypervisorFile>(FileKind::Hypervisor);
    let containers = reader.read::<ContainerFile>(FileKind::Containers);
    let vms = reader.read::<VmFile>(FileKind::Vms);
    reader.leave_alone(FileKind::Certificates);
    reader.note_later(container::later(&containers));
    let Reader { findings, mut unmanaged, has_unknown_guest, .. } = reader;

    let has_global = files.has(FileKind::Hypervisor);
    let mut lowering = Lowering { findings, has_global, has_unknown_guest, ..Lowering::default() };
    let network = lowering.network(&hypervisor);
    let identity = lowering.identity(&hypervisor);
    let dns = lowering.dns_server(&hypervisor);
    lowering.global_names(&hypervisor);
    let firewall = lowering.cluster_firewall(&hypervisor);
    let containers = lowering.containers(containers, &network);
    let vms = lowering.vms(&vms);
    let mut desired = Desired { network, identity, dns, firewall, containers, vms };
    lowering.resolve_names(&mut desired);
    let findings = check::check(&desired, lowering, files.wholeness());
    unmanaged.sort();
    files.finish(desired, findings, unmanaged)
}

/// One file: its text, and what could be read of it.
struct File {
    source: SourceFile,
    /// Found when something is to be shown: mostly there is nothing.
    places: OnceCell<Places>,
    content: Content,
}

/// What is known of a file's text.
enum Content {
    /// It is plain JSON with nothing wrong; a [`Value`] of it is made when somebody needs one.
    Plain,
    /// What could be read of it.
    Read(Option<Value>),
}

impl File {
    fn places(&self) -> &Places {
        self.places.get_or_init(|| Places::of(Arc::clone(self.source.text())))
    }

    fn is_read(&self) -> bool {
        !matches!(self.content, Content::Read(None))
    }

    /// Returns the text, if it is plain JSON.
    fn plain_text(&self) -> Option<&str> {
        matches!(self.content, Content::Plain).then_some(&**self.source.text())
    }

    fn value(&mut self) -> Option<&mut Value> {
        if let Some(text) = self.plain_text() {
            self.content = Content::Read(json::plain(text));
        }
        match &mut self.content {
            Content::Read(value) => value.as_mut(),
            Content::Plain => None,
        }
    }
}

/// Returns what a text holds, and what is wrong with it.
fn read(text: Option<&Arc<str>>) -> (Content, Vec<Fault>) {
    match text {
        None => (Content::Read(None), Vec::new()),
        Some(text) if json::is_plain(text) => (Content::Plain, Vec::new()),
        Some(text) => {
            let Parsed { value, faults } = json::parse(text);
            (Content::Read(value), faults)
        }
    }
}

struct Files {
    files: BTreeMap<FileKind, File>,
    problems: Vec<Problem>,
}

impl Files {
    fn read(sources: &Sources) -> Self {
        let mut all = Self { files: BTreeMap::new(), problems: Vec::new() };
        for kind in FileKind::ALL {
            let text = sources.0.get(&kind);
            let source = SourceFile::new(kind, text.cloned().unwrap_or_default());
            let (content, faults) = read(text);
            all.problems.extend(faults.into_iter().map(|fault| syntax(&source, fault)));
            let file = File { source, places: OnceCell::new(), content };
            if text.is_some() || kind.is_required() {
                all.files.insert(kind, file);
            }
        }
        all
    }

    fn report_missing(&self, findings: &mut Findings) {
        let missing = |file: &&File| !file.is_read() && !self.has_problem(file.source.kind);
        for file in self.files.values().filter(missing) {
            let kind = file.source.kind;
            findings.push(
                Finding::error(Origin::file(kind), format!("`{}` is missing", kind.file_name()))
                    .label("phoenix cannot do without it")
                    .help("Name its folder: `phoenix --config DIR`."),
            );
        }
    }

    fn has_problem(&self, kind: FileKind) -> bool {
        self.problems.iter().any(|problem| problem.file() == kind)
    }

    /// Returns whether every file could be read as JSON, so that what is not in them is not declared.
    /// Returns whether the files of guests could be read; one that is not there has no guests.
    fn wholeness(&self) -> Wholeness {
        let kinds = [FileKind::Containers, FileKind::Vms];
        let whole = kinds.iter().all(|kind| self.has(*kind) || !self.files.contains_key(kind));
        if whole { Wholeness::Whole } else { Wholeness::Partial }
    }

    fn has(&self, kind: FileKind) -> bool {
        self.files.get(&kind).is_some_and(File::is_read)
    }

    fn plain_text(&self, kind: FileKind) -> Option<&str> {
        self.files.get(&kind)?.plain_text()
    }

    fn value(&mut self, kind: FileKind) -> Option<&mut Value> {
        self.files.get_mut(&kind)?.value()
    }

    fn resolve(&self, finding: Finding) -> Option<Problem> {
        let file = self.files.get(&finding.origin.file)?;
        let span = match finding.spot {
            Spot::Value => file.places().value(&finding.origin.pointer),
            Spot::Name => file.places().name(&finding.origin.pointer),
        };
        let related = finding.related.iter().filter_map(|(origin, label)| {
            let file = self.files.get(&origin.file)?;
            let span = file.places().value(&origin.pointer);
            Some(Related::new(file.source.clone(), span, label.clone()))
        });
        let mut problem =
            Problem::new(finding.severity, file.source.clone(), span, finding.message);
        problem.related = related.collect();
        problem.label = finding.label;
        problem.help = finding.help;
        Some(problem)
    }

    fn finish(mut self, desired: Desired, findings: Findings, unmanaged: Vec<Unmanaged>) -> Loaded {
        let mut problems = std::mem::take(&mut self.problems);
        problems
            .extend(findings.into_vec().into_iter().filter_map(|finding| self.resolve(finding)));
        problems.sort_by(|a, b| {
            let place = |p: &Problem| (p.file(), p.span.start, p.span.end, p.severity);
            place(a).cmp(&place(b)).then_with(|| a.message.cmp(&b.message))
        });
        let broken = problems.iter().any(|problem| problem.severity == Severity::Error);
        problems.truncate(MOST_PROBLEMS);
        Loaded { desired: (!broken).then_some(desired), problems, unmanaged }
    }
}

fn syntax(source: &SourceFile, fault: Fault) -> Problem {
    let mut problem = Problem::new(Severity::Error, source.clone(), fault.span, fault.message);
    problem.label = fault.label;
    problem.help = Some(fault.help);
    let related = fault.related.map(|(span, label)| Related::new(source.clone(), span, label));
    problem.related = related.into_iter().collect();
    problem
}

struct Reader<'a> {
    files: &'a mut Files,
    strictness: Strictness,
    findings: Findings,
    unmanaged: Vec<Unmanaged>,
    has_unknown_guest: bool,
}

/// Fields that have a meaning that phoenix does not act on yet; `*` is any member or element. Those of
/// containers are in [`container::later`]: a file with an entry here is never read at once.
const LATER: &[(FileKind, &[&str])] = &[
    (FileKind::Hypervisor, &["network", "public_shim_address"]),
    (FileKind::Vms, &["vms", "*", "network_config", "gw"]),
    (FileKind::Vms, &["vms", "*", "network_config", "nameserver"]),
];

impl<'a> Reader<'a> {
    fn new(files: &'a mut Files, strictness: Strictness, findings: Findings) -> Self {
        Self { files, strictness, findings, unmanaged: Vec::new(), has_unknown_guest: false }
    }

    fn read<T: DeserializeOwned + Default>(&mut self, file: FileKind) -> T {
        if let Some(declared) = self.read_at_once(file) {
            return declared;
        }
        let Some(value) = self.files.value(file) else {
            return T::default();
        };
        if file == FileKind::Containers {
            self.has_unknown_guest = container::drop_bad_numbers(value, &mut self.findings);
        }
        let (declared, unknown) = match typo::read::<T>(file, value) {
            (Some(declared), unknown) => (declared, unknown),
            (None, _) => {
                let declared = repair::read::<T>(file, value, &mut self.findings);
                (declared, typo::read::<T>(file, value).1)
            }
        };
        let steps = LATER.iter().filter(|(later, _)| *later == file).map(|(_, steps)| steps);
        let places = steps.flat_map(|steps| matching(value, steps, Origin::file(file)));
        let later = places.collect::<Vec<_>>();
        // It has been read, and is as large as what was read from it.
        value.take();
        self.note_later(later);
        self.note_unknown(file, unknown);
        declared
    }

    /// Reads a type straight from the text: a file of ten thousand guests is not taken to pieces first.
    /// Returns `None` when something is wrong, or when places in it are asked for that only a value
    /// shows.
    fn read_at_once<T: DeserializeOwned>(&mut self, file: FileKind) -> Option<T> {
        if LATER.iter().any(|(later, _)| *later == file) {
            return None;
        }
        let (declared, unknown) = typo::read_text::<T>(file, self.files.plain_text(file)?)?;
        self.note_unknown(file, unknown);
        Some(declared)
    }

    fn note_unknown(&mut self, file: FileKind, unknown: Vec<Origin>) {
        typo::report(file, &unknown, self.strictness, &mut self.findings);
        let note = |origin| Unmanaged { origin, reason: Reason::Unknown };
        self.unmanaged.extend(unknown.into_iter().map(note));
    }

    /// Notes fields that phoenix does nothing with yet.
    fn note_later(&mut self, places: impl IntoIterator<Item = Origin>) {
        self.unmanaged
            .extend(places.into_iter().map(|origin| Unmanaged { origin, reason: Reason::Later }));
    }

    /// Notes a file of which nothing is managed.
    fn leave_alone(&mut self, file: FileKind) {
        if self.files.has(file) {
            self.unmanaged.push(Unmanaged { origin: Origin::file(file), reason: Reason::Later });
        }
    }
}

fn matching(value: &Value, steps: &[&str], origin: Origin) -> Vec<Origin> {
    let Some((step, rest)) = steps.split_first() else {
        return if value.is_null() { Vec::new() } else { vec![origin] };
    };
    match value {
        Value::Array(elements) if *step == "*" => {
            let elements = elements.iter().enumerate();
            elements
                .flat_map(|(index, element)| matching(element, rest, origin.at(index)))
                .collect()
        }
        Value::Object(members) if *step == "*" => {
            let members = members.iter();
            members.flat_map(|(name, member)| matching(member, rest, origin.at(name))).collect()
        }
        Value::Object(members) => {
            let member = members.get(*step);
            member.map(|member| matching(member, rest, origin.at(step))).unwrap_or_default()
        }
        _ => Vec::new(),
    }
}
