//! Settings that are valid, but not what somebody who serves readers means: told once, at the start.

use config::{Config, MailTransport};

/// What to be careful about.
pub fn of(config: &Config) -> Vec<&'static str> {
    let public = config.public_url.starts_with("https://");
    let stays = matches!(config.mail.transport, MailTransport::Folder(_));
    let mail = (public && stays).then_some(
        "mail is written to files of this machine, so nobody receives a code and nobody can register; set MAIL_SMTP_URL",
    );
    mail.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cautions(public_url: &str, mail: &str) -> usize {
        let config = Config::read(&|name| {
            let value = match name {
                "APP_SECRET_KEY" => "0123456789abcdef0123456789abcdef",
                "DATABASE_URL" => "postgres://localhost/b",
                "REDIS_URL" => "redis://localhost",
                "PUBLIC_URL" => public_url,
                "MAIL_SMTP_URL" => mail,
                _ => return None,
            };
            Some(value.to_owned())
        });
        of(&config.unwrap()).len()
    }

    #[test]
    fn mail_that_stays_on_the_machine_is_told_where_there_are_readers() {
        assert_eq!(cautions("https://books.example", "file:mail"), 1);
        assert_eq!(cautions("https://books.example", "smtp://mail.example"), 0);
        assert_eq!(cautions("http://127.0.0.1:10000", "file:mail"), 0);
    }
}
