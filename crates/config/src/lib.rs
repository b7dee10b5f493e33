//! Every environment variable, declared once. The only reader of the environment.

mod parse;
mod read;
mod settings;
pub mod shape;
pub mod vars;

pub use read::{Invalid, Invalids};
pub use settings::{
    Accounts, Catalogue, Cloudinary, Config, Database, Engine, Http, LogFormat, Mail, MailTransport, Redis, Schedules,
    Summarizer, Telemetry,
};
pub use vars::{VARS, Var};

/// Reads `.env` (if there is one) and the environment; the environment wins.
///
/// # Errors
/// Every variable that is missing or wrong, all at once, by name.
pub fn load() -> Result<Config, Invalids> {
    load_dotenv()?;
    #[allow(clippy::disallowed_methods)] // the one reader of the environment
    Config::read(&|name| std::env::var(name).ok())
}

fn load_dotenv() -> Result<(), Invalids> {
    match dotenvy::dotenv() {
        Err(error) if !error.not_found() => {
            Err(Invalids(vec![Invalid { name: ".env", message: format!("cannot be read: {}", dotenv_words(&error)) }]))
        }
        _ => Ok(()),
    }
}

/// What is wrong with `.env`, without repeating the line: it may hold a secret.
fn dotenv_words(error: &dotenvy::Error) -> String {
    match error {
        dotenvy::Error::LineParse(_, at) => format!("a line is not NAME=value (column {at})"),
        dotenvy::Error::Io(error) => error.to_string(),
        _ => "it is not a list of NAME=value lines".to_owned(),
    }
}
