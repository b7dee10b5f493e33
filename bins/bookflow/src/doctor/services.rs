//! The services behind us, and our own processes.

use std::collections::BTreeSet;

use app::Parts;

use super::finding::Finding;

/// Looks at mail, the engines that are configured, and who is alive.
pub async fn check(parts: &Parts) -> Vec<Finding> {
    let mut findings = vec![
        mail(parts).await,
        Finding::ok("summariser", parts.books.summariser().name()),
        Finding::ok("catalogue", parts.books.catalogue()),
    ];
    findings.extend(alive(parts).await);
    findings
}

async fn mail(parts: &Parts) -> Finding {
    match parts.gateways.mail.probe().await {
        Ok(()) => Finding::ok("mail", "can leave"),
        Err(problem) => Finding::fail(
            "mail",
            problem.to_string(),
            "correct MAIL_SMTP_URL and MAIL_SMTP_PASSWORD, or see whether the server is up",
        ),
    }
}

async fn alive(parts: &Parts) -> Vec<Finding> {
    let Ok(alive) = jobs::alive(&parts.db).await else {
        return vec![Finding::fail("processes", "cannot be read", "see postgres and schema above")];
    };
    let mut findings: Vec<_> = [("web", "nobody answers requests"), ("worker", "jobs wait")]
        .into_iter()
        .map(|(role, meaning)| {
            let count = alive.iter().filter(|process| process.role == role).count();
            match count {
                0 => Finding::warn(role, format!("none is alive: {meaning}"), format!("start {role}")),
                count => Finding::ok(role, format!("{count} alive")),
            }
        })
        .collect();
    let running: BTreeSet<_> = alive.iter().map(|process| process.version.as_str()).collect();
    findings.push(versions(&running));
    findings
}

/// During a deploy two versions run side by side; after it, one was forgotten.
fn versions(running: &BTreeSet<&str>) -> Finding {
    let named = running.iter().copied().collect::<Vec<_>>().join(", ");
    match running.len() {
        0 => Finding::ok("versions", format!("this program is {}", app::VERSION)),
        1 if running.contains(app::VERSION) => Finding::ok("versions", format!("all are {named}")),
        1 => Finding::warn(
            "versions",
            format!("the processes are {named}, this program is {}", app::VERSION),
            "use the bookflow of the same build as the processes",
        ),
        _ => Finding::warn(
            "versions",
            format!("the processes differ: {named}"),
            "finish the deploy: restart the processes of the older version",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;

    #[test]
    fn processes_of_different_versions_are_noticed() {
        let level = |running: &[&str]| versions(&running.iter().copied().collect()).level;
        assert_eq!((level(&[]), level(&[app::VERSION])), (Level::Ok, Level::Ok));
        assert_eq!((level(&["0.0.1"]), level(&["0.0.1", app::VERSION])), (Level::Warn, Level::Warn));
    }
}
