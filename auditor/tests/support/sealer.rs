//! A small sealer of streams, independent of the code under test: it formats lines by hand.

#![allow(dead_code, unreachable_pub, reason = "each test target uses its own part")]

use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256};

/// A clock and a source of randomness in one: the tests' time and salts come from it.
#[derive(Debug, Clone)]
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(bound).expect("fits")).expect("fits")
    }

    pub fn hex16(&mut self) -> String {
        format!("{:016x}{:016x}", self.roll(), self.roll())
    }
}

pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seals the lines of one stream.
#[derive(Debug, Clone)]
pub struct Sealer {
    pub stream: String,
    pub seq: u64,
    pub prev: String,
    pub nanos: u64,
    pub counts: [u64; 3],
    pub dropped: u64,
    key: Option<SigningKey>,
    dice: Dice,
}

/// 2026-11-24T11:00:00Z.
pub const START: u64 = 1_795_518_000_000_000_000;

impl Sealer {
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let stream = dice.hex16();
        Self { stream, seq: 0, prev: "0".repeat(64), nanos: START, counts: [0; 3], dropped: 0, key: None, dice }
    }

    pub fn signing(mut self, seed: u8) -> Self {
        self.key = Some(SigningKey::from_bytes(&[seed; 32]));
        self
    }

    pub fn public_key(&self) -> Option<String> {
        let key = self.key.as_ref()?;
        Some(key.verifying_key().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    pub fn time(&self) -> String {
        countersign_core::time::UnixNanos(self.nanos).to_string()
    }

    fn chain(&mut self) -> String {
        format!(
            r#""chain":{{"prev":"{}","salt":"{}","seq":{},"stream":"{}"}}"#,
            self.prev,
            self.dice.hex16(),
            self.seq,
            self.stream
        )
    }

    fn seal(&mut self, line: String) -> String {
        self.prev = sha256_hex(line.as_bytes());
        self.seq += 1;
        self.nanos += 1_000_000;
        line
    }

    pub fn open(&mut self) -> String {
        let (chain, time) = (self.chain(), self.time());
        let key = self.public_key().map(|key| format!(r#","public_key":"{key}""#)).unwrap_or_default();
        let line = format!(
            r#"{{{chain},"event":"stream.open","service":{{"name":"orders-gateway"}},"stream":{{"filter_version":"0.1.0","host":"envoy"{key}}},"time":"{time}","v":1}}"#
        );
        self.seal(line)
    }

    pub fn access(&mut self) -> String {
        let outcome = ["allow", "deny", "fault"][match self.dice.below(10) {
            0 => 2,
            1 | 2 => 1,
            _ => 0,
        }];
        self.counts[match outcome {
            "allow" => 0,
            "deny" => 1,
            _ => 2,
        }] += 1;
        let (chain, time, order) = (self.chain(), self.time(), self.dice.below(1000));
        let line = format!(
            r#"{{{chain},"decision":{{"outcome":"{outcome}","policy":"read-orders","policy_digest":"0011223344556677","reason":"policy_{outcome}","rule":0}},"duration_us":512,"event":"access","id":"0193-{order}","identity":{{"issuer":"https://issuer.example","method":"jwt","roles":["orders.reader"],"subject":"Ünal \"quoted\" {order}","verified":true}},"request":{{"endpoint":"/orders/{{id}}","host":"orders.example","method":"GET","path":"/orders/{order}","protocol":"HTTP/1.1","size":0,"user_agent":"probe/1.0 (x; y)"}},"response":{{"flags":0,"size":12,"status":200}},"service":{{"environment":"production","name":"orders-gateway","namespace":"prod"}},"source":{{"address":"10.0.0.1","service":"billing"}},"target":{{"cluster":"orders","upstream":"10.1.1.1:8080"}},"time":"{time}","trace":{{"span_id":"00f067aa0ba902b7","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}},"v":1}}"#
        );
        self.seal(line)
    }

    pub fn checkpoint(&mut self, siblings: &[(&str, u64, &str)]) -> String {
        let (chain, time) = (self.chain(), self.time());
        let [allowed, denied, faulted] = self.counts;
        let (seq, head, emitted, dropped, acknowledged) = (self.seq, self.prev.clone(), self.seq, self.dropped, 0);
        let mut seals = (String::new(), String::new());
        if let Some(key) = &self.key {
            let text = format!(
                "countersign-checkpoint/1\n{}\n{seq}\n{head}\n{emitted}\n{acknowledged}\n{dropped}\n{allowed}\n{denied}\n{faulted}\n{time}\n",
                self.stream
            );
            let signature: String = key.sign(text.as_bytes()).to_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
            let id = sha256_hex(key.verifying_key().as_bytes())[..16].to_owned();
            seals = (format!(r#","key_id":"{id}""#), format!(r#","signature":"{signature}""#));
        }
        let siblings: Vec<String> = siblings
            .iter()
            .map(|(stream, seq, head)| format!(r#"{{"head":"{head}","seq":{seq},"stream":"{stream}"}}"#))
            .collect();
        let siblings = if siblings.is_empty() { String::new() } else { format!(r#","siblings":[{}]"#, siblings.join(",")) };
        let line = format!(
            r#"{{{chain},"checkpoint":{{"acknowledged":{acknowledged},"allowed":{allowed},"denied":{denied},"dropped":{dropped},"emitted":{emitted},"faulted":{faulted},"head":"{head}"{},"seq":{seq}{siblings}{}}},"event":"checkpoint","service":{{"name":"orders-gateway"}},"time":"{time}","v":1}}"#,
            seals.0, seals.1
        );
        self.seal(line)
    }

    /// A gap that declares `first..=last` lost; `head` is the digest of line `last`.
    pub fn gap(&mut self, first: u64, last: u64, head: &str) -> String {
        let (chain, time, count) = (self.chain(), self.time(), last - first + 1);
        let line = format!(
            r#"{{{chain},"event":"gap","gap":{{"ranges":[{{"class":"allow","count":{count},"first":{first},"head":"{head}","last":{last}}}],"reason":"queue_full"}},"service":{{"name":"orders-gateway"}},"time":"{time}","v":1}}"#
        );
        self.seal(line)
    }

    pub fn close(&mut self) -> String {
        let (chain, time, emitted) = (self.chain(), self.time(), self.seq);
        let line = format!(
            r#"{{{chain},"close":{{"emitted":{emitted},"reason":"drain"}},"event":"stream.close","service":{{"name":"orders-gateway"}},"time":"{time}","v":1}}"#
        );
        self.seal(line)
    }

    /// A whole stream: opening, `lines` accesses with a checkpoint after every tenth, a checkpoint and the close.
    pub fn whole(mut self, lines: usize) -> Vec<String> {
        let mut stream = vec![self.open()];
        for index in 1..=lines {
            stream.push(self.access());
            if index % 10 == 0 {
                stream.push(self.checkpoint(&[]));
            }
        }
        stream.push(self.checkpoint(&[]));
        stream.push(self.close());
        stream
    }
}
