//! The examples do what they say.

#[path = "../../examples/online.rs"]
mod online;
#[path = "../../examples/own_model.rs"]
mod own_model;
#[path = "../../examples/real_threads.rs"]
mod real_threads;

#[test]
fn a_model_of_ones_own_is_judged() {
    own_model::main();
}

#[test]
fn real_threads_are_judged() {
    real_threads::main();
}

#[test]
fn a_history_is_judged_while_it_grows() {
    online::main();
}
