//! `bookflow doctor`: looks at everything the processes need, and says what to do about what is wrong.

mod finding;
mod postgres;
mod redis;
mod services;
mod settings;

use std::process::ExitCode;

use app::exit;
use config::Invalids;
use kernel::Result;

use self::finding::{Finding, Level};
use crate::{
    output::{Output, table},
    session::Session,
};

/// Runs all checks; exit code 1 when one of them failed, 78 when it is the configuration.
pub async fn run(session: &Session) -> Result<ExitCode> {
    let parts = &session.parts;
    let mut findings = settings::check(&parts.config);
    findings.extend(postgres::check(parts).await);
    findings.extend(redis::check(parts).await);
    findings.extend(services::check(parts).await);
    session.output.print(&findings, |findings| report(findings))?;
    let failed = findings.iter().any(|finding| finding.level == Level::Fail);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Wrong settings are findings too; nothing else can be looked at then.
pub fn misconfigured(invalids: &Invalids, output: Output) -> Result<ExitCode> {
    output.print(&settings::wrong(invalids), |findings| report(findings))?;
    Ok(ExitCode::from(exit::EX_CONFIG))
}

fn report(findings: &[Finding]) -> String {
    let rows: Vec<_> = findings.iter().map(Finding::row).collect();
    let advice = findings.iter().filter_map(Finding::advice);
    let mut text = table(["", "CHECK", "FOUND"], &rows);
    let advice: Vec<_> = advice.collect();
    if !advice.is_empty() {
        text.push_str("\n\nWhat to do:\n");
        text.push_str(&advice.join("\n"));
    }
    text
}
