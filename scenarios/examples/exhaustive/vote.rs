//! Single-decree voting: everybody has one vote, two are candidates, and who has the votes of a majority is elected.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use stormglass::sim::net::UdpSocket;
use stormglass::sim::time::sleep;
use stormglass::{Stage, Story};

/// A candidate counts its own vote at once, but gives it only when it is asked for the first time.
const VOTES_LATE: &str = "votes-late";

const ASK: u8 = 1;
const YES: u8 = 2;
const NO: u8 = 3;

/// How many are candidates.
const CANDIDATES: u8 = 2;

pub(crate) fn stories() -> Vec<Story> {
    let claim = "At most one candidate is elected";
    let two = Story::new("vote/two_nodes", claim, |stage| tell(stage, 2));
    let three = Story::new("vote/three_nodes", claim, |stage| tell(stage, 3));
    vec![two.catches([VOTES_LATE]), three.catches([VOTES_LATE])]
}

async fn tell(stage: Stage, nodes: u8) {
    let elected: Rc<RefCell<Vec<u8>>> = Rc::default();
    let late = stage.bug() == Some(VOTES_LATE);
    for me in 0..nodes {
        let (stage, elected) = (stage.clone(), elected.clone());
        stage.clone().world().node(&format!("n{me}"), move || {
            take_part(stage.clone(), elected.clone(), Voter { me, nodes, late, voted: None, votes: 0 })
        });
    }
    // Nothing is left to happen when this is over: time passes last.
    sleep(Duration::from_secs(1)).await;
}

struct Voter {
    me: u8,
    nodes: u8,
    late: bool,
    voted: Option<u8>,
    votes: u8,
}

async fn take_part(stage: Stage, elected: Rc<RefCell<Vec<u8>>>, mut voter: Voter) {
    let socket = UdpSocket::bind("0.0.0.0:1").await.expect("the port is free");
    sleep(Duration::from_millis(1)).await; // until everybody listens
    if voter.me < CANDIDATES {
        voter.votes = 1;
        if !voter.late {
            voter.voted = Some(voter.me);
        }
        for other in (0..voter.nodes).filter(|other| *other != voter.me) {
            socket.send_to(&[ASK, voter.me], format!("n{other}:1")).await.expect("sent");
        }
    }
    let mut message = [0; 2];
    while let Ok((_, sender)) = socket.recv_from(&mut message).await {
        let [what, from] = message;
        match what {
            ASK => {
                let yes = *voter.voted.get_or_insert(from) == from;
                socket.send_to(&[if yes { YES } else { NO }, voter.me], sender).await.expect("sent");
            }
            YES => {
                voter.voted.get_or_insert(voter.me);
                voter.votes += 1;
                if 2 * voter.votes > voter.nodes && 2 * (voter.votes - 1) <= voter.nodes {
                    stage.world().now(); // an observation: when it is made matters
                    elected.borrow_mut().push(voter.me);
                    let all = elected.borrow().clone();
                    stage.claim(all.len() == 1, "at most one is elected", || format!("{all:?} are elected"));
                }
            }
            _ => {}
        }
    }
}
