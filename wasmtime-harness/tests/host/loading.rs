use countersign_harness::{AbiVersion, Callback, Host, Hostcall, Plugin, Profile, refusals};

use crate::wat::{I, Num, Wat};

fn refusal(profile: Profile, wat: &str) -> String {
    Host::new(profile).load(wat).err().map_or_else(String::new, |error| error.code().to_owned())
}

#[test]
fn what_is_no_module_is_refused() {
    assert_eq!(refusal(Profile::envoy(), "(module"), "bad_module");
    assert_eq!(refusal(Profile::envoy(), "\0asm garbage"), "bad_module");
}

#[test]
fn a_module_without_allocator_or_memory_is_refused() {
    let marker = "(func (export \"proxy_abi_version_0_2_1\"))";
    let memory = "(memory (export \"memory\") 1)";
    let malloc = "(func (export \"malloc\") (param i32) (result i32) i32.const 0)";
    let code = |parts: &[&str]| refusal(Profile::envoy(), &format!("(module {})", parts.concat()));
    assert_eq!(code(&[marker, memory]), "missing_allocator");
    assert_eq!(code(&[marker, malloc]), "missing_memory");
    assert_eq!(code(&[marker, memory, malloc]), "");
    assert_eq!(code(&[memory, malloc]), "unknown_abi");
}

#[test]
fn all_three_abi_versions_load_and_are_named() {
    let versions = [
        ("proxy_abi_version_0_1_0", AbiVersion::V0_1_0),
        ("proxy_abi_version_0_2_0", AbiVersion::V0_2_0),
        ("proxy_abi_version_0_2_1", AbiVersion::V0_2_1),
    ];
    for (marker, version) in versions {
        let plugin = Plugin::compile(Wat::new().marker(marker).text()).unwrap();
        assert_eq!(plugin.abi(), Some(version));
        Host::new(Profile::envoy()).load(&plugin).unwrap().configure("").unwrap();
    }
}

#[test]
fn hosts_md_1_an_unknown_abi_is_refused_except_on_apisix() {
    let wat = Wat::new().marker("proxy_abi_version_0_2_100").text();
    assert_eq!(refusal(Profile::envoy(), &wat), "unknown_abi");
    assert_eq!(refusal(Profile::nginx_wasm(), &wat), "unknown_abi");
    assert_eq!(refusal(Profile::apisix(), &wat), "");
}

#[test]
fn an_unknown_import_is_named() {
    let import = r#"(module (import "env" "proxy_brew_coffee" (func)))"#;
    let plugin = Plugin::compile(import).unwrap();
    let found: Vec<String> =
        refusals(&plugin, &Profile::envoy()).iter().map(ToString::to_string).filter(|text| text.contains("coffee")).collect();
    assert_eq!(found, ["host `envoy` does not offer import `env.proxy_brew_coffee`"]);
}

#[test]
fn an_import_of_another_type_is_named() {
    let wat = Wat::new().text().replace("(module\n", "(module\n(import \"env\" \"proxy_log\" (func (param i32) (result i32)))\n");
    assert_eq!(refusal(Profile::envoy(), &wat), "import_type");
}

#[test]
fn hosts_md_0_6_apisix_does_not_load_a_module_that_imports_get_metric() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::GetMetric, &[I(1), Num]);
    let wat = wat.on(Callback::OnTick, body, 0).text();
    assert_eq!(refusal(Profile::apisix(), &wat), "import_type");
    assert_eq!(refusal(Profile::nginx_wasm(), &wat), "");
}

#[test]
fn hosts_md_1_apisix_does_not_load_a_module_that_imports_get_log_level() {
    let mut wat = Wat::new();
    let body = wat.call(Hostcall::GetLogLevel, &[Num]);
    let wat = wat.on(Callback::OnTick, body, 0).text();
    assert_eq!(refusal(Profile::apisix(), &wat), "missing_import");
    assert_eq!(refusal(Profile::envoy(), &wat), "");
}

#[test]
fn hosts_md_1_envoy_links_some_hostcalls_only_for_their_own_abi() {
    let importing = |call, args: &[_], marker| {
        let mut wat = Wat::new().marker(marker);
        let body = wat.call(call, args);
        refusal(Profile::envoy(), &wat.on(Callback::OnTick, body, 0).text())
    };
    let (old, new) = ("proxy_abi_version_0_1_0", "proxy_abi_version_0_2_1");
    assert_eq!(importing(Hostcall::ContinueRequest, &[], new), "missing_import");
    assert_eq!(importing(Hostcall::ContinueRequest, &[], old), "");
    assert_eq!(importing(Hostcall::ContinueStream, &[I(0)], old), "missing_import");
    assert_eq!(importing(Hostcall::GetLogLevel, &[Num], "proxy_abi_version_0_2_0"), "missing_import");
}

#[test]
fn hosts_md_1_1_nginx_wasm_lacks_wasi_functions_that_envoy_has() {
    let wat = Wat::new().text().replace(
        "(module\n",
        "(module\n(import \"wasi_snapshot_preview1\" \"clock_res_get\" (func (param i32 i32) (result i32)))\n",
    );
    assert_eq!(refusal(Profile::nginx_wasm(), &wat), "missing_import");
    assert_eq!(refusal(Profile::envoy(), &wat), "");
}

#[test]
fn every_hostcall_links_with_the_specifications_type() {
    for call in Hostcall::ALL {
        let mut wat = Wat::new();
        if *call == Hostcall::GetConfiguration || call.name().contains("continue_re") || *call == Hostcall::ClearRouteCache {
            wat = wat.marker("proxy_abi_version_0_1_0");
        }
        let none: [crate::wat::Arg<'_>; 0] = [];
        // Only the import matters; the call itself is not part of the module.
        let _ = wat.call(*call, &none);
        assert_eq!(refusal(Profile::envoy(), &wat.text()), "", "{}", call.name());
    }
}

#[test]
fn names_of_hostcalls_are_found_again() {
    for call in Hostcall::ALL {
        assert_eq!(Hostcall::from_name(call.name()), Some(*call));
    }
    assert_eq!(Hostcall::from_name("proxy_none"), None);
}

#[test]
fn every_profile_is_found_by_its_name() {
    for profile in Profile::all() {
        assert_eq!(Profile::named(profile.name()).unwrap().name(), profile.name());
    }
    assert!(Profile::named("iis").is_none());
}
