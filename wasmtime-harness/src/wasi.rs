//! The WASI preview 1 functions that proxy-wasm hosts offer. There is no file
//! system: standard output goes to the log, everything else is refused.

use wasmtime::{Caller, Linker};

use crate::abi::LogLevel;
use crate::hostcalls::write_line;
use crate::profile::Profile;
use crate::state::State;
use crate::trap::{Abort, TrapKind};

const SUCCESS: u32 = 0;
const BADF: u32 = 8;
const FAULT: u32 = 21;
const INVAL: u32 = 28;
const NOENT: u32 = 44;
const NOSYS: u32 = 52;
const NOTSUP: u32 = 58;

/// The module names under which plugins import WASI.
pub(crate) const MODULES: &[&str] = &["wasi_snapshot_preview1", "wasi_unstable"];

/// Whether any host offers a function of that name.
pub(crate) fn knows(name: &str) -> bool {
    NAMES.contains(&name)
}

const NAMES: &[&str] = &[
    "args_get",
    "args_sizes_get",
    "environ_get",
    "environ_sizes_get",
    "clock_time_get",
    "clock_res_get",
    "random_get",
    "sched_yield",
    "poll_oneoff",
    "proc_exit",
    "fd_write",
    "fd_pwrite",
    "fd_close",
    "fd_seek",
    "fd_fdstat_get",
    "fd_fdstat_set_flags",
    "fd_tell",
    "fd_sync",
    "fd_datasync",
    "fd_advise",
    "fd_allocate",
    "fd_fdstat_set_rights",
    "fd_filestat_set_size",
    "fd_filestat_set_times",
    "fd_read",
    "fd_pread",
    "fd_prestat_get",
    "fd_prestat_dir_name",
    "fd_filestat_get",
    "fd_readdir",
    "fd_renumber",
    "path_open",
    "path_filestat_get",
    "path_create_directory",
    "path_filestat_set_times",
    "path_link",
    "path_readlink",
    "path_remove_directory",
    "path_rename",
    "path_symlink",
    "path_unlink_file",
    "sock_accept",
    "sock_recv",
    "sock_send",
    "sock_shutdown",
];

/// Most random bytes of one call (Envoy's limit).
const MAX_RANDOM: u32 = 64 * 1024;

pub(crate) fn add_to_linker(linker: &mut Linker<State>, profile: &Profile) -> wasmtime::Result<()> {
    for module in MODULES {
        let mut link = WasiLinker { linker, profile, module };
        add_process(&mut link)?;
        add_streams(&mut link)?;
        add_refusals(&mut link)?;
    }
    Ok(())
}

struct WasiLinker<'a> {
    linker: &'a mut Linker<State>,
    profile: &'a Profile,
    module: &'static str,
}

impl WasiLinker<'_> {
    fn add<P, R>(&mut self, name: &str, function: impl wasmtime::IntoFunc<State, P, R>) -> wasmtime::Result<()> {
        if self.profile.offers_wasi(name) {
            self.linker.func_wrap(self.module, name, function)?;
        }
        Ok(())
    }
}

fn add_process(link: &mut WasiLinker<'_>) -> wasmtime::Result<()> {
    link.add("args_get", |_: u32, _: u32| SUCCESS)?;
    link.add("args_sizes_get", |mut caller: Caller<'_, State>, count: u32, size: u32| {
        store_all(&mut caller, &[(count, 0), (size, 0)])
    })?;
    link.add("environ_get", environ_get)?;
    link.add("environ_sizes_get", environ_sizes_get)?;
    link.add("clock_time_get", clock_time_get)?;
    link.add(
        "clock_res_get",
        |mut caller: Caller<'_, State>, id: u32, ptr: u32| {
            if id > 1 { NOTSUP } else { store(&mut caller, ptr, &1u64.to_le_bytes()) }
        },
    )?;
    link.add("random_get", random_get)?;
    link.add("sched_yield", || SUCCESS)?;
    link.add("poll_oneoff", |_: u32, _: u32, _: u32, _: u32| NOSYS)?;
    link.add("proc_exit", |code: u32| -> wasmtime::Result<()> {
        Err(wasmtime::Error::new(Abort::new(TrapKind::Exit, format!("proc_exit({code})"))))
    })
}

fn add_streams(link: &mut WasiLinker<'_>) -> wasmtime::Result<()> {
    link.add("fd_write", fd_write)?;
    link.add("fd_pwrite", |caller: Caller<'_, State>, fd: u32, iovs: u32, len: u32, _: u64, written: u32| {
        fd_write(caller, fd, iovs, len, written)
    })?;
    link.add("fd_close", |_: u32| SUCCESS)?;
    link.add("fd_seek", |_: u32, _: i64, _: u32, _: u32| SUCCESS)?;
    link.add("fd_fdstat_get", |mut caller: Caller<'_, State>, fd: u32, ptr: u32| {
        if !is_output(fd) {
            return BADF;
        }
        let mut stat = [0u8; 24];
        // The right to write, and nothing else.
        if let Some(rights) = stat.get_mut(8) {
            *rights = 64;
        }
        store(&mut caller, ptr, &stat)
    })?;
    link.add("fd_fdstat_set_flags", |_: u32, _: u32| NOSYS)?;
    link.add(
        "fd_tell",
        |mut caller: Caller<'_, State>, fd: u32, ptr: u32| {
            if is_output(fd) { store(&mut caller, ptr, &0u64.to_le_bytes()) } else { BADF }
        },
    )?;
    link.add("fd_sync", output_only)?;
    link.add("fd_datasync", output_only)?;
    link.add("fd_advise", |_: u32, _: u64, _: u64, _: u32| SUCCESS)?;
    link.add("fd_allocate", |fd: u32, _: u64, _: u64| output_only(fd))?;
    link.add("fd_fdstat_set_rights", |fd: u32, _: u64, _: u64| output_only(fd))?;
    link.add("fd_filestat_set_size", |fd: u32, _: u64| output_only(fd))?;
    link.add("fd_filestat_set_times", |fd: u32, _: u64, _: u64, _: u32| output_only(fd))
}

fn add_refusals(link: &mut WasiLinker<'_>) -> wasmtime::Result<()> {
    link.add("fd_read", |_: u32, _: u32, _: u32, _: u32| NOSYS)?;
    link.add("fd_pread", |_: u32, _: u32, _: u32, _: u64, _: u32| NOSYS)?;
    link.add("fd_prestat_get", |_: u32, _: u32| BADF)?;
    link.add("fd_prestat_dir_name", |_: u32, _: u32, _: u32| NOSYS)?;
    link.add("fd_filestat_get", |_: u32, _: u32| BADF)?;
    link.add("fd_readdir", |_: u32, _: u32, _: u32, _: u64, _: u32| NOTSUP)?;
    link.add("fd_renumber", |_: u32, _: u32| NOTSUP)?;
    link.add("path_open", |_: u32, _: u32, _: u32, _: u32, _: u32, _: i64, _: i64, _: u32, _: u32| NOENT)?;
    link.add("path_filestat_get", |_: u32, _: u32, _: u32, _: u32, _: u32| NOTSUP)?;
    link.add("path_create_directory", |_: u32, _: u32, _: u32| NOTSUP)?;
    link.add("path_filestat_set_times", |_: u32, _: u32, _: u32, _: u32, _: u64, _: u64, _: u32| NOTSUP)?;
    link.add("path_link", |_: u32, _: u32, _: u32, _: u32, _: u32, _: u32, _: u32| NOTSUP)?;
    link.add("path_readlink", |_: u32, _: u32, _: u32, _: u32, _: u32, _: u32| NOTSUP)?;
    link.add("path_remove_directory", |_: u32, _: u32, _: u32| NOTSUP)?;
    link.add("path_rename", |_: u32, _: u32, _: u32, _: u32, _: u32, _: u32| NOTSUP)?;
    link.add("path_symlink", |_: u32, _: u32, _: u32, _: u32, _: u32| NOTSUP)?;
    link.add("path_unlink_file", |_: u32, _: u32, _: u32| NOTSUP)?;
    link.add("sock_accept", |_: u32, _: u32, _: u32| NOTSUP)?;
    link.add("sock_recv", |_: u32, _: u32, _: u32, _: u32, _: u32, _: u32| NOTSUP)?;
    link.add("sock_send", |_: u32, _: u32, _: u32, _: u32, _: u32| NOTSUP)?;
    link.add("sock_shutdown", |_: u32, _: u32| NOTSUP)
}

fn is_output(fd: u32) -> bool {
    fd == 1 || fd == 2
}

fn output_only(fd: u32) -> u32 {
    if is_output(fd) { SUCCESS } else { BADF }
}

fn memory(caller: &mut Caller<'_, State>) -> Option<wasmtime::Memory> {
    let known = caller.data_mut().vm().and_then(|vm| vm.memory);
    known.or_else(|| caller.get_export("memory")?.into_memory())
}

fn load(caller: &mut Caller<'_, State>, ptr: u32, len: u32) -> Option<Vec<u8>> {
    let start = usize::try_from(ptr).ok()?;
    let end = start.checked_add(usize::try_from(len).ok()?)?;
    let memory = memory(caller)?;
    memory.data(caller).get(start..end).map(<[u8]>::to_vec)
}

fn store(caller: &mut Caller<'_, State>, ptr: u32, bytes: &[u8]) -> u32 {
    let Some(memory) = memory(caller) else {
        return FAULT;
    };
    let Ok(start) = usize::try_from(ptr) else {
        return FAULT;
    };
    match memory.write(caller, start, bytes) {
        Ok(()) => SUCCESS,
        Err(_) => FAULT,
    }
}

fn store_all(caller: &mut Caller<'_, State>, words: &[(u32, u32)]) -> u32 {
    for (ptr, value) in words {
        if store(caller, *ptr, &value.to_le_bytes()) != SUCCESS {
            return FAULT;
        }
    }
    SUCCESS
}

fn environ_sizes_get(mut caller: Caller<'_, State>, count_ptr: u32, size_ptr: u32) -> u32 {
    let environment = &caller.data().settings.environment;
    let size: usize = environment.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
    let (count, size) = (u32::try_from(environment.len()), u32::try_from(size));
    match (count, size) {
        (Ok(count), Ok(size)) => store_all(&mut caller, &[(count_ptr, count), (size_ptr, size)]),
        _ => INVAL,
    }
}

fn environ_get(mut caller: Caller<'_, State>, mut array: u32, mut buffer: u32) -> u32 {
    for (name, value) in caller.data().settings.environment.clone() {
        let entry = format!("{name}={value}\0");
        if store(&mut caller, array, &buffer.to_le_bytes()) != SUCCESS || store(&mut caller, buffer, entry.as_bytes()) != SUCCESS
        {
            return FAULT;
        }
        array = array.wrapping_add(4);
        buffer = buffer.wrapping_add(u32::try_from(entry.len()).unwrap_or(u32::MAX));
    }
    SUCCESS
}

fn clock_time_get(mut caller: Caller<'_, State>, id: u32, _precision: u64, time_ptr: u32) -> u32 {
    let clock = &caller.data().clock;
    let now = match id {
        0 => clock.realtime_nanos(),
        1 => clock.monotonic_nanos(),
        // Process and thread clocks would be real time.
        _ => return NOTSUP,
    };
    store(&mut caller, time_ptr, &now.to_le_bytes())
}

fn random_get(mut caller: Caller<'_, State>, ptr: u32, len: u32) -> u32 {
    if len > MAX_RANDOM {
        return INVAL;
    }
    let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
    caller.data_mut().random.fill(&mut bytes);
    store(&mut caller, ptr, &bytes)
}

fn fd_write(mut caller: Caller<'_, State>, fd: u32, iovs: u32, count: u32, written_ptr: u32) -> u32 {
    let level = match fd {
        1 => LogLevel::Info,
        2 => LogLevel::Error,
        _ => return BADF,
    };
    let Some(text) = gather(&mut caller, iovs, count) else {
        return FAULT;
    };
    let written = u32::try_from(text.len()).unwrap_or(u32::MAX);
    if !text.is_empty() {
        write_line(caller.data_mut(), level, text.strip_suffix(b"\n").unwrap_or(&text));
    }
    store(&mut caller, written_ptr, &written.to_le_bytes())
}

fn gather(caller: &mut Caller<'_, State>, iovs: u32, count: u32) -> Option<Vec<u8>> {
    let vectors = load(caller, iovs, count.checked_mul(8)?)?;
    let mut text = Vec::new();
    for vector in vectors.chunks_exact(8) {
        let (ptr, len) = vector.split_at_checked(4)?;
        let ptr = u32::from_le_bytes(ptr.try_into().ok()?);
        let len = u32::from_le_bytes(len.try_into().ok()?);
        text.extend(load(caller, ptr, len)?);
    }
    Some(text)
}
