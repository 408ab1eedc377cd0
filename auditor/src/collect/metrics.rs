//! The collector's counters, in the text format that Prometheus reads.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// One counter or gauge.
#[derive(Debug, Default)]
pub(super) struct Number(AtomicU64);

impl Number {
    pub(super) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(super) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(super) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    pub(super) lines: Number,
    pub(super) bytes: Number,
    pub(super) duplicates: Number,
    pub(super) forks: Number,
    pub(super) late: Number,
    pub(super) broken_links: Number,
    pub(super) attributes_differ: Number,
    pub(super) rejected: Number,
    pub(super) batches: Number,
    pub(super) refused_full: Number,
    pub(super) refused_store: Number,
    pub(super) refused_stopping: Number,
    pub(super) refused_unauthenticated: Number,
    pub(super) commits: Number,
    pub(super) commit_micros: Number,
    pub(super) store_failures: Number,
    pub(super) store_failing: Number,
    pub(super) torn_bytes: Number,
    pub(super) recovered_lines: Number,
    pub(super) streams: Number,
    pub(super) log_size: Number,
    pub(super) expired_segments: Number,
    pub(super) queue_bytes: Number,
}

impl Metrics {
    pub(super) fn committed(&self, took: Duration) {
        self.commits.add(1);
        self.commit_micros.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// All of them as text.
    pub(super) fn render(&self) -> String {
        let mut text = String::new();
        for (name, kind, help, number) in self.table() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP countersign_collect_{name} {help}");
            let _ = writeln!(text, "# TYPE countersign_collect_{name} {kind}");
            let _ = writeln!(text, "countersign_collect_{name} {}", number.value());
        }
        self.render_refused(&mut text);
        text
    }

    fn render_refused(&self, text: &mut String) {
        let _ = writeln!(text, "# HELP countersign_collect_refused_total Batches that the sender has to send again, by reason.");
        let _ = writeln!(text, "# TYPE countersign_collect_refused_total counter");
        for (reason, number) in [
            ("queue_full", &self.refused_full),
            ("store_unavailable", &self.refused_store),
            ("collector_stopping", &self.refused_stopping),
            ("unauthenticated", &self.refused_unauthenticated),
        ] {
            let _ = writeln!(text, "countersign_collect_refused_total{{reason=\"{reason}\"}} {}", number.value());
        }
    }

    fn table(&self) -> [(&'static str, &'static str, &'static str, &Number); 19] {
        [
            ("lines_total", "counter", "Audit lines kept.", &self.lines),
            ("bytes_total", "counter", "Bytes of the lines kept.", &self.bytes),
            ("duplicates_total", "counter", "Lines that were kept before, and dropped.", &self.duplicates),
            ("forks_total", "counter", "Lines whose place another line has; kept.", &self.forks),
            ("late_total", "counter", "Lines whose place was taken too long ago to compare; kept.", &self.late),
            ("broken_links_total", "counter", "Lines that do not follow the line before them; kept.", &self.broken_links),
            ("attributes_differ_total", "counter", "Records whose attributes name another line.", &self.attributes_differ),
            ("rejected_total", "counter", "Records that are no audit lines; kept aside.", &self.rejected),
            ("batches_total", "counter", "Batches acknowledged.", &self.batches),
            ("commits_total", "counter", "Group commits.", &self.commits),
            ("commit_microseconds_total", "counter", "Time spent in them.", &self.commit_micros),
            ("store_failures_total", "counter", "Writes to the store that failed.", &self.store_failures),
            ("store_failing", "gauge", "1 while the last write to the store failed.", &self.store_failing),
            ("torn_bytes_total", "counter", "Bytes of torn lines found at the start; kept aside.", &self.torn_bytes),
            ("recovered_lines_total", "counter", "Lines found in segments that a crash left open.", &self.recovered_lines),
            ("streams", "gauge", "Streams known.", &self.streams),
            ("log_leaves", "gauge", "Leaves of the log.", &self.log_size),
            ("expired_segments_total", "counter", "Segments removed by retention.", &self.expired_segments),
            ("queue_bytes", "gauge", "Bytes waiting to be committed.", &self.queue_bytes),
        ]
    }
}
