//! How to check the same by hand.

/// A shell script, for `sh`, that checks the chain of each stream in a file of lines with `jq` and `sha256sum` alone.
///
/// It is what `countersign verify --explain` prints, and a test runs it.
pub const SCRIPT: &str = r#"#!/bin/sh
# Checks each stream in files of audit lines: sh check.sh FILE.jsonl..
# The digest of a line is the SHA-256 of its bytes without the line feed. `chain.prev` of the line after it is that digest.
# Needs jq and sha256sum. Prints one line for each link that does not hold; exits 1 if there is any.
set -eu
bad=$(mktemp)
for stream in $(cat "$@" | jq -r .chain.stream | sort -u); do
  expected=0000000000000000000000000000000000000000000000000000000000000000
  next=0
  cat "$@" | jq -Rr --arg stream "$stream" 'fromjson as $event | select($event.chain.stream == $stream)
      | "\($event.chain.seq) \($event.chain.prev) \(.)"' | sort -n | uniq |
  while IFS=' ' read -r seq prev line; do
    [ "$seq" = "$next" ] || echo "stream $stream: seq $next is missing or there twice (found $seq)" | tee -a "$bad"
    [ "$prev" = "$expected" ] || [ "$seq" != "$next" ] || echo "stream $stream: seq $seq does not follow the line before it" | tee -a "$bad"
    expected=$(printf '%s' "$line" | sha256sum | cut -d' ' -f1)
    next=$((seq + 1))
  done
done
if [ -s "$bad" ]; then rm -f "$bad"; exit 1; fi
rm -f "$bad"
echo "every link holds"
# A checkpoint's signature is over eleven lines: countersign-checkpoint/1, stream, seq, head, emitted, acknowledged, dropped,
# allowed, denied, faulted, time. With OpenSSL 3 and the public key in key.pem, for the checkpoint on line N of FILE:
#   sed -n Np FILE | jq -r '.checkpoint as $c | "countersign-checkpoint/1", .chain.stream, $c.seq, $c.head, $c.emitted,
#     $c.acknowledged, $c.dropped, $c.allowed, $c.denied, $c.faulted, .time' > text
#   sed -n Np FILE | jq -r .checkpoint.signature | xxd -r -p > signature
#   openssl pkeyutl -verify -pubin -inkey key.pem -rawin -in text -sigfile signature
"#;
