//! The mails that the application put into its folder.

use std::{fs, path::Path};

/// A mail as its reader gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The recipient's address.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The alternative in plain text.
    pub text: String,
}

impl Mail {
    /// The one-time code in it.
    pub fn code(&self) -> Option<String> {
        let is_code = |word: &&str| word.len() == 6 && word.bytes().all(|byte| byte.is_ascii_digit());
        self.text.split_whitespace().find(is_code).map(str::to_owned)
    }

    fn parse(mail: &str) -> Self {
        let mail = mail.replace("\r\n", "\n");
        let (headers, body) = mail.split_once("\n\n").expect("headers, a blank line, a body");
        let boundary = header(headers, "Content-Type").and_then(|value| value.split('"').nth(1).map(str::to_owned));
        let text = match boundary {
            None => decoded(headers, body),
            Some(boundary) => {
                let separator = format!("--{boundary}");
                let parts = body.split(&separator).filter_map(|part| part.trim_start().split_once("\n\n"));
                let mut plain = parts.filter(|(headers, _)| headers.contains("text/plain"));
                plain.next().map(|(headers, body)| decoded(headers, body)).expect("a plain text")
            }
        };
        let wanted = |name: &str| header(headers, name).unwrap_or_else(|| panic!("no {name} in {headers}"));
        Self { to: wanted("To"), subject: wanted("Subject"), text }
    }
}

/// Every mail in `folder`, in the order in which their jobs were enqueued: files are named after executions.
pub(crate) fn read(folder: &Path) -> Vec<Mail> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "eml")).collect();
    files.sort();
    files.iter().map(|file| Mail::parse(&fs::read_to_string(file).expect("a whole mail"))).collect()
}

/// The value of a header; continued lines are joined.
fn header(headers: &str, name: &str) -> Option<String> {
    let joined = headers.replace("\n ", " ").replace("\n\t", " ");
    let prefix = format!("{}:", name.to_lowercase());
    let line = joined.lines().find(|line| line.to_lowercase().starts_with(&prefix))?;
    Some(line[prefix.len()..].trim().to_owned())
}

fn decoded(headers: &str, body: &str) -> String {
    match header(headers, "Content-Transfer-Encoding").as_deref() {
        Some("quoted-printable") => unquoted(body),
        None | Some("7bit" | "8bit") => body.to_owned(),
        Some(other) => panic!("mails in {other} are not read here"),
    }
}

/// Quoted-printable (RFC 2045 §6.7).
fn unquoted(text: &str) -> String {
    let text = text.replace("=\n", "");
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = after.get(..2).filter(|_| *first == b'=');
        let byte = hex.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8(bytes).expect("UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_part_is_decoded_and_its_code_found() {
        let mail = "To: jo@example.org\r\nSubject: A\r\n long one\r\nContent-Type: multipart/alternative;\r\n boundary=\"b\"\r\n\r\n\
            --b\r\nContent-Type: text/html\r\n\r\n<b>1</b>\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\
            Content-Transfer-Encoding: quoted-printable\r\n\r\nCaf=C3=A9 12345 soft=\r\n line\r\n    012345\r\n--b--\r\n";
        let mail = Mail::parse(mail);
        assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("jo@example.org", "A long one"));
        assert!(mail.text.starts_with("Café 12345 soft line\n"), "{}", mail.text);
        assert_eq!(mail.code().as_deref(), Some("012345"));
    }
}
