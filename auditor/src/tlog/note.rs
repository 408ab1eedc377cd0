//! Checkpoints as C2SP signed notes (tlog-checkpoint, signed-note), signed with Ed25519 (algorithm byte 0x01).

use super::tree::Hash;
use crate::digest::Digest;
use crate::hex;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};

const ED25519: u8 = 0x01;

/// The state of a log: its name, size and root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The name of the log.
    pub origin: String,
    /// How many leaves it has.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// Reads the text of a checkpoint, whoever signed it.
    ///
    /// # Errors
    /// [`NoteFault::Malformed`] when it has not the form of one.
    pub fn parse(note: &str) -> Result<Self, NoteFault> {
        let (text, _) = note.split_once("\n\n").ok_or(NoteFault::Malformed)?;
        let mut lines = text.lines();
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(NoteFault::Malformed);
        };
        let root = STANDARD.decode(root).ok().and_then(|root| root.try_into().ok()).ok_or(NoteFault::Malformed)?;
        Ok(Self { origin: origin.to_owned(), size: size.parse().map_err(|_| NoteFault::Malformed)?, root })
    }
}

/// Why a signed note is not a checkpoint that can be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteFault {
    /// It does not have the form of a signed checkpoint.
    #[error("malformed checkpoint")]
    Malformed,
    /// It is not of this log.
    #[error("checkpoint of log `{found}`, not of `{expected}`")]
    Origin {
        /// The name in it.
        found: String,
        /// The name asked for.
        expected: String,
    },
    /// No signature is by the key asked for.
    #[error("no signature by key `{name}`")]
    NoSignature {
        /// The key's name.
        name: String,
    },
    /// The signature does not hold.
    #[error("the signature by key `{name}` does not hold")]
    Signature {
        /// The key's name.
        name: String,
    },
    /// A key is not written as one.
    #[error("malformed key")]
    Key,
}

impl NoteFault {
    /// The stable code of this reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "note_malformed",
            Self::Origin { .. } => "note_origin",
            Self::NoSignature { .. } => "note_no_signature",
            Self::Signature { .. } => "note_signature",
            Self::Key => "note_key",
        }
    }
}

/// The key that a log signs with, and its name, which is the log's.
#[derive(Clone)]
pub struct NoteKey {
    name: String,
    key: SigningKey,
}

impl std::fmt::Debug for NoteKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("NoteKey").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The public half, as other tools take it: `name+hash+key`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteVerifier {
    name: String,
    key: VerifyingKey,
}

impl NoteKey {
    /// The key of this seed (RFC 8032 §5.1.5), under a name without spaces and plus signs; none for other names.
    #[must_use]
    pub fn new(name: &str, seed: &[u8; 32]) -> Option<Self> {
        let plain = !name.is_empty() && !name.contains(|character: char| character.is_whitespace() || character == '+');
        plain.then(|| Self { name: name.to_owned(), key: SigningKey::from_bytes(seed) })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its public half.
    #[must_use]
    pub fn verifier(&self) -> NoteVerifier {
        NoteVerifier { name: self.name.clone(), key: self.key.verifying_key() }
    }

    /// The signed note of a state of the log.
    #[must_use]
    pub fn sign(&self, size: u64, root: &Hash) -> String {
        let text = text(&self.name, size, root);
        let signature = self.key.sign(text.as_bytes());
        let sealed = STANDARD.encode([&self.verifier().hash()[..], &signature.to_bytes()].concat());
        format!("{text}\n\u{2014} {} {sealed}\n", self.name)
    }
}

fn text(origin: &str, size: u64, root: &Hash) -> String {
    format!("{origin}\n{size}\n{}\n", STANDARD.encode(root))
}

impl NoteVerifier {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key as other tools take it.
    #[must_use]
    pub fn to_vkey(&self) -> String {
        let key = STANDARD.encode([&[ED25519][..], self.key.as_bytes()].concat());
        format!("{}+{}+{key}", self.name, hex::encode(&self.hash()))
    }

    /// Reads a key as other tools give it.
    ///
    /// # Errors
    /// [`NoteFault::Key`] when it is none.
    pub fn parse(vkey: &str) -> Result<Self, NoteFault> {
        let mut parts = vkey.trim().splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteFault::Key);
        };
        let bytes = STANDARD.decode(key).map_err(|_| NoteFault::Key)?;
        let key = bytes.strip_prefix(&[ED25519]).and_then(|key| key.try_into().ok()).ok_or(NoteFault::Key)?;
        let key = VerifyingKey::from_bytes(key).map_err(|_| NoteFault::Key)?;
        let verifier = Self { name: name.to_owned(), key };
        if hex::encode(&verifier.hash()) == hash { Ok(verifier) } else { Err(NoteFault::Key) }
    }

    /// Opens a signed note: only a checkpoint of this log, signed by this key, comes out.
    ///
    /// # Errors
    /// [`NoteFault`] says why it is none.
    pub fn open(&self, note: &str) -> Result<Checkpoint, NoteFault> {
        let (text, signatures) = note.split_once("\n\n").ok_or(NoteFault::Malformed)?;
        let checkpoint = Checkpoint::parse(note)?;
        if checkpoint.origin != self.name {
            return Err(NoteFault::Origin { found: checkpoint.origin, expected: self.name.clone() });
        }
        self.check(&format!("{text}\n"), signatures)?;
        Ok(checkpoint)
    }

    fn check(&self, signed: &str, signatures: &str) -> Result<(), NoteFault> {
        let prefix = format!("\u{2014} {} ", self.name);
        let ours = signatures.lines().filter_map(|line| STANDARD.decode(line.strip_prefix(&prefix)?).ok());
        let hash = self.hash();
        let mut ours = ours.filter_map(|sealed| sealed.strip_prefix(&hash).and_then(|bytes| bytes.try_into().ok()));
        let signature: [u8; 64] = ours.next().ok_or_else(|| NoteFault::NoSignature { name: self.name.clone() })?;
        let holds = self.key.verify_strict(signed.as_bytes(), &Signature::from_bytes(&signature));
        holds.map_err(|_| NoteFault::Signature { name: self.name.clone() })
    }

    fn hash(&self) -> [u8; 4] {
        let Digest(digest) = Digest::of(&[self.name.as_bytes(), b"\n", &[ED25519], self.key.as_bytes()].concat());
        digest.first_chunk().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example key and note of Go's golang.org/x/mod/sumdb/note documentation.
    #[test]
    fn a_key_written_by_go_reads_and_writes_the_same() {
        let vkey = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(NoteVerifier::parse(vkey).expect("a key").to_vkey(), vkey);
        assert_eq!(NoteVerifier::parse(&vkey.replace("c74f20a3", "c74f20a4")), Err(NoteFault::Key));
    }

    #[test]
    fn a_note_signed_by_go_holds_and_an_altered_one_does_not() {
        let verifier = NoteVerifier::parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW").expect("a key");
        let text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
        let signature = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
        assert_eq!(verifier.check(text, signature), Ok(()));
        let altered = text.replace("answer", "question");
        assert_eq!(verifier.check(&altered, signature), Err(NoteFault::Signature { name: "PeterNeumann".to_owned() }));
    }

    #[test]
    fn a_checkpoint_survives_and_no_changed_byte_of_it_does() {
        let key = NoteKey::new("edge.example/audit", &[7; 32]).expect("a name");
        let note = key.sign(42, &[9; 32]);
        let checkpoint = Checkpoint { origin: "edge.example/audit".to_owned(), size: 42, root: [9; 32] };
        assert_eq!(key.verifier().open(&note), Ok(checkpoint));
        for at in 0..note.len() {
            let mut bytes = note.clone().into_bytes();
            bytes[at] ^= 1;
            let changed = String::from_utf8_lossy(&bytes).into_owned();
            assert!(key.verifier().open(&changed).is_err(), "byte {at}");
        }
    }
}
