//! The mails we write, and the one way to deliver them.
//!
//! There is no job here: each domain declares its own mail jobs, whose arguments hold ids only. Such a job loads the
//! address when it runs and calls [`Mailer::deliver`] with its execution id as the message's key, so that an attempt
//! after a crash sends the same message again and not another one.

mod layout;
mod template;

use config::Config;
use gateways::{
    Gateways,
    smtp::{Mail, Smtp},
};
use kernel::Result;
use uuid::Uuid;

pub use template::Template;

/// Renders mails and hands them over. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    smtp: Smtp,
    public_url: String,
}

impl Mailer {
    /// A mailer whose mails name `config.public_url` as the place they come from.
    pub fn new(config: &Config, gateways: &Gateways) -> Self {
        Self { smtp: gateways.mail.clone(), public_url: config.public_url.clone() }
    }

    /// Sends `template` to the bare address `to`. The same `message_key` names the same message.
    ///
    /// # Errors
    /// `mail-refused` when this mail can never be delivered, else the transient upstream kinds of [`gateways::problems`].
    pub async fn deliver(&self, to: &str, template: Template, message_key: Uuid) -> Result<()> {
        let letter = template.letter();
        let (text, html) = (letter.text(&self.public_url), letter.html(&self.public_url));
        let mail = Mail { to, subject: &letter.subject, text: &text, html: Some(&html), message_key };
        self.smtp.send(&mail).await
    }
}

#[cfg(test)]
mod tests;
