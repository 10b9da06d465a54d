//! Files that something happened to: a reader may complain, and must not panic.

use proptest::prelude::*;
use stormglass_checker::format::{Format, read};
use stormglass_checker::models::{
    cas_register::CasRegister, kv::Kv, register::Register, versioned_kv::VersionedKv,
};
use stormglass_checker::{Budget, check};

const FILES: [&str; 4] = [
    "{\"client\":0,\"op\":\"put\",\"key\":\"k\",\"value\":\"1\",\"call\":137646,\"return\":716629}\n\
     {\"client\":1,\"op\":\"cas\",\"key\":\"k\",\"from\":null,\"value\":\"2\",\"ok\":true,\"call\":5}\n",
    "[{:process 0, :type :invoke, :f :write, :value #jepsen.independent.Tuple[\"k\\u0041\" 1], :time 1000}\n\
     #_x #{1 2} {:process 0, :type :ok, :f :write, :value [\\a 1.5e3], :time 2000}] ; end\n",
    "[{\"process\": 0, \"type\": \"invoke\", \"f\": \"cas\", \"value\": [\"k\", [1, \"\\ud83d\\ude00\"]]},\n\
     {\"process\": 0, \"type\": \"fail\", \"f\": \"cas\", \"error\": null}]\n",
    "INFO  jepsen.util - 0\t:invoke\t:cas\t[1 2]\nINFO  jepsen.util - 0\t:fail\t:cas\t[1 2]\n",
];

/// What happens to a file: (where, what, how much).
fn mangle(file: &str, changes: &[(usize, u8, u8)]) -> Vec<u8> {
    const SPLICES: [&[u8]; 12] = [
        b"\xff",
        b"\"",
        b"\\",
        b"]",
        b"}",
        b"[[[[",
        b"#",
        b":",
        b"\t:ok\t",
        b"99999999999999999999",
        b"\0",
        b"-1",
    ];
    let mut bytes = file.as_bytes().to_vec();
    for (place, what, much) in changes {
        let at = place % (bytes.len() + 1);
        match what % 5 {
            0 => bytes.truncate(at),
            1 => bytes.truncate(bytes.len().saturating_sub(usize::from(*much))),
            2 if at < bytes.len() => bytes[at] ^= much,
            3 => {
                let end = (at + usize::from(*much)).min(bytes.len());
                let part = bytes[at..end].to_vec();
                bytes.extend(part);
            }
            _ => {
                let splice = SPLICES[usize::from(*much) % SPLICES.len()];
                bytes.splice(at..at, splice.iter().copied());
            }
        }
    }
    bytes
}

fn survives(format: Option<Format>, bytes: &[u8]) -> Result<(), TestCaseError> {
    let messages = [
        read::<Register>("h", format, bytes).err(),
        read::<VersionedKv>("h", format, bytes).err(),
        read::<Kv>("h", format, bytes).err(),
    ];
    for message in messages.iter().flatten() {
        let message = message.to_string();
        prop_assert!(message.starts_with("h:") && message.contains("expected"), "{}", message);
        prop_assert!(message.len() < 600, "{}", message);
    }
    if let Ok(recorded) = read::<CasRegister>("h", format, bytes) {
        prop_assert_eq!(recorded.lines.len(), recorded.operations.len());
        check(&CasRegister, &recorded.operations, Budget { states: 1000, memo: 1000 });
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mangled_files_are_survived(
        file in 0..4usize,
        format in 0..5usize,
        changes in prop::collection::vec((0..400usize, any::<u8>(), any::<u8>()), 0..6),
    ) {
        let formats = [None, Some(Format::Jsonl), Some(Format::Edn), Some(Format::Json), Some(Format::Log)];
        survives(formats[format], &mangle(FILES[file], &changes))?;
    }

    #[test]
    fn noise_is_survived(bytes in prop::collection::vec(any::<u8>(), 0..300), format in 0..5usize) {
        let formats = [None, Some(Format::Jsonl), Some(Format::Edn), Some(Format::Json), Some(Format::Log)];
        survives(formats[format], &bytes)?;
    }
}
