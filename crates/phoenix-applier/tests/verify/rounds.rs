//! Several rounds: what was not fine is asked again, until patience is at its end.

use std::collections::{BTreeMap, BTreeSet};

use phoenix_applier::{Effect, Network, Node, NodeError, Patience, verify};
use phoenix_planner::location::Place;
use phoenix_planner::operation::Want;
use phoenix_planner::probe::{Answer, Output, Probe, argv};
use phoenix_planner::verify::{Ask, Check, Outcome, Standing, Vantage};

/// A node on which a service is active from the third question on.
#[derive(Default)]
struct Slow {
    asked: Vec<usize>,
    paused: Vec<u32>,
}

impl Node for Slow {
    fn answer(&mut self, probes: &BTreeSet<Probe>) -> BTreeMap<Probe, Answer> {
        self.asked.push(probes.len());
        let active = self.asked.len() >= 3;
        let answer = |probe: &Probe| match probe {
            Probe::Run { argv, .. } if argv[0] == "systemctl" && !active => "activating\n",
            _ => "active\n",
        };
        let ran = |stdout: &str| {
            Answer::Ran(Output { exit: 0, stdout: stdout.to_owned(), stderr: String::new() })
        };
        probes.iter().map(|probe| (probe.clone(), ran(answer(probe)))).collect()
    }

    fn perform(&mut self, _: Effect<'_>) -> Result<Output, NodeError> {
        Err(NodeError::Refused("a check changes nothing".to_owned()))
    }

    fn pause(&mut self, seconds: u32) {
        self.paused.push(seconds);
    }
}

fn check(program: &str) -> Check {
    Check {
        address: "service/dnsmasq".parse().unwrap(),
        title: "it runs".to_owned(),
        vantage: Vantage::Node,
        ask: Ask::Place {
            probe: Probe::Run { place: Place::Node, argv: argv([program]) },
            want: Want::Says("active".to_owned()),
        },
        help: "Look at it.".to_owned(),
    }
}

fn outcomes(node: &mut Slow, attempts: u32) -> Vec<Outcome> {
    let checks = ["systemctl", "hostname"].map(check).to_vec();
    let patience = Patience { attempts, pause: 2 };
    let findings = verify(checks, Some(node), &Network, Standing::Node, patience);
    findings.into_iter().map(|finding| finding.outcome).collect()
}

#[test]
fn only_what_was_not_fine_is_asked_again() {
    let mut node = Slow::default();
    assert_eq!(outcomes(&mut node, 9), [Outcome::Fine, Outcome::Fine]);
    assert_eq!((node.asked, node.paused), (vec![2, 1, 1], vec![2, 2]));
}

#[test]
fn patience_has_an_end() {
    let mut node = Slow::default();
    let why = "it is `activating`, not `active`".to_owned();
    assert_eq!(outcomes(&mut node, 2), [Outcome::Failed(why), Outcome::Fine]);
    assert_eq!(node.paused, [2]);
    // Asked once at least.
    let mut node = Slow::default();
    assert_eq!(outcomes(&mut node, 0).len(), 2);
    assert_eq!(node.asked, [2]);
}

#[test]
fn without_a_node_its_checks_fail() {
    let patience = Patience { attempts: 1, pause: 0 };
    let findings = verify(vec![check("hostname")], None, &Network, Standing::Lan, patience);
    let why = "the node gave no answer".to_owned();
    assert_eq!(findings[0].outcome, Outcome::Failed(why));
}
