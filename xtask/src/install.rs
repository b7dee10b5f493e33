//! Servers that are needed and not there.

use servers::Program;

use crate::failure::Outcome;

/// Installs those of `programs` that are missing, saying so: it can take a minute.
pub fn missing(programs: &[Program]) -> Outcome {
    let missing: Vec<Program> = programs.iter().copied().filter(|program| !program.is_installed()).collect();
    for program in &missing {
        eprintln!("── {} is not installed: installing it", program.name());
    }
    Ok(servers::install(&missing)?)
}
