//! What the user sees once everything runs: the address, the logins, and three lines to copy.

use serde::Deserialize;

use super::backing::Backing;
use super::settings::Settings;
use crate::failure::{Failure, Outcome};

/// A demo account, as `bookflow seed --json` prints it.
#[derive(Debug, Deserialize)]
pub struct Login {
    pub role: String,
    pub email: String,
    pub password: String,
}

/// The logins out of what `bookflow seed --json` printed.
pub fn logins(json: &str) -> Outcome<Vec<Login>> {
    #[derive(Deserialize)]
    struct Seeded {
        logins: Vec<Login>,
    }
    let seeded: Seeded = serde_json::from_str(json)
        .map_err(|error| Failure::said(format!("`bookflow seed --json` did not print the logins: {error}")))?;
    Ok(seeded.logins)
}

pub fn print(settings: &Settings, backing: &Backing, logins: &[Login]) {
    println!("\n{}", text(&settings.url(), &backing.environment(), logins));
}

fn text(url: &str, servers: &[(String, String)], logins: &[Login]) -> String {
    let mut lines = vec![format!("BookFlow      {url}   (API docs: {url}/docs)")];
    lines.extend(servers.iter().map(|(name, value)| format!("{name:13} {value}")));
    let width = logins.iter().map(|login| login.email.len()).max().unwrap_or(0);
    lines.extend(logins.iter().map(|login| format!("{:13} {:width$}   {}", login.role, login.email, login.password)));
    lines
        .push("\nThe operator's shell:\n\nset -a; . .dev/env; set +a; target/debug/bookflow schedules list".to_owned());
    if let Some(reader) = logins.iter().find(|login| login.role == "reader") {
        lines.push("\nLog in and keep the token; search; ask for a summary and read it:\n".to_owned());
        lines.extend(requests(url, reader));
    }
    lines.push(String::new());
    lines.join("\n")
}

/// Lines for a shell with nothing but curl and the usual text tools.
fn requests(url: &str, reader: &Login) -> [String; 3] {
    let (email, password) = (&reader.email, &reader.password);
    let body = format!(r#"{{"email":"{email}","password":"{password}"}}"#);
    let json = "-H 'content-type: application/json'";
    let token = r#"-H "authorization: Bearer $TOKEN""#;
    let first = |field: &str| format!(r#"grep -o '"{field}":"[^"]*' | head -1 | cut -d'"' -f4"#);
    [
        format!("TOKEN=$(curl -s {url}/api/v1/auth/login {json} -d '{body}' | {})", first("access_token")),
        format!("curl -s '{url}/api/v1/books?q=whale&limit=3' {token}; echo"),
        format!(
            "SUMMARY={url}/api/v1/books/$(curl -s '{url}/api/v1/books?q=whale&limit=1' {token} | {})/summary; \
             curl -s -X POST $SUMMARY {token}; echo; \
             for i in $(seq 30); do curl -s -w '\\n%{{http_code}}\\n' $SUMMARY {token} | grep -B1 '^200$' && break; sleep 1; done",
            first("id")
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_logins_and_three_requests_are_shown() {
        let json = r#"{"logins":[{"role":"reader","email":"r@x.test","password":"one"},
            {"role":"operator","email":"o@x.test","password":"two"},{"role":"admin","email":"a@x.test","password":"three"}]}"#;
        let shown = text("http://127.0.0.1:1", &[], &logins(json).unwrap());
        for word in ["r@x.test   one", "o@x.test   two", "a@x.test   three", "TOKEN=$(curl", "books?q=", "-X POST"] {
            assert!(shown.contains(word), "{word} in {shown}");
        }
        assert!(logins("").is_err());
    }
}
