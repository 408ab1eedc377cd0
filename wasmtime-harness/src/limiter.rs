//! Memory limits and the high-water mark, as the engine asks for them.

use wasmtime::ResourceLimiter;

use crate::state::State;

impl ResourceLimiter for State {
    fn memory_growing(&mut self, _current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        if desired > self.memory_limit {
            return Ok(false);
        }
        if let Some(vm) = self.vm() {
            vm.memory_high_water = vm.memory_high_water.max(desired);
        }
        Ok(true)
    }

    fn table_growing(&mut self, _current: usize, _desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        Ok(true)
    }
}
