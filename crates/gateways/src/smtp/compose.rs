//! A mail as it goes over the wire.

use kernel::{Problem, Result};
use lettre::{
    Address, Message,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{HeaderName, HeaderValue},
    },
};

use super::Mail;
use crate::problems::MAIL_REFUSED;

/// Builds the message; every header is encoded or made of our own words.
pub(super) fn message(from: &Mailbox, mail: &Mail<'_>) -> Result<Message> {
    let to: Address =
        mail.to.parse().map_err(|_| Problem::new(&MAIL_REFUSED).detail("The recipient is not a mail address."))?;
    let headers = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(one_line(mail.subject))
        .message_id(Some(format!("<{}@{}>", mail.message_key, from.email.domain())))
        // RFC 3834: nobody's holiday notice shall answer this; the second says the same to Exchange.
        .raw_header(fixed(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated"))
        .raw_header(fixed(HeaderName::new_from_ascii_str("X-Auto-Response-Suppress"), "All"));
    let text = mail.text.to_owned();
    let built = match mail.html {
        Some(html) => headers.multipart(MultiPart::alternative_plain_html(text, html.to_owned())),
        None => headers.singlepart(SinglePart::plain(text)),
    };
    Ok(built?)
}

fn fixed(name: HeaderName, value: &str) -> HeaderValue {
    HeaderValue::new(name, value.to_owned())
}

/// Without line breaks and other control characters, which could start a header of their own.
fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_control() || c.is_whitespace())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}
