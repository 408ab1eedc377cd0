//! Starting VMs and root contexts, replacing them, taking them down.

use std::sync::Arc;
use std::time::Duration;

use crate::abi::Callback;
use crate::error::HostError;
use crate::profile::FailedWorker;
use crate::runtime::{Called, Runtime, word};
use crate::state::Window;
use crate::stream::Place;
use crate::trap::TrapPolicy;
use crate::vm::{Owner, Root, RootStage, Vm, VmRole};

/// A worker and the VM that filters its traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worker {
    Filtered(usize),
    /// The plugin did not start here, and the host lets everything pass.
    Unfiltered,
}

/// What a worker does with a new request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Filter(usize),
    Pass,
    Refuse,
}

impl Runtime {
    /// Starts everything the profile starts, in its order.
    pub(crate) fn start(&mut self, workers: usize, main_thread: bool) -> Result<(), HostError> {
        let rules = self.state().profile.start;
        if rules.canary {
            self.start_vm(VmRole::Canary)?;
            self.discard_canary();
        }
        if rules.main_thread && main_thread {
            self.start_vm(VmRole::Main)?;
        }
        for index in 0..workers {
            let worker = self.start_worker(index)?;
            self.workers.push(worker);
        }
        self.settle();
        Ok(())
    }

    fn start_worker(&mut self, index: usize) -> Result<Worker, HostError> {
        match (self.start_vm(VmRole::Worker(index)), self.state().profile.start.failed_worker) {
            (Ok(vm), _) => Ok(Worker::Filtered(vm)),
            (Err(error), FailedWorker::Fatal) => Err(error),
            (Err(_), FailedWorker::Unfiltered) => Ok(Worker::Unfiltered),
        }
    }

    /// A VM with one root context, configured.
    fn start_vm(&mut self, role: VmRole) -> Result<usize, HostError> {
        let vm = self.boot(role)?;
        let configuration = self.configuration.clone();
        self.start_root(vm, configuration)?;
        Ok(vm)
    }

    fn boot(&mut self, role: VmRole) -> Result<usize, HostError> {
        let state = self.state_mut();
        state.vms.push(Vm::new(role));
        let vm = state.vms.len() - 1;
        state.frame.vm = vm;
        state.frame.restricted = true;
        self.refuel();
        let instance = self.pre.instantiate(&mut self.store);
        self.state_mut().frame.restricted = false;
        let instance = instance.map_err(|error| HostError::Instantiate { vm: role, reason: format!("{error:#}") })?;
        let mut attached = Vm::new(role);
        attached.attach(instance, &mut self.store);
        attached.memory_high_water = attached.memory.map_or(0, |memory| memory.data_size(&self.store));
        if let Some(slot) = self.state_mut().vms.get_mut(vm) {
            *slot = attached;
        }
        self.initialise(vm)?;
        Ok(vm)
    }

    /// `_initialize` and then `main`, or `_start`: a reactor or a command.
    fn initialise(&mut self, vm: usize) -> Result<(), HostError> {
        let place = Place { vm, context: 0 };
        if let Called::Absent = self.restricted(place, Callback::Initialize)? {
            self.restricted(place, Callback::Start)?;
        } else if let Called::Absent = self.restricted(place, Callback::Main)? {
            self.restricted(place, Callback::MainVoid)?;
        }
        Ok(())
    }

    fn restricted(&mut self, place: Place, callback: Callback) -> Result<Called, HostError> {
        self.state_mut().frame.restricted = true;
        let called = self.call(place, callback, &[0, 0], Window::Nothing);
        self.state_mut().frame.restricted = false;
        match called {
            Called::Trapped(trap) => Err(HostError::Trapped(trap)),
            other => Ok(other),
        }
    }

    /// A new root context with its configuration; older ones stay as they are.
    fn start_root(&mut self, vm: usize, configuration: Arc<[u8]>) -> Result<u32, HostError> {
        let first = self.state().vms.get(vm).is_some_and(|vm| vm.roots.is_empty());
        let place = Place { vm, context: self.register_root(vm, configuration.clone()) };
        let created = self.call_create(place);
        started(created)?;
        if first && self.state().profile.start.vm_start {
            let size = word(self.state().settings.vm_configuration.len());
            let called = self.call(place, Callback::OnVmStart, &[word_id(place.context), size], Window::VmStart);
            if !started(called)? {
                return Err(HostError::StartRefused { vm: self.role(vm) });
            }
        }
        let args = [word_id(place.context), word(configuration.len())];
        let called = self.call(place, Callback::OnConfigure, &args, Window::Configure(configuration));
        if !started(called)? {
            return Err(HostError::ConfigurationRefused { vm: self.role(vm) });
        }
        Ok(place.context)
    }

    fn call_create(&mut self, root: Place) -> Called {
        self.call(root, Callback::OnContextCreate, &[word_id(root.context), 0], Window::Nothing)
    }

    pub(crate) fn role(&self, vm: usize) -> VmRole {
        self.state().vms.get(vm).map_or(VmRole::Main, |vm| vm.role)
    }

    fn register_root(&mut self, vm: usize, configuration: Arc<[u8]>) -> u32 {
        let Some(vm) = self.state_mut().vms.get_mut(vm) else {
            return 0;
        };
        let id = vm.allocate_context(Owner::Root);
        vm.roots.push(Root { id, configuration, tick_period: None, next_tick: Duration::ZERO, stage: RootStage::Active });
        id
    }

    /// The canary is thrown away without a callback; its callouts are cancelled.
    fn discard_canary(&mut self) {
        let state = self.state_mut();
        let canaries: Vec<usize> =
            (0..state.vms.len()).filter(|index| state.vms.get(*index).is_some_and(|vm| vm.role == VmRole::Canary)).collect();
        for vm in &canaries {
            if let Some(vm) = state.vms.get_mut(*vm) {
                for root in &mut vm.roots {
                    root.stage = RootStage::Deleted;
                }
            }
        }
        self.cancel_callouts(|vm| canaries.contains(&vm));
    }

    /// Replaces the configuration: a new root in every VM, the old one drains.
    /// A refusal at the canary changes nothing.
    pub(crate) fn reconfigure(&mut self, configuration: Arc<[u8]>) -> Result<(), HostError> {
        let before = std::mem::replace(&mut self.configuration, configuration.clone());
        if self.state().profile.start.canary {
            let checked = self.start_vm(VmRole::Canary);
            self.discard_canary();
            if let Err(error) = checked {
                self.configuration = before;
                return Err(error);
            }
        }
        for vm in self.serving_vms() {
            if let Err(error) = self.replace_root(vm, configuration.clone()) {
                self.give_up_worker(vm, error)?;
            }
        }
        self.settle();
        Ok(())
    }

    /// A worker that fails where the canary did not: see [`FailedWorker`].
    fn give_up_worker(&mut self, vm: usize, error: HostError) -> Result<(), HostError> {
        if self.state().profile.start.failed_worker == FailedWorker::Fatal {
            return Err(error);
        }
        for worker in self.workers.iter_mut().filter(|worker| **worker == Worker::Filtered(vm)) {
            *worker = Worker::Unfiltered;
        }
        Ok(())
    }

    fn serving_vms(&self) -> Vec<usize> {
        let live = self.state().vms.iter().enumerate().filter(|(index, vm)| {
            let in_use = match vm.role {
                VmRole::Canary => false,
                VmRole::Main => true,
                VmRole::Worker(_) => self.workers.contains(&Worker::Filtered(*index)),
            };
            in_use && vm.failed.is_none()
        });
        live.map(|(index, _)| index).collect()
    }

    fn replace_root(&mut self, vm: usize, configuration: Arc<[u8]>) -> Result<(), HostError> {
        let old = self.state().vms.get(vm).and_then(|vm| vm.active_root()).map(|root| root.id);
        let fresh = self.start_root(vm, configuration);
        let outdated = if fresh.is_ok() { old } else { self.newest_root(vm) };
        if let Some(root) = outdated.and_then(|id| self.state_mut().vms.get_mut(vm)?.root(id)) {
            root.stage = if fresh.is_ok() { RootStage::Draining } else { RootStage::Deleted };
        }
        fresh.map(|_| ())
    }

    fn newest_root(&self, vm: usize) -> Option<u32> {
        self.state().vms.get(vm).and_then(|vm| vm.roots.last()).map(|root| root.id)
    }

    /// Takes down every root that was replaced; with `all`, the active ones too.
    pub(crate) fn drain(&mut self, all: Drain) {
        for place in self.roots_to_drain(all) {
            let called = self.call(place, Callback::OnDone, &[word_id(place.context)], Window::Nothing);
            if called.agreed() {
                self.delete_root(place);
            } else if let Some(root) = self.state_mut().vms.get_mut(place.vm).and_then(|vm| vm.root(place.context)) {
                root.stage = RootStage::PendingDone;
            }
        }
        self.settle();
    }

    fn roots_to_drain(&self, all: Drain) -> Vec<Place> {
        let mut places = Vec::new();
        for (index, vm) in self.state().vms.iter().enumerate() {
            for root in &vm.roots {
                let due = match root.stage {
                    RootStage::Draining => true,
                    RootStage::Active => all == Drain::Everything && vm.role != VmRole::Canary,
                    RootStage::PendingDone | RootStage::Deleted => false,
                };
                if due {
                    places.push(Place { vm: index, context: root.id });
                }
            }
        }
        places
    }

    pub(crate) fn delete_root(&mut self, place: Place) {
        self.call(place, Callback::OnDelete, &[word_id(place.context)], Window::Nothing);
        let Some(vm) = self.state_mut().vms.get_mut(place.vm) else {
            return;
        };
        vm.contexts.remove(&place.context);
        if let Some(root) = vm.root(place.context) {
            root.stage = RootStage::Deleted;
        }
    }

    /// What the worker does with a new request, after what the trap policy says of its VM.
    pub(crate) fn verdict(&mut self, worker: usize) -> Verdict {
        let Some(Worker::Filtered(vm)) = self.workers.get(worker).copied() else {
            return Verdict::Pass;
        };
        let failure = self.state().vms.get(vm).and_then(|vm| vm.failed);
        let Some(failure) = failure else {
            return Verdict::Filter(vm);
        };
        match self.policy {
            TrapPolicy::Keep => Verdict::Filter(vm),
            TrapPolicy::FailClosed => Verdict::Refuse,
            TrapPolicy::FailOpen => Verdict::Pass,
            TrapPolicy::Rebuild => self.rebuild(worker),
            TrapPolicy::FailReload { backoff } => {
                let due = failure.saturating_add(backoff);
                if self.state().clock.now() >= due { self.rebuild(worker) } else { Verdict::Refuse }
            }
        }
    }

    /// A fresh VM in the place of the broken one.
    fn rebuild(&mut self, worker: usize) -> Verdict {
        let Ok(vm) = self.start_vm(VmRole::Worker(worker)) else {
            return Verdict::Refuse;
        };
        if let Some(slot) = self.workers.get_mut(worker) {
            *slot = Worker::Filtered(vm);
        }
        Verdict::Filter(vm)
    }
}

fn started(called: Called) -> Result<bool, HostError> {
    match called {
        Called::Trapped(trap) => Err(HostError::Trapped(trap)),
        other => Ok(other.agreed()),
    }
}

/// Which roots to take down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Drain {
    Replaced,
    Everything,
}

/// A context id as a callback's argument.
pub(crate) fn word_id(id: u32) -> i32 {
    id.cast_signed()
}
