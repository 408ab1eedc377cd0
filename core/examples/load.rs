//! How long a configuration of ten thousand policies takes from text to policies: `cargo run --release --example load`.

use countersign_core::config;
use std::fmt::Write as _;
use std::time::Instant;

fn main() {
    let mut text = String::from("{\"authorization\":{\"policies\":[");
    for i in 0..10_000 {
        let comma = if i == 0 { "" } else { "," };
        let _ = write!(
            text,
            r#"{comma}{{"name":"p{i}","action":"{}","rules":[{{"from":[{{"source":{{"roles":["role{}"],"notNamespaces":["dev"]}}}},{{"source":{{"principals":["td/ns/n{i}/sa/*"]}}}}],"to":[{{"operation":{{"methods":["GET","PUT"],"paths":["/api/v1/r{i}","/api/v1/r{i}/*","/api/{{*}}/r{i}/{{**}}"]}}}}],"when":[{{"key":"request.auth.claims[tenant]","values":["t{i}"]}}]}}]}}"#,
            if i % 20 == 19 { "DENY" } else { "ALLOW" },
            i % 50,
        );
    }
    text += "]}}";
    let start = Instant::now();
    let outcome = config::parse(text.as_bytes()).map(|config| config.policies.policies().len()).map_err(|faults| faults.len());
    println!("{} bytes, {outcome:?} in {:?}", text.len(), start.elapsed());
}
