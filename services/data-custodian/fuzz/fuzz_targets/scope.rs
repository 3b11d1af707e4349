//! Any text as a scope: nothing panics, and what is read reads as the same when it is printed.

#![no_main]

use data_custodian::scope::Scope;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let Ok(scope) = Scope::parse(text) else { return };
    let again = Scope::parse(&scope.to_string()).expect("what was printed can be read");
    assert_eq!(again.function_blocks(), scope.function_blocks());
    assert_eq!(again.interval_duration(), scope.interval_duration());
    assert_eq!(again.history_length(), scope.history_length());
    assert_eq!(again.block_duration(), scope.block_duration());
    assert_eq!(again.extras(), scope.extras());
    assert_eq!(again.to_string(), scope.to_string());
});
