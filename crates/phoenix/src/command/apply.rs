//! `phoenix apply`: shows the plan, asks, carries it out, and proves that nothing is left to do.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use phoenix_applier::{Event, Flow, Outcome, Patience, Report, apply};
use phoenix_planner::plan::Plan;
use phoenix_planner::preview::SHORT_DIGEST;
use phoenix_planner::verify::{self, Check, Vantage};

use crate::args::{Apply, Consent, Format, Places};
use crate::exit::Exit;
use crate::saved::SavedPlan;
use crate::session::{Asked, Selection, Session};
use crate::{complain, out};

pub(crate) fn run(places: &Places, args: &Apply) -> Exit {
    let mut selection = Selection::from(&args.scope);
    let mut consent = args.consent.clone();
    if let Some(path) = &args.plan {
        match SavedPlan::read(path) {
            Ok(saved) => {
                selection = saved.selection.clone();
                // A plan that was saved was reviewed: it is applied as it is, or not at all.
                consent.expect.get_or_insert(saved.digest);
            }
            Err(error) => {
                complain::about(&error);
                return Exit::Error;
            }
        }
    }
    match Session::open(places) {
        Some(mut session) => carry_out(&mut session, &selection, &consent),
        None => Exit::Error,
    }
}

/// Plans, shows, asks, applies, and plans again. What is inside a guest is known when it is there: after a plan
/// that made guests the next one is shown and carried out, until nothing is left.
pub(super) fn carry_out(session: &mut Session, selection: &Selection, consent: &Consent) -> Exit {
    let Some(plan) = session.plan(selection) else { return Exit::Error };
    if let Err(exit) = expected(&plan, consent) {
        return exit;
    }
    if plan.is_empty() {
        out::result(&session.preview(&plan, Format::Text));
        return Exit::Done;
    }
    let mut rounds = Rounds::new(session);
    let mut plans = vec![plan];
    while let Some(plan) = plans.last() {
        if let Err(exit) = approved(session, selection, plan, consent, rounds.number) {
            return exit;
        }
        let applied = perform(session, selection, plan);
        match rounds.next(plan, applied, consent) {
            Next::Plan(next) => plans.push(next),
            Next::End(applied) if selection.asked == Asked::Restart => return ended(&applied),
            // What shall not run is not proved to run.
            Next::End(applied) if matches!(selection.asked, Asked::Stop | Asked::Delete) => {
                return conclude(session, &applied.report, applied.after, applied.interrupted);
            }
            Next::End(applied) => return finish(session, &plans, applied),
        }
    }
    Exit::Done
}

/// Shows a plan, asks, and makes sure that it still is the plan.
fn approved(
    session: &mut Session,
    selection: &Selection,
    plan: &Plan,
    consent: &Consent,
    round: usize,
) -> Result<(), Exit> {
    if round > 1 {
        out::say(&format!("Round {round}: what can be done after the last one."));
    }
    out::say_preview(&session.preview(plan, Format::Text));
    if !consented(plan, consent)? {
        out::say(if round > 1 { "Nothing more was done." } else { "Nothing was done." });
        return Err(Exit::Done);
    }
    if round == 1
        && let Err(error) = session.node().claim()
    {
        out::say(&format!("{error}; nothing was done"));
        return Err(Exit::Error);
    }
    // Time has passed since the plan was made: what is applied is what the node is now.
    match session.plan(selection) {
        Some(now) if now.digest() == plan.digest() => Ok(()),
        Some(_) => Err(stale("the node has changed since the plan was shown")),
        None => Err(Exit::Error),
    }
}

/// Made, started, set up, served, kept as a template or a snapshot.
const STEPS_OF_A_GUEST: usize = 5;

/// How often it is planned again: a guest is made, started, set up, gets its files, and is kept, each in a plan of its
/// own at most.
struct Rounds {
    number: usize,
    most: usize,
    has_made: bool,
}

/// What comes after a plan was applied.
enum Next {
    /// This plan.
    Plan(Plan),
    /// Nothing.
    End(Applied),
}

impl Rounds {
    fn new(session: &Session) -> Self {
        let desired = session.desired();
        // And one that finds nothing to do.
        let most = (desired.containers.len() + desired.vms.len()) * STEPS_OF_A_GUEST + 1;
        Self { number: 1, most, has_made: false }
    }

    fn next(&mut self, plan: &Plan, mut applied: Applied, consent: &Consent) -> Next {
        self.has_made |= plan.brings_up_guests();
        let goes_on = self.has_made
            && self.number < self.most
            && consent.expect.is_none()
            && applied.report.is_success()
            && !applied.interrupted;
        let more = |next: &Plan| goes_on && !next.is_empty() && next.digest() != plan.digest();
        match applied.after.take() {
            Some(next) if more(&next) => {
                self.number += 1;
                Next::Plan(next)
            }
            after => Next::End(Applied { after, ..applied }),
        }
    }
}

fn expected(plan: &Plan, consent: &Consent) -> Result<(), Exit> {
    let digest = plan.digest();
    match &consent.expect {
        Some(expected) if !digest.starts_with(expected.as_str()) => {
            let [now, expected] = [digest.as_str(), expected].map(|digest| &digest[..SHORT_DIGEST]);
            Err(stale(&format!("the plan is {now}, not {expected}")))
        }
        _ => Ok(()),
    }
}

fn stale(why: &str) -> Exit {
    out::say(&format!("stale: {why}; nothing was done. Review `phoenix plan` again."));
    Exit::Stale
}

fn consented(plan: &Plan, consent: &Consent) -> Result<bool, Exit> {
    if consent.yes {
        return Ok(true);
    }
    if !out::can_ask() {
        out::say(
            "nobody is there to ask: say --yes, and --expect DIGEST to apply only what was reviewed",
        );
        return Err(Exit::Error);
    }
    let noun = if plan.len() == 1 { "action" } else { "actions" };
    Ok(out::ask(&format!("Apply {} {noun}?", plan.len())))
}

/// What asks an apply to end: Ctrl-C, the end of a service or machine, and a lost connection, which
/// must not leave a container stopped.
const ENDING: [i32; 3] =
    [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP];

/// What an apply has left.
struct Applied {
    report: Report,
    /// The next plan; none when there can be no plan.
    after: Option<Plan>,
    interrupted: bool,
}

/// Carries a plan out, reports, plans again, and says how that ends.
pub(super) fn execute(session: &mut Session, selection: &Selection, plan: &Plan) -> Exit {
    let applied = perform(session, selection, plan);
    finish(session, std::slice::from_ref(plan), applied)
}

/// Carries a plan out, reports, and plans again.
fn perform(session: &mut Session, selection: &Selection, plan: &Plan) -> Applied {
    let interrupted = Arc::new(AtomicBool::new(false));
    let caught = ENDING.iter().try_for_each(|signal| {
        signal_hook::flag::register(*signal, Arc::clone(&interrupted)).map(drop)
    });
    if caught.is_err() {
        out::say(
            "an interrupt cannot be caught here: it would end phoenix in the middle of a step",
        );
    }
    let report = apply(plan, session.node(), &mut |event| tell(&event, plan.len(), &interrupted));
    out::result(&shown(plan, &report));
    let after = session.plan(selection);
    Applied { report, after, interrupted: interrupted.load(Ordering::Relaxed) }
}

/// A restart is done when it was done: a second plan would do it again.
fn ended(applied: &Applied) -> Exit {
    match (applied.interrupted, applied.report.is_success()) {
        (true, _) => Exit::Interrupted,
        (false, true) => Exit::Done,
        (false, false) => Exit::Incomplete,
    }
}

fn finish(session: &mut Session, plans: &[Plan], applied: Applied) -> Exit {
    let Applied { report, after, interrupted } = applied;
    let exit = conclude(session, &report, after, interrupted);
    if matches!(exit, Exit::Done | Exit::Unsettled) {
        prove(session, plans);
    }
    exit
}

/// Services and rules that were just loaded may take a moment: Proxmox VE's firewall looks at its files
/// every ten seconds.
const PATIENCE: Patience = Patience { attempts: 6, pause: 2 };

/// Looks whether what was changed is in force, and says what is not. How the apply ends does not depend on
/// it: `phoenix verify` is the command that ends with another code.
fn prove(session: &mut Session, plans: &[Plan]) {
    let Some(checks) = session.checks() else { return };
    let actions = || plans.iter().flat_map(Plan::steps).map(|step| step.action);
    let guests = actions().filter_map(|action| action.guest).collect::<BTreeSet<_>>();
    let of_node = actions().filter(|action| action.guest.is_none()).collect::<Vec<_>>();
    let changed = |check: &Check| match check.address.guest() {
        Some(vmid) => guests.contains(&vmid),
        None => of_node.iter().any(|action| verify::concerns(check, &action.address, None)),
    };
    let of_node = checks.into_iter().filter(|check| check.vantage != Vantage::Here);
    let findings = session.verify(of_node.filter(changed).collect(), PATIENCE);
    if findings.is_empty() {
        return;
    }
    out::say(&format!("Verified what was changed: {}", verify::summary(&findings)));
    let failures = verify::failures(&findings);
    if !failures.is_empty() {
        out::say(failures.trim_end());
    }
}

fn tell(event: &Event<'_>, total: usize, interrupted: &AtomicBool) -> Flow {
    match event {
        Event::Started { number, action } => {
            out::say(&format!("[{number}/{total}] {} {}", action.verb.sign(), action.address));
        }
        Event::Ended { outcome: Outcome::Done, .. } => {}
        Event::Ended { number, outcome, .. } => {
            out::say(&format!("[{number}/{total}]   {}", outcome.message()));
        }
    }
    if interrupted.load(Ordering::Relaxed) { Flow::Stop } else { Flow::Continue }
}

fn shown(plan: &Plan, report: &Report) -> String {
    let width = report.outcomes().iter().map(|(a, _)| a.as_str().len()).max().unwrap_or(0);
    let lines = report.outcomes().iter().map(|(address, outcome)| {
        let waiting = plan.waiting(address);
        let waits = match outcome {
            Outcome::Done if !waiting.is_empty() => {
                let is_vm = address.as_str().starts_with("vm/");
                let whose = if is_vm { "virtual machine" } else { "container" };
                format!("; waits for the {whose}'s next start: {}", waiting.join(", "))
            }
            _ => String::new(),
        };
        format!("{address:width$}  {}{waits}\n", outcome.message())
    });
    let lines = lines.collect::<String>();
    let (done, all) = (report.done(), report.outcomes().len());
    format!("{lines}\n{done} of {all} actions done.\n")
}

/// Says whether everything is now as declared.
fn conclude(session: &Session, report: &Report, after: Option<Plan>, interrupted: bool) -> Exit {
    let Some(after) = after else { return Exit::Incomplete };
    if interrupted {
        out::say("Interrupted: the action that was running was finished, the rest was left out.");
        return Exit::Interrupted;
    }
    if !report.is_success() {
        out::say("Look at what failed, then run `phoenix plan`: it shows what is left to do.");
        return Exit::Incomplete;
    }
    if after.is_empty() {
        out::result("Settled: a second plan finds nothing to do.\n");
        return Exit::Done;
    }
    out::result("Not settled: a second plan still finds changes.\n");
    out::say_preview(&session.preview(&after, Format::Text));
    Exit::Unsettled
}
