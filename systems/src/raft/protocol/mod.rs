//! The algorithm, pure: values in, effects out. No I/O, no clock, no `async`.

mod effects;

pub use effects::{
    Answer, Change, Config, Effects, HardState, Input, Persist, ReadProof, Recovered, Refusal, Restore,
    SendChunk,
};
