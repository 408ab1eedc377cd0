use std::time::Duration;

use countersign_harness::{Callback, Host, LogLevel, Profile, TrapKind};

use crate::wat::Wat;

/// A plugin that runs this with WASI functions imported, then logs `len` bytes from address 256.
fn run(imports: &[(&str, &str)], body: &str, len: u32) -> Host {
    let mut wat = Wat::new();
    let _ = wat.log("");
    let log = format!("(drop (call $proxy_log (i32.const 2) (i32.const 256) (i32.const {len})))");
    let text = wat.on(Callback::OnRequestHeaders, format!("{body}{log}"), 0).text();
    let imports: String = imports
        .iter()
        .map(|(name, ty)| format!("(import \"wasi_snapshot_preview1\" \"{name}\" (func ${name} {ty}))\n"))
        .collect();
    let text = text.replace("(module\n", &format!("(module\n{imports}"));
    let setup = Host::new(Profile::envoy()).environment("A", "1").environment("BB", "22");
    let host = setup.seed(7).load(text.as_str()).unwrap().configure("").unwrap();
    host.request().send();
    host
}

fn message(host: &Host) -> String {
    host.logs().pop().unwrap().message
}

#[test]
fn standard_output_and_error_go_to_the_log() {
    let ty = "(param i32 i32 i32 i32) (result i32)";
    // Two vectors at 512: "ab" at 600 and "c\n" at 610.
    let body = "(i32.store (i32.const 512) (i32.const 600)) (i32.store (i32.const 516) (i32.const 2))
        (i32.store (i32.const 520) (i32.const 610)) (i32.store (i32.const 524) (i32.const 2))
        (i32.store (i32.const 600) (i32.const 0x6261)) (i32.store (i32.const 610) (i32.const 0x0a63))
        (drop (call $fd_write (i32.const 1) (i32.const 512) (i32.const 2) (i32.const 256)))
        (drop (call $fd_write (i32.const 2) (i32.const 512) (i32.const 2) (i32.const 256)))
        (if (i32.ne (call $fd_write (i32.const 7) (i32.const 512) (i32.const 2) (i32.const 260)) (i32.const 8))
            (then unreachable))";
    let host = run(&[("fd_write", ty)], body, 1);
    let lines: Vec<_> = host.logs().into_iter().map(|line| (line.level, line.message)).collect();
    assert_eq!(lines[0], (LogLevel::Info, "abc".to_owned()));
    assert_eq!(lines[1], (LogLevel::Error, "abc".to_owned()));
    assert_eq!(lines[2].1, "\u{4}", "four bytes were written");
}

#[test]
fn the_wasi_clock_is_the_virtual_one() {
    let ty = "(param i32 i64 i32) (result i32)";
    let body = "(drop (call $clock_time_get (i32.const 0) (i64.const 1) (i32.const 256)))
        (if (i32.ne (call $clock_time_get (i32.const 2) (i64.const 1) (i32.const 300)) (i32.const 58))
            (then unreachable))";
    let host = run(&[("clock_time_get", ty)], body, 8);
    let first = message(&host);
    host.set_clock(Duration::from_nanos(0x4142_4344_4546_4748));
    host.request().send();
    assert_ne!(message(&host), first);
    assert_eq!(message(&host), "HGFEDCBA");
}

#[test]
fn the_monotonic_clock_starts_at_zero() {
    let ty = "(param i32 i64 i32) (result i32)";
    let body = "(drop (call $clock_time_get (i32.const 1) (i64.const 1) (i32.const 256)))";
    let host = run(&[("clock_time_get", ty)], body, 8);
    assert_eq!(message(&host), "\0".repeat(8));
    host.advance(Duration::from_nanos(65));
    host.request().send();
    assert_eq!(message(&host), format!("A{}", "\0".repeat(7)));
}

#[test]
fn random_bytes_are_the_same_for_the_same_seed_and_differ_within_a_run() {
    let body = "(drop (call $random_get (i32.const 256) (i32.const 16)))
        (if (i32.ne (call $random_get (i32.const 256) (i32.const 65537)) (i32.const 28)) (then unreachable))";
    let imports = [("random_get", "(param i32 i32) (result i32)")];
    let host = run(&imports, body, 16);
    let first = message(&host);
    assert_eq!(message(&run(&imports, body, 16)), first);
    host.request().send();
    assert_ne!(message(&host), first);
}

#[test]
fn the_environment_is_what_the_test_set_and_there_are_no_arguments() {
    let two = "(param i32 i32) (result i32)";
    let imports = [("environ_sizes_get", two), ("environ_get", two), ("args_sizes_get", two)];
    let body = "(drop (call $environ_sizes_get (i32.const 512) (i32.const 516)))
        (if (i32.ne (i32.load (i32.const 512)) (i32.const 2)) (then unreachable))
        (if (i32.ne (i32.load (i32.const 516)) (i32.const 10)) (then unreachable))
        (drop (call $environ_get (i32.const 600) (i32.const 256)))
        (if (i32.ne (i32.load (i32.const 604)) (i32.const 260)) (then unreachable))
        (drop (call $args_sizes_get (i32.const 512) (i32.const 516)))
        (if (i32.load (i32.const 512)) (then unreachable))";
    assert_eq!(message(&run(&imports, body, 10)), "A=1\0BB=22\0");
}

#[test]
fn leaving_through_proc_exit_is_a_trap() {
    let body = "(call $proc_exit (i32.const 3))";
    let host = run(&[("proc_exit", "(param i32)")], body, 0);
    let trap = host.traps().pop().unwrap();
    assert_eq!(trap.kind, TrapKind::Exit);
    assert!(trap.message.contains("proc_exit(3)"), "{}", trap.message);
}

#[test]
fn files_are_refused_and_the_standard_streams_can_only_be_written() {
    let imports = [
        ("fd_fdstat_get", "(param i32 i32) (result i32)"),
        ("fd_prestat_get", "(param i32 i32) (result i32)"),
        ("fd_read", "(param i32 i32 i32 i32) (result i32)"),
        ("path_open", "(param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)"),
    ];
    let expect = |call: &str, errno: u32| format!("(if (i32.ne (call {call}) (i32.const {errno})) (then unreachable))\n");
    let zeros = "(i32.const 0) ".repeat(5);
    let body = expect("$fd_fdstat_get (i32.const 1) (i32.const 256)", 0)
        + &expect("$fd_fdstat_get (i32.const 3) (i32.const 300)", 8)
        + &expect("$fd_prestat_get (i32.const 3) (i32.const 300)", 8)
        + &expect("$fd_read (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)", 52)
        + &expect(&format!("$path_open {zeros} (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 0)"), 44);
    let host = run(&imports, &body, 9);
    assert!(host.traps().is_empty(), "{:?}", host.traps());
    assert_eq!(message(&host), "\0\0\0\0\0\0\0\0@");
}
