//! Waiting for several things at once, with a first branch that the seed decides.

/// Waits for the first of several futures, drops the others, and runs the branch's code: tokio's `select!`, but which
/// branch is polled first is a decision of the node's stream, and so the same on every run of a seed.
///
/// `pattern = future => code`, `pattern = future, if condition => code`, and at the end `else => code` for when every
/// branch is disabled: by its condition, or because its output did not fit its pattern. `biased;` in front polls in
/// the order written. Inside a pattern, bindings are made by reference first; write `x` and not `mut x` there.
///
/// # Panics
/// When every branch is disabled and there is no `else`.
#[macro_export]
macro_rules! select {
    (biased; $($rest:tt)+) => { $crate::__select!(@branch (biased) (0) [] $($rest)+) };
    ($($rest:tt)+) => { $crate::__select!(@branch (fair) (0) [] $($rest)+) };
}

// Each round takes one branch off the front. `future`, `enabled` and `output` are new names in each round, by
// hygiene, and the last round declares them all.
#[doc(hidden)]
#[macro_export]
macro_rules! __select {
    (@branch ($mode:ident) ($($n:tt)+) [$($done:tt)*]) => {
        $crate::__select!(@finish ($mode) ($($n)+) [$($done)*]
            { ::std::panic!("all branches of a select! are disabled and there is no else branch") })
    };
    (@branch ($mode:ident) ($($n:tt)+) [$($done:tt)*] else => $else:expr $(,)?) => {
        $crate::__select!(@finish ($mode) ($($n)+) [$($done)*] { $else })
    };
    (@branch $mode:tt $n:tt $done:tt $pattern:pat = $future:expr, if $condition:expr => $($rest:tt)+) => {
        $crate::__select!(@code $mode $n $done ($pattern) ($future) ($condition) $($rest)+)
    };
    (@branch $mode:tt $n:tt $done:tt $pattern:pat = $future:expr => $($rest:tt)+) => {
        $crate::__select!(@code $mode $n $done ($pattern) ($future) (true) $($rest)+)
    };

    (@code $mode:tt $n:tt $done:tt $p:tt $f:tt $c:tt $code:block , $($rest:tt)*) => {
        $crate::__select!(@next $mode $n $done $p $f $c ($code) $($rest)*)
    };
    (@code $mode:tt $n:tt $done:tt $p:tt $f:tt $c:tt $code:block $($rest:tt)*) => {
        $crate::__select!(@next $mode $n $done $p $f $c ($code) $($rest)*)
    };
    (@code $mode:tt $n:tt $done:tt $p:tt $f:tt $c:tt $code:expr , $($rest:tt)*) => {
        $crate::__select!(@next $mode $n $done $p $f $c ($code) $($rest)*)
    };
    (@code $mode:tt $n:tt $done:tt $p:tt $f:tt $c:tt $code:expr) => {
        $crate::__select!(@next $mode $n $done $p $f $c ($code))
    };

    (@next $mode:tt ($($n:tt)+) [$($done:tt)*] ($p:pat) $f:tt $c:tt $code:tt $($rest:tt)*) => {
        $crate::__select!(@branch $mode ($($n)+ + 1)
            [$($done)* { (future enabled output) ($($n)+) ($p) $f $c $code }] $($rest)*)
    };

    (@finish ($mode:ident) ($count:expr)
        [$({ ($future:ident $enabled:ident $output:ident) ($n:expr) ($p:pat) ($f:expr) ($c:expr) ($code:expr) })+]
        $else:block) => {{
        $(let mut $output = ::std::option::Option::None;)+
        // A block of its own: the futures are gone, and what they borrowed is free, when the branch's code runs.
        let chosen: u32 = {
            $(
                let mut $enabled: bool = $c;
                let mut $future = ::std::pin::pin!($f);
            )+
            let first_ready = ::std::future::poll_fn(|cx| {
                let mut pending = false;
                let first = $crate::__select!(@first $mode $count);
                for turn in 0..$count {
                    let mut branch: u32 = first + turn;
                    if branch >= ($count) {
                        branch -= $count;
                    }
                    $(
                        if branch == ($n) && $enabled {
                            match ::std::future::Future::poll($future.as_mut(), cx) {
                                ::std::task::Poll::Pending => pending = true,
                                ::std::task::Poll::Ready(value) => {
                                    #[allow(unused_variables, unreachable_patterns)]
                                    let fits = match &value { $p => true, _ => false };
                                    if fits {
                                        $output = ::std::option::Option::Some(value);
                                        return ::std::task::Poll::Ready($n);
                                    }
                                    $enabled = false;
                                }
                            }
                        }
                    )+
                }
                if pending { ::std::task::Poll::Pending } else { ::std::task::Poll::Ready($count) }
            });
            let chosen = first_ready.await;
            chosen
        };
        $(
            if chosen == ($n) {
                #[allow(irrefutable_let_patterns)]
                let ::std::option::Option::Some($p) = $output else {
                    ::std::unreachable!("the chosen branch has an output that fits")
                };
                $code
            } else
        )+
        $else
    }};

    (@first biased $count:expr) => { 0_u32 };
    (@first fair $count:expr) => { $crate::rand::first_branch($count) };
}
