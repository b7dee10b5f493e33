//! Mail: into a folder, one file each, or to an SMTP server.

mod compose;
mod server;

use std::{path::Path, path::PathBuf, sync::Arc};

use config::MailTransport;
use kernel::{Problem, Result};
use lettre::message::Mailbox;
use tokio::fs;
use uuid::Uuid;

use server::Server;

/// One mail to one person.
#[derive(Clone, Copy)]
pub struct Mail<'a> {
    /// The recipient's bare address.
    pub to: &'a str,
    /// One line; control characters become spaces.
    pub subject: &'a str,
    /// The text, for every reader.
    pub text: &'a str,
    /// The same as a page, for readers that show one.
    pub html: Option<&'a str>,
    /// Names this mail: the same key gives the same `Message-ID` and the same file, however often it is sent.
    pub message_key: Uuid,
}

/// The way out for mail. Cheap to clone; connections are kept and shared.
#[derive(Clone)]
pub struct Smtp(Arc<Inner>);

struct Inner {
    from: Mailbox,
    way: Way,
}

enum Way {
    Folder(PathBuf),
    Server(Box<Server>),
}

impl Smtp {
    /// Reads the settings. Nothing is contacted yet.
    ///
    /// # Errors
    /// `internal-error` for a sender or a URL that cannot be read.
    pub fn new(settings: &config::Mail) -> Result<Self> {
        let from = settings.from.parse().map_err(|_| Problem::internal("MAIL_FROM is not a mail address"))?;
        let way = match &settings.transport {
            MailTransport::Folder(folder) => Way::Folder(folder.clone()),
            MailTransport::Smtp { url, password } => Way::Server(Box::new(Server::parse(url, password.as_ref())?)),
        };
        Ok(Self(Arc::new(Inner { from, way })))
    }

    /// Hands `mail` over. Takes up to 55 seconds; a connection that fails is tried again, a mail that was begun is not:
    /// it may have arrived.
    ///
    /// # Errors
    /// `mail-refused` when this mail can never be delivered, else the transient upstream kinds of [`crate::problems`].
    pub async fn send(&self, mail: &Mail<'_>) -> Result<()> {
        let message = compose::message(&self.0.from, mail)?;
        match &self.0.way {
            Way::Folder(folder) => put(folder, &mail.message_key.to_string(), &message.formatted()).await,
            Way::Server(server) => server.send(message.envelope(), &message.formatted()).await,
        }
    }

    /// Whether mail could leave now: the folder can be written, or the server lets us in.
    ///
    /// # Errors
    /// `internal-error` for the folder, the transient upstream kinds of [`crate::problems`] for the server.
    pub async fn probe(&self) -> Result<()> {
        match &self.0.way {
            Way::Folder(folder) => {
                put(folder, "probe", b"").await?;
                Ok(fs::remove_file(folder.join("probe.eml")).await?)
            }
            Way::Server(server) => server.probe().await,
        }
    }
}

/// Writes `{name}.eml`, whole or not at all, over an earlier one.
async fn put(folder: &Path, name: &str, bytes: &[u8]) -> Result<()> {
    let unfinished = folder.join(format!("{name}.part"));
    fs::create_dir_all(folder).await?;
    fs::write(&unfinished, bytes).await?;
    Ok(fs::rename(&unfinished, folder.join(format!("{name}.eml"))).await?)
}

#[cfg(test)]
mod tests;
