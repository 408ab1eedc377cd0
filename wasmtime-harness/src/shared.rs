//! Shared data and shared queues, one of each for all VMs of a host.

use std::collections::{BTreeMap, VecDeque};

use crate::abi::Status;

/// Key-value data with compare-and-swap numbers.
#[derive(Debug, Default)]
pub(crate) struct SharedData {
    values: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    last_cas: u32,
}

impl SharedData {
    pub(crate) fn get(&self, key: &[u8]) -> Result<(Vec<u8>, u32), Status> {
        self.values.get(key).cloned().ok_or(Status::NotFound)
    }

    /// `cas` 0 overwrites whatever is there.
    pub(crate) fn set(&mut self, key: Vec<u8>, value: Vec<u8>, cas: u32) -> Result<(), Status> {
        let current = self.values.get(&key).map(|(_, cas)| *cas);
        if current.is_some_and(|current| cas != 0 && cas != current) {
            return Err(Status::CasMismatch);
        }
        self.last_cas = self.last_cas.wrapping_add(1).max(1);
        self.values.insert(key, (value, self.last_cas));
        Ok(())
    }
}

/// Who is told when something arrives: a VM and its root context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Consumer {
    pub(crate) vm: usize,
    pub(crate) root: u32,
}

#[derive(Debug)]
struct Queue {
    vm_id: String,
    name: Vec<u8>,
    items: VecDeque<Vec<u8>>,
    consumer: Consumer,
}

/// Queues by id, from 1.
#[derive(Debug, Default)]
pub(crate) struct Queues(Vec<Queue>);

impl Queues {
    /// Makes the queue, or takes over the existing one of that name.
    pub(crate) fn register(&mut self, vm_id: &str, name: &[u8], consumer: Consumer) -> u32 {
        if let Some((index, queue)) = self.position(vm_id, name) {
            queue.consumer = consumer;
            return index;
        }
        self.0.push(Queue { vm_id: vm_id.to_owned(), name: name.to_vec(), items: VecDeque::new(), consumer });
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    fn position(&mut self, vm_id: &str, name: &[u8]) -> Option<(u32, &mut Queue)> {
        let numbered = (1u32..).zip(self.0.iter_mut());
        numbered.into_iter().find(|(_, queue)| queue.vm_id == vm_id && queue.name == name)
    }

    pub(crate) fn resolve(&mut self, vm_id: &str, name: &[u8]) -> Result<u32, Status> {
        self.position(vm_id, name).map(|(id, _)| id).ok_or(Status::NotFound)
    }

    fn queue(&mut self, id: u32) -> Result<&mut Queue, Status> {
        let index = usize::try_from(id).ok().and_then(|id| id.checked_sub(1)).ok_or(Status::NotFound)?;
        self.0.get_mut(index).ok_or(Status::NotFound)
    }

    pub(crate) fn enqueue(&mut self, id: u32, item: Vec<u8>) -> Result<Consumer, Status> {
        let queue = self.queue(id)?;
        queue.items.push_back(item);
        Ok(queue.consumer)
    }

    pub(crate) fn dequeue(&mut self, id: u32) -> Result<Vec<u8>, Status> {
        self.queue(id)?.items.pop_front().ok_or(Status::Empty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_cas_number_is_refused_and_zero_overwrites() {
        let mut data = SharedData::default();
        data.set(b"k".to_vec(), b"1".to_vec(), 0).unwrap();
        let (_, cas) = data.get(b"k").unwrap();
        data.set(b"k".to_vec(), b"2".to_vec(), cas).unwrap();
        assert_eq!(data.set(b"k".to_vec(), b"3".to_vec(), cas), Err(Status::CasMismatch));
        data.set(b"k".to_vec(), b"4".to_vec(), 0).unwrap();
        assert_eq!(data.get(b"k").unwrap().0, b"4");
    }

    #[test]
    fn queues_keep_order_and_say_when_they_are_empty() {
        let mut queues = Queues::default();
        let consumer = Consumer { vm: 0, root: 1 };
        let id = queues.register("", b"q", consumer);
        assert_eq!(queues.resolve("", b"q"), Ok(id));
        assert_eq!(queues.resolve("other", b"q"), Err(Status::NotFound));
        assert_eq!(queues.enqueue(id, b"1".to_vec()), Ok(consumer));
        queues.enqueue(id, b"2".to_vec()).unwrap();
        assert_eq!(queues.dequeue(id), Ok(b"1".to_vec()));
        assert_eq!(queues.dequeue(id), Ok(b"2".to_vec()));
        assert_eq!(queues.dequeue(id), Err(Status::Empty));
        assert_eq!(queues.dequeue(9), Err(Status::NotFound));
    }
}
