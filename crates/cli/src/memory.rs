//! One heap for all threads, or few, of large pages.
//!
//! glibc keeps a heap for each thread and gives memory back at a heap's end only, so what one thread read and another freed
//! stays with the process: loading five million rows peaked at 308 MiB with glibc's default and at 100 MiB with one heap,
//! and took less time (5.97 s and 5.05 s on two cores). Asking the system for huge pages, where it gives them to those who ask, takes
//! another 4 % off its CPU and adds 1 MiB: 6,000 page faults instead of 30,000 to 50,000. Blocks of eight megabytes and more (a text, a
//! file) are the system's own, and go back to it when they are freed: glibc would take them from the heap once one has been freed, where
//! smaller ones then lie between them (121 MiB and 112 MiB for 2.6 million rows in large partitions, at the same CPU). What a thread keeps
//! for itself of what it freed are blocks of up to 128 bytes: of up to a kilobyte, as glibc has it, they lie all over the heap when
//! objects have been checked, and what is free between them does not become one block that a column of a partition fits into (101 MiB and
//! 96 MiB for the same load, at the same CPU). glibc reads all of it when a process starts, from the environment.
//!
//! `refine` has three heaps and keeps what is free at their ends. Its threads make and free the columns of whole batches at the same time:
//! twenty years of monthly bars take 11,000 switches between threads with one heap and 6,900 with three; and a heap that is given back after
//! a partition is asked for anew for the next, each page of it cleared. `daily_stats` of five million bars: 3.9 s and 423 MiB with one heap, 3.2 s and
//! 370 MiB with these.

/// Starts the program over with the heaps that its command is best served with, unless their number is set already; tunables that are
/// set are left alone. Returns where that is not needed or not possible: then it goes on as it is.
pub fn keep_few_heaps() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    start_over();
}

/// See <https://www.gnu.org/software/libc/manual/html_node/Memory-Allocation-Tunables.html>.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn start_over() {
    use std::os::unix::process::CommandExt as _;
    use std::process::Command;

    const SETTING: &str = "MALLOC_ARENA_MAX";
    const TUNABLES: &str = "GLIBC_TUNABLES";
    const ONE: (&str, &str) =
        ("1", "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=8388608:glibc.malloc.tcache_max=128");
    const THREE: (&str, &str) = (
        "3",
        "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=8388608:glibc.malloc.trim_threshold=134217728",
    );
    if std::env::var_os(SETTING).is_some() {
        return;
    }
    // What stands before a command are flags.
    let is_flag = |argument: &std::ffi::OsString| argument.as_encoded_bytes().starts_with(b"-");
    let (heaps, tunables) = match std::env::args_os().skip(1).find(|argument| !is_flag(argument)) {
        Some(command) if command == "refine" => THREE,
        _ => ONE,
    };
    let Ok(program) = std::env::current_exe() else { return };
    let mut arguments = std::env::args_os();
    let mut again = Command::new(program);
    if let Some(name) = arguments.next() {
        again.arg0(name);
    }
    if std::env::var_os(TUNABLES).is_none() {
        again.env(TUNABLES, tunables);
    }
    // Only returns when it fails, and then nothing is lost.
    let _ = again.args(arguments).env(SETTING, heaps).exec();
}
