//! The mails as they are sent.

use std::{fs, path::PathBuf, time::Duration};

use chrono::NaiveDate;
use gateways::problems::MAIL_REFUSED;
use kernel::Secret;

use super::*;

const URL: &str = "https://books.example.org";
const KEY: Uuid = Uuid::from_u128(7);

fn code() -> Secret {
    Secret::new("012345".to_owned())
}

fn every_template() -> Vec<Template> {
    let valid_for = Duration::from_secs(600);
    vec![
        Template::VerificationCode { code: code(), valid_for },
        Template::PasswordResetCode { code: code(), valid_for },
        Template::TrialStarted { plan: "basic".to_owned(), until: NaiveDate::from_ymd_opt(2026, 12, 3).unwrap() },
    ]
}

/// A mailer that writes to a folder of its own.
fn mailer() -> (Mailer, PathBuf) {
    let folder = std::env::temp_dir().join(format!("bookflow-notify-{}", Uuid::now_v7()));
    let transport = config::MailTransport::Folder(folder.clone());
    let settings = config::Mail { transport, from: "BookFlow <no-reply@bookflow.invalid>".to_owned() };
    (Mailer { smtp: Smtp::new(&settings).unwrap(), public_url: URL.to_owned() }, folder)
}

#[test]
fn the_text_of_a_verification_mail() {
    let letter = every_template().remove(0).letter();
    assert_eq!(letter.subject, "Confirm your address");
    let expected = "Welcome to BookFlow. Enter this code to confirm your address:\n\n    012345\n\n\
        It is valid for 10 minutes. If you did not register, ignore this mail.\n\n\
        -- \nThis mail was sent by BookFlow.\nhttps://books.example.org\n";
    assert_eq!(letter.text(URL), expected);
}

#[test]
fn every_mail_says_the_same_as_text_and_as_a_page() {
    let telling = [
        vec!["012345", "10 minutes", "confirm your address"],
        vec!["012345", "10 minutes", "new password", "stays as it is"],
        vec!["basic plan", "until 3 December 2026", "nothing to cancel"],
    ];
    for (template, words) in every_template().into_iter().zip(telling) {
        let letter = template.letter();
        let (text, html) = (letter.text(URL), letter.html(URL));
        for word in words.into_iter().chain([URL]) {
            assert!(text.contains(word) && html.contains(word), "{word} in {text} and {html}");
        }
        assert!(html.contains(&format!("<title>{}</title>", letter.subject)));
    }
}

#[test]
fn a_code_is_neither_in_the_subject_nor_in_debug_output() {
    for template in every_template() {
        assert!(!format!("{template:?}").contains("012345") && !template.letter().subject.contains("012345"));
    }
}

#[test]
fn what_others_wrote_is_escaped_in_the_page() {
    let evil = "<script>alert('x')</script> & \"Co\"".to_owned();
    let letters = [
        Template::TrialStarted { plan: evil.clone(), until: NaiveDate::MIN }.letter(),
        Template::VerificationCode { code: Secret::new(evil.clone()), valid_for: Duration::ZERO }.letter(),
    ];
    for letter in letters {
        let html = letter.html("https://x.example/\"><script>");
        assert!(!html.contains("<script>"), "{html}");
        assert!(html.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;Co&quot;"), "{html}");
        assert!(html.contains("href=\"https://x.example/&quot;&gt;&lt;script&gt;\""), "{html}");
    }
}

#[test]
fn validity_never_promises_too_much() {
    let told = |seconds| {
        let valid_for = Duration::from_secs(seconds);
        Template::PasswordResetCode { code: code(), valid_for }.letter().text(URL)
    };
    for (seconds, words) in [(59, "59 seconds."), (60, "1 minute."), (119, "1 minute."), (600, "10 minutes.")] {
        assert!(told(seconds).contains(&format!("valid for {words}")), "{seconds}: {}", told(seconds));
    }
}

#[tokio::test]
async fn a_delivered_mail_has_both_forms_and_the_key_of_its_job() {
    let (mailer, folder) = mailer();
    for _ in 0..2 {
        mailer.deliver("jo@example.org", every_template().remove(0), KEY).await.unwrap();
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "sent twice, one mail");
    let mail = fs::read_to_string(folder.join(format!("{KEY}.eml"))).unwrap();
    for part in ["To: jo@example.org\r\n", "Subject: Confirm your address\r\n", "text/plain", "text/html", "    012345"]
    {
        assert!(mail.contains(part), "{part} in {mail}");
    }
    assert!(mail.contains(&format!("Message-ID: <{KEY}@bookflow.invalid>")));
    fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn no_header_can_be_injected_by_an_address_or_a_subject() {
    let (mailer, folder) = mailer();
    let problem =
        mailer.deliver("jo@example.org\r\nBcc: all@x.org", every_template().remove(2), KEY).await.unwrap_err();
    assert!(problem.is(&MAIL_REFUSED) && !problem.to_string().contains("jo@"), "{problem}");
    let trial = Template::TrialStarted { plan: "x\r\nBcc: all@example.org\n\nbody".to_owned(), until: NaiveDate::MIN };
    mailer.deliver("jo@example.org", trial, KEY).await.unwrap();
    let mail = fs::read_to_string(folder.join(format!("{KEY}.eml"))).unwrap();
    let headers = mail.split("\r\n\r\n").next().unwrap();
    assert!(headers.contains("Subject: Your x Bcc: all@example.org body trial has started\r\n"), "{headers}");
    assert!(!headers.lines().any(|line| line.starts_with("Bcc")), "{headers}");
    fs::remove_dir_all(folder).unwrap();
}
