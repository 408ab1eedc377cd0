//! Wycheproof's own sets for ECDSA, RSA and Ed25519: thousands of signatures at the edges of the arithmetic. Keys come as
//! PEM, which tests the reading of PEM along.

use countersign_core::jose::{Algorithm, KeySet};
use wycheproof::TestResult;

/// One signature, and whether it is one.
struct Case<'a> {
    id: usize,
    message: &'a [u8],
    signature: &'a [u8],
    result: TestResult,
}

/// Checks the cases of one key. Cases that Wycheproof calls acceptable may go either way.
fn check(pem: &str, algorithm: Algorithm, cases: &[Case<'_>]) -> usize {
    let (keys, faults) = KeySet::parse(pem.as_bytes()).expect("a key set");
    let key = keys.iter().next().unwrap_or_else(|| panic!("{faults:?}"));
    for case in cases {
        let verified = key.verify(algorithm, case.message, case.signature).is_ok();
        match case.result {
            TestResult::Valid => assert!(verified, "{algorithm} {}", case.id),
            TestResult::Invalid => assert!(!verified, "{algorithm} {}", case.id),
            TestResult::Acceptable => {}
        }
    }
    cases.len()
}

macro_rules! check_set {
    ($family:ident, $name:ident, $algorithm:expr) => {{
        let set = wycheproof::$family::TestSet::load(wycheproof::$family::TestName::$name).expect("a set");
        let checked = set.test_groups.iter().map(|group| {
            let cases: Vec<_> = group
                .tests
                .iter()
                .map(|test| Case { id: test.tc_id, message: &test.msg, signature: &test.sig, result: test.result })
                .collect();
            check(&group.pem, $algorithm, &cases)
        });
        let checked: usize = checked.sum();
        println!("{}: {checked} cases", stringify!($name));
        assert!(checked > 10);
    }};
}

#[test]
fn ecdsa_agrees() {
    check_set!(ecdsa, EcdsaSecp256r1Sha256P1363, Algorithm::Es256);
    check_set!(ecdsa, EcdsaSecp384r1Sha384P1363, Algorithm::Es384);
    check_set!(ecdsa, EcdsaSecp521r1Sha512P1363, Algorithm::Es512);
}

#[test]
fn rsa_with_pkcs1_padding_agrees() {
    check_set!(rsa_pkcs1_verify, Rsa2048Sha256, Algorithm::Rs256);
    check_set!(rsa_pkcs1_verify, Rsa2048Sha384, Algorithm::Rs384);
    check_set!(rsa_pkcs1_verify, Rsa2048Sha512, Algorithm::Rs512);
    check_set!(rsa_pkcs1_verify, Rsa3072Sha256, Algorithm::Rs256);
    check_set!(rsa_pkcs1_verify, Rsa4096Sha512, Algorithm::Rs512);
    check_set!(rsa_pkcs1_verify, Rsa8192Sha256, Algorithm::Rs256);
}

#[test]
fn rsa_with_pss_padding_agrees() {
    check_set!(rsa_pss_verify, RsaPss2048Sha256Mgf1SaltLen32, Algorithm::Ps256);
    check_set!(rsa_pss_verify, RsaPss2048Sha384Mgf1SaltLen48, Algorithm::Ps384);
    check_set!(rsa_pss_verify, RsaPss3072Sha256Mgf1SaltLen32, Algorithm::Ps256);
    check_set!(rsa_pss_verify, RsaPss4096Sha512Mgf1SaltLen64, Algorithm::Ps512);
}

#[test]
fn ed25519_agrees() {
    check_set!(eddsa, Ed25519, Algorithm::EdDsa);
}
