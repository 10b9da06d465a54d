//! The stories of the guide "A server with a disk, judged by its history", with the server as it is at first.

#[path = "../../docs/examples/numbers.rs"]
#[expect(unreachable_pub, reason = "in the guide it is a library")]
mod numbers;

include!("../../docs/examples/numbers_stories.rs");
