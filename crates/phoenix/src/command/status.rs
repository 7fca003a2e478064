//! `phoenix status`: how the declared guests are, and what is left to do for them.

use phoenix_planner::kind::GuestStatus;
use phoenix_planner::plan::Plan;

use crate::args::{Places, Status};
use crate::exit::Exit;
use crate::out;
use crate::session::{Selection, Session};

pub(crate) fn run(places: &Places, args: &Status) -> Exit {
    let Some(mut session) = Session::open(places) else { return Exit::Error };
    let Some(all) = session.status() else { return Exit::Error };
    for vmid in &args.guests {
        if !all.iter().any(|guest| guest.vmid == *vmid) {
            out::say(&format!("guest {vmid} is not declared"));
            return Exit::Error;
        }
    }
    let Some(plan) = session.plan(&Selection::default()) else { return Exit::Error };
    let named = |guest: &&GuestStatus| args.guests.is_empty() || args.guests.contains(&guest.vmid);
    let rows = all.iter().filter(named).map(|guest| row(guest, &plan)).collect::<Vec<_>>();
    out::result(&table(&rows));
    Exit::Done
}

fn row(guest: &GuestStatus, plan: &Plan) -> [String; 4] {
    let address = format!("{}/{}", guest.kind, guest.vmid);
    [address, guest.name.clone(), guest.state.as_str().to_owned(), left(guest, plan)]
}

fn left(guest: &GuestStatus, plan: &Plan) -> String {
    let actions = plan.steps().map(|step| step.action).filter(|action| !action.only_asks());
    let of_guest = actions.filter(|action| action.guest == Some(guest.vmid)).count();
    let address = format!("{}/{}", guest.kind, guest.vmid);
    let mut deferred = plan.deferred().iter().filter(|d| {
        d.address.as_str() == address || d.address.as_str().starts_with(&format!("{address}/"))
    });
    match (of_guest, deferred.next()) {
        (0, None) => "as declared".to_owned(),
        (0, Some(deferred)) => deferred.reason.clone(),
        (1, _) => "1 action planned".to_owned(),
        (count, _) => format!("{count} actions planned"),
    }
}

fn table(rows: &[[String; 4]]) -> String {
    let width =
        |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let (address, name, state) = (width(0), width(1), width(2));
    let line =
        |[a, n, s, left]: &[String; 4]| format!("{a:address$}  {n:name$}  {s:state$}  {left}\n");
    rows.iter().map(line).collect()
}
