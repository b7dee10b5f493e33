//! A machine whose clock is wrong, for one process: a library between it and libc adds to the real time.
//!
//! So everything in the process is deceived, as on such a machine: ours, apalis, and the standard library.

use std::{path::Path, process::Command};

const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
    int outcome = real(clock, at);
    if (outcome == 0 && clock == CLOCK_REALTIME) at->tv_sec += AHEAD;
    return outcome;
}
"#;

/// Builds the library in `folder`; returns the variable that loads it. The linker that made this program can make it too.
pub(super) fn preload(folder: &Path, ahead: i32) -> (String, String) {
    let (source, library) = (folder.join("wrong_clock.c"), folder.join("wrong_clock.so"));
    std::fs::write(&source, SOURCE).expect("the folder takes files");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", &format!("-DAHEAD={ahead}"), "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status();
    assert!(built.expect("a C compiler").success(), "{} is not built", library.display());
    ("LD_PRELOAD".to_owned(), library.display().to_string())
}
