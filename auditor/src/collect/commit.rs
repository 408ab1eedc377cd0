//! The committer: the one thread that writes to the store.

use super::batch::{Batch, Receipt};
use crate::clock;
use crate::store::{Appender, RejectFile, StoreFault, StoreLock};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

/// How many bytes may wait to be committed.
const QUEUE_BYTES: usize = 64 * 1024 * 1024;
/// How many batches may wait to be committed.
const QUEUE_BATCHES: usize = 1024;
/// Queue space is counted in units of this many bytes.
const UNIT: usize = 1024;

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
}

/// Where receivers hand over their batches.
#[derive(Debug, Clone)]
pub(super) struct Intake {
    queue: mpsc::Sender<Order>,
    room: Arc<Semaphore>,
}

#[derive(Debug)]
enum Order {
    Commit(Submission),
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

/// Starts the committer.
pub(super) fn start(lock: &StoreLock) -> (Intake, Committer) {
    let (queue, waiting) = mpsc::channel(QUEUE_BATCHES);
    let room = Arc::new(Semaphore::new(QUEUE_BYTES / UNIT));
    let desk = Desk { appender: Appender::new(lock.root()), rejects: RejectFile::new(&lock.root().join("rejected.jsonl")) };
    let thread = thread::spawn(move || desk.run(waiting));
    (Intake { queue: queue.clone(), room }, Committer { queue, thread })
}

impl Intake {
    /// Hands over a batch and waits until it is on disk.
    pub(super) async fn commit(&self, batch: Batch) -> Result<Receipt, Refusal> {
        let units = u32::try_from(batch.weight() / UNIT + 1).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.room).try_acquire_many_owned(units).map_err(|_| Refusal::QueueFull)?;
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
            Self::Stop => None,
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

/// What the committer writes to.
#[derive(Debug)]
struct Desk {
    appender: Appender,
    rejects: RejectFile,
}

impl Desk {
    fn run(mut self, mut waiting: mpsc::Receiver<Order>) {
        let mut orders = Vec::new();
        while waiting.blocking_recv_many(&mut orders, QUEUE_BATCHES) > 0 {
            if orders.iter().any(|order| matches!(order, Order::Stop)) {
                waiting.close();
            }
            let mut group: Vec<Submission> = orders.drain(..).filter_map(Order::submission).collect();
            let written = self.write(&group);
            for Submission { batch, reply, .. } in group.drain(..) {
                let receipt = Receipt { kept: batch.lines.len(), rejected: batch.rejects.len() };
                // Whoever no longer waits for the answer gets none: the lines are kept, and may come again.
                let _ = reply.send(if written.is_ok() { Ok(receipt) } else { Err(Refusal::StoreUnavailable) });
            }
        }
    }

    fn write(&mut self, group: &[Submission]) -> Result<(), StoreFault> {
        let now = clock::now();
        let rejects = group.iter().flat_map(|submission| &submission.batch.rejects);
        self.rejects.append(rejects, now)?;
        let lines = group.iter().flat_map(|submission| &submission.batch.lines);
        self.appender.append(lines.map(|(_, bytes)| bytes.as_slice()), now)?;
        Ok(())
    }
}
