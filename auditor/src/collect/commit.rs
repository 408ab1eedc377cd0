//! The committer: the one thread that writes to the store.

use super::batch::{Batch, Receipt};
use super::desk::Desk;
use super::metrics::Metrics;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// How many batches may wait to be committed.
const QUEUE_BATCHES: usize = 1024;
/// Queue space is counted in units of this many bytes.
const UNIT: usize = 1024;
/// How often the store is looked after when nothing arrives.
const TICK: Duration = Duration::from_secs(1);

/// Why a batch was not kept. The sender has to send it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// More is waiting to be written than may wait.
    #[error("the queue is full")]
    QueueFull,
    /// The store cannot be written now.
    #[error("the store cannot be written")]
    StoreUnavailable,
    /// The collector is stopping.
    #[error("the collector is stopping")]
    Stopping,
}

impl Refusal {
    /// The stable code of this reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::StoreUnavailable => "store_unavailable",
            Self::Stopping => "collector_stopping",
        }
    }

    /// How long the sender should wait before it sends again.
    #[must_use]
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::QueueFull | Self::Stopping => Duration::from_secs(1),
            Self::StoreUnavailable => Duration::from_secs(5),
        }
    }
}

/// Where receivers hand over their batches.
#[derive(Debug, Clone)]
pub(super) struct Intake {
    queue: mpsc::Sender<Order>,
    room: Arc<Semaphore>,
    capacity: usize,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
enum Order {
    Commit(Submission),
    Tick,
    Stop,
}

#[derive(Debug)]
struct Submission {
    batch: Batch,
    reply: oneshot::Sender<Result<Receipt, Refusal>>,
    _room: OwnedSemaphorePermit,
}

/// The running committer.
#[derive(Debug)]
pub(super) struct Committer {
    queue: mpsc::Sender<Order>,
    thread: JoinHandle<()>,
}

/// Starts the committer at its desk; `queue_bytes` may wait for it.
pub(super) fn start(desk: Desk, queue_bytes: usize, metrics: Arc<Metrics>) -> (Intake, Committer) {
    let (queue, waiting) = mpsc::channel(QUEUE_BATCHES);
    let capacity = (queue_bytes / UNIT).max(1);
    let room = Arc::new(Semaphore::new(capacity));
    let thread = thread::spawn(move || run(desk, waiting));
    tokio::spawn(tick(queue.clone()));
    (Intake { queue: queue.clone(), room, capacity, metrics }, Committer { queue, thread })
}

async fn tick(queue: mpsc::Sender<Order>) {
    let mut interval = tokio::time::interval(TICK);
    loop {
        interval.tick().await;
        if queue.send(Order::Tick).await.is_err() {
            return;
        }
    }
}

impl Intake {
    /// Hands over a batch and waits until it is on disk.
    pub(super) async fn commit(&self, batch: Batch) -> Result<Receipt, Refusal> {
        let answer = self.submit(batch).await;
        match answer {
            Ok(_) => self.metrics.batches.add(1),
            Err(Refusal::QueueFull) => self.metrics.refused_full.add(1),
            Err(Refusal::StoreUnavailable) => self.metrics.refused_store.add(1),
            Err(Refusal::Stopping) => self.metrics.refused_stopping.add(1),
        }
        answer
    }

    /// A batch larger than the whole queue takes all of it, rather than never passing.
    async fn submit(&self, batch: Batch) -> Result<Receipt, Refusal> {
        let units = (batch.weight() / UNIT + 1).min(self.capacity);
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(units).map_err(|_| Refusal::QueueFull)?;
        self.metrics.queue_bytes.set(((self.capacity - self.room.available_permits()) * UNIT) as u64);
        let (reply, answer) = oneshot::channel();
        let submission = Submission { batch, reply, _room: room };
        self.queue.try_send(Order::Commit(submission)).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Refusal::QueueFull,
            mpsc::error::TrySendError::Closed(_) => Refusal::Stopping,
        })?;
        answer.await.unwrap_or(Err(Refusal::Stopping))
    }
}

impl Order {
    fn submission(self) -> Option<Submission> {
        match self {
            Self::Commit(submission) => Some(submission),
            Self::Tick | Self::Stop => None,
        }
    }
}

impl Committer {
    /// Takes nothing more, and waits until everything that was handed over is committed.
    pub(super) async fn finish(self) {
        // The queue is closed already when that thread is gone.
        let _ = self.queue.send(Order::Stop).await;
        // A join error is a panic of that thread, which has said so on standard error.
        let _ = tokio::task::spawn_blocking(move || self.thread.join()).await;
    }
}

fn run(mut desk: Desk, mut waiting: mpsc::Receiver<Order>) {
    let mut orders = Vec::new();
    while waiting.blocking_recv_many(&mut orders, QUEUE_BATCHES) > 0 {
        if orders.iter().any(|order| matches!(order, Order::Stop)) {
            waiting.close();
        }
        let group: Vec<Submission> = orders.drain(..).filter_map(Order::submission).collect();
        let receipts = desk.commit(group.iter().map(|submission| &submission.batch));
        for (submission, receipt) in group.into_iter().zip(receipts) {
            // Whoever no longer waits for the answer gets none: the lines are kept, and may come again.
            let _ = submission.reply.send(receipt);
        }
        desk.look_after();
    }
    desk.close();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Line;

    fn batch(lines: usize) -> Batch {
        let mut batch = Batch::default();
        for _ in 0..lines {
            batch.push(Line::parse(b""), vec![b'x'; 1_000], String::new);
        }
        batch
    }

    /// A queue that nothing is taken from.
    fn stuck(capacity: usize) -> (Intake, mpsc::Receiver<Order>) {
        let (queue, waiting) = mpsc::channel(2);
        (Intake { queue, room: Arc::new(Semaphore::new(capacity)), capacity, metrics: Arc::default() }, waiting)
    }

    #[tokio::test]
    async fn what_would_not_fit_in_memory_is_refused_and_not_held() {
        let (intake, mut waiting) = stuck(20);
        let first = tokio::spawn({
            let intake = intake.clone();
            async move { intake.commit(batch(15)).await }
        });
        let Some(Order::Commit(held)) = waiting.recv().await else { panic!("a submission") };
        assert_eq!(intake.commit(batch(15)).await, Err(Refusal::QueueFull));
        assert_eq!(intake.metrics.refused_full.value(), 1);
        held.reply.send(Ok(Receipt::default())).expect("awaited");
        drop((held.batch, held._room));
        assert_eq!(first.await.expect("ran"), Ok(Receipt::default()));
        let again = tokio::spawn(async move { intake.commit(batch(500)).await });
        assert!(matches!(waiting.recv().await, Some(Order::Commit(_))), "a batch larger than all room takes all of it");
        drop(waiting);
        assert_eq!(again.await.expect("ran"), Err(Refusal::Stopping));
    }

    #[test]
    fn every_refusal_has_its_own_code_and_says_when_to_come_again() {
        let all = [Refusal::QueueFull, Refusal::StoreUnavailable, Refusal::Stopping];
        let codes: std::collections::BTreeSet<_> = all.iter().map(Refusal::code).collect();
        assert_eq!(codes.len(), all.len());
        assert!(all.iter().all(|refusal| refusal.retry_after() >= Duration::from_secs(1)));
    }
}
