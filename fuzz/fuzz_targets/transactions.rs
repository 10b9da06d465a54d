#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| stormglass_fuzz::fuzz("transactions", bytes));
