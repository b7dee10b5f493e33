//! Settings that are valid, but not fit for readers.

use config::{Config, Invalids, MailTransport, vars};

use super::finding::Finding;

/// What is wrong with each variable.
pub fn wrong(Invalids(wrong): &Invalids) -> Vec<Finding> {
    let finding = |name: &'static str, message: &str| {
        Finding::fail("configuration", format!("{name} {message}"), format!("correct {name}"))
    };
    wrong.iter().map(|wrong| finding(wrong.name, &wrong.message)).collect()
}

/// Looks at the settings alone.
pub fn check(config: &Config) -> Vec<Finding> {
    let mut findings = vec![Finding::ok("configuration", "every variable can be read")];
    if Some(config.secret_key.expose().as_str()) == vars::APP_SECRET_KEY.example {
        findings.push(Finding::warn(
            "secret key",
            "APP_SECRET_KEY is the example's",
            "set APP_SECRET_KEY to 32 or more random characters, the same for web and worker",
        ));
    }
    if let MailTransport::Folder(folder) = &config.mail.transport {
        findings.push(Finding::warn(
            "mail delivery",
            format!("mail is written to files in {}", folder.display()),
            "set MAIL_SMTP_URL and MAIL_FROM, so that readers get their codes",
        ));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Level;

    #[test]
    fn every_wrong_variable_is_a_failure_of_its_own() {
        let invalids = Config::read(&|name| (name == "PORT").then(|| "x".to_owned())).err().unwrap();
        let findings = wrong(&invalids);
        assert_eq!(findings.len(), invalids.0.len());
        assert!(findings.iter().all(|finding| finding.level == Level::Fail));
        let port = findings.iter().find(|finding| finding.found.starts_with("PORT must be"));
        assert_eq!(port.unwrap().todo.as_deref(), Some("correct PORT"));
    }
}
