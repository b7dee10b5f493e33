//! A machine whose clock is wrong, for one process: a library between it and libc adds to the real time.
//!
//! So everything in the process is deceived, as on such a machine: ours, apalis, and the standard library. How much it adds
//! stands in a file, and can be changed while the process runs.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const SOURCE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>

static volatile const int *ahead;

__attribute__((constructor)) static void look(void) {
    int file = open(AHEAD, O_RDONLY);
    void *page = file < 0 ? MAP_FAILED : mmap(0, sizeof(int), PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) ahead = page;
}

int clock_gettime(clockid_t clock, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = (int (*)(clockid_t, struct timespec *)) dlsym(RTLD_NEXT, "clock_gettime");
    int outcome = real(clock, at);
    if (outcome == 0 && clock == CLOCK_REALTIME && ahead) at->tv_sec += *ahead;
    return outcome;
}
"#;

/// The clock of one process's machine.
pub(super) struct WrongClock {
    /// Holds how many seconds it is ahead, as the machine writes an `int`.
    ahead: PathBuf,
    library: PathBuf,
}

impl WrongClock {
    /// Builds the library for the process `name` in `folder`. The linker that made this program can make it too.
    pub fn make(folder: &Path, name: &str, seconds: i32) -> Self {
        let [source, library, ahead] = ["c", "so", "ahead"].map(|end| folder.join(format!("clock-{name}.{end}")));
        fs::write(&source, SOURCE).expect("the folder takes files");
        let define = format!("-DAHEAD=\"{}\"", ahead.display());
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", &define, "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status();
        assert!(built.expect("a C compiler").success(), "{} is not built", library.display());
        let clock = Self { ahead, library };
        clock.set(seconds);
        clock
    }

    /// How many seconds it is ahead from now on; negative: behind.
    pub fn set(&self, seconds: i32) {
        // Not by `fs::write`, which would cut the file off under the process that looks at it.
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(&self.ahead);
        let written = file.and_then(|file| std::os::unix::fs::FileExt::write_all_at(&file, &seconds.to_ne_bytes(), 0));
        written.expect("the folder takes files");
    }

    /// The variable that makes a process believe it.
    pub fn variable(&self) -> (String, String) {
        ("LD_PRELOAD".to_owned(), self.library.display().to_string())
    }
}
