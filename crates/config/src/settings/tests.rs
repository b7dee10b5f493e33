//! What is read, what is refused, and that no value is repeated.

use super::*;

fn read(pairs: &[(&str, &str)]) -> Result<Config, Invalids> {
    let pairs: BTreeMap<_, _> = pairs.iter().copied().collect();
    Config::read(&|name| pairs.get(name).map(|value| (*value).to_owned()))
}

const KEY: (&str, &str) = ("APP_SECRET_KEY", "0123456789abcdef0123456789abcdef");
const REDIS: (&str, &str) = ("REDIS_URL", "redis://127.0.0.1");

#[test]
fn three_variables_are_enough() {
    let config = read(&[KEY, REDIS, ("DATABASE_URL", "postgres://b@localhost/b")]).unwrap();
    assert_eq!(config.http.port, 10_000);
    assert_eq!(config.summarizer.delay, Duration::from_secs(2));
    assert_eq!(config.engine.concurrency["ai"], 4);
}

#[test]
fn everything_wrong_is_told_at_once_and_no_value_is_repeated() {
    let wrong = read(&[("PORT", "hunter2"), ("APP_SECRET_KEY", "short"), ("JOB_LEASE", "1ms")]).unwrap_err();
    let names: Vec<_> = wrong.0.iter().map(|invalid| invalid.name).collect();
    assert_eq!(names, ["APP_SECRET_KEY", "DATABASE_URL", "REDIS_URL", "PORT", "JOB_LEASE"]);
    assert!(!wrong.to_string().contains("hunter2") && !wrong.to_string().contains("short"));
}

#[test]
fn what_no_part_could_work_with_is_told_together_by_name() {
    let wrong = read(&[
        KEY,
        ("DATABASE_URL", "postgres://[hunter2"),
        ("REDIS_URL", "redis://:::"),
        ("PUBLIC_URL", "http://"),
        ("CORS_ORIGINS", "*,https://a.example"),
        ("MAIL_SMTP_URL", "smtp://"),
        ("MAIL_FROM", "hunter2@"),
        ("GOOGLE_BOOKS_API_KEY", "hunter2\u{7}"),
        ("GOOGLE_API_KEY", "hunter2\n3"),
        ("SUMMARIZER_API_KEY", "hünter2"),
        ("RUST_LOG", "info,=hunter2"),
    ])
    .unwrap_err();
    let names: std::collections::BTreeSet<_> = wrong.0.iter().map(|invalid| invalid.name).collect();
    let told = [
        "CORS_ORIGINS",
        "DATABASE_URL",
        "GOOGLE_API_KEY",
        "GOOGLE_BOOKS_API_KEY",
        "MAIL_FROM",
        "MAIL_SMTP_URL",
        "PUBLIC_URL",
        "REDIS_URL",
        "RUST_LOG",
        "SUMMARIZER_API_KEY",
    ];
    assert_eq!(names, told.into());
    assert!(!wrong.to_string().contains("hunter2"), "{wrong}");
}

const DB: (&str, &str) = ("DATABASE_URL", "postgres://b@localhost/b");

#[test]
fn origins_are_listed_or_any_but_never_such_that_no_page_has() {
    for good in ["", "*", "https://a.example, http://localhost:3000"] {
        read(&[KEY, REDIS, DB, ("CORS_ORIGINS", good)]).unwrap_or_else(|wrong| panic!("{good}: {wrong}"));
    }
    for bad in ["*,https://a.example", "not an origin", "https://a.example/", "https://a.example,*"] {
        let wrong = read(&[KEY, REDIS, DB, ("CORS_ORIGINS", bad)]).unwrap_err();
        assert_eq!(wrong.0[0].name, "CORS_ORIGINS", "{bad}");
    }
}

#[test]
fn the_platform_s_address_stands_in_for_the_public_one() {
    let url = |extra: &[(&str, &str)]| read(&[&[KEY, REDIS, DB], extra].concat()).unwrap().public_url;
    let render = ("RENDER_EXTERNAL_URL", "https://b.onrender.com");
    assert_eq!(url(&[]), "http://127.0.0.1:10000");
    assert_eq!(url(&[render]), "https://b.onrender.com");
    assert_eq!(url(&[render, ("PUBLIC_URL", "https://books.example/")]), "https://books.example");
}

#[test]
fn an_installation_is_local_when_its_readers_and_its_database_are() {
    let local = |extra: &[(&str, &str)]| read(&[&[KEY, REDIS], extra].concat()).unwrap().is_local();
    assert!(local(&[DB]));
    assert!(!local(&[DB, ("PUBLIC_URL", "http://books.example")]));
    assert!(!local(&[("DATABASE_URL", "postgres://b@db.example/b")]));
}

#[test]
fn covers_need_the_secret_alone_and_the_vendor_s_own_variable_does_no_harm() {
    let cloud = ("CLOUDINARY_CLOUD_NAME", "c");
    let vendor = ("CLOUDINARY_URL", "cloudinary://key:secret@c");
    let config = read(&[KEY, REDIS, DB, cloud, vendor, ("CLOUDINARY_API_SECRET", "s")]).unwrap();
    assert_eq!(config.cloudinary.unwrap().delivery_url, "https://res.cloudinary.com");
    let wrong = read(&[KEY, REDIS, DB, cloud]).unwrap_err();
    assert_eq!(wrong.0[0].name, "CLOUDINARY_API_SECRET");
}

#[test]
fn webhooks_reach_listed_hosts_and_nothing_else_of_ours() {
    let hosts = |value| read(&[KEY, REDIS, DB, ("WEBHOOK_ALLOWED_HOSTS", value)]);
    assert!(hosts("").unwrap().schedules.webhook_allowed_hosts.is_empty());
    let listed = hosts("receiver, [fd00::7],10.0.0.7").unwrap().schedules.webhook_allowed_hosts;
    assert_eq!(listed, ["receiver", "fd00::7", "10.0.0.7"]);
    for wrong in ["http://receiver", "receiver:8080", "*", "a/b"] {
        assert_eq!(hosts(wrong).unwrap_err().0[0].name, "WEBHOOK_ALLOWED_HOSTS", "{wrong}");
    }
}

#[test]
fn the_database_can_be_given_in_parts() {
    let parts = [("DB_HOST_NAME", "db"), ("DB_NAME", "n"), ("DB_USERNAME", "u"), ("DB_PASSWORD", "p@s")];
    let config = read(&[&[KEY, REDIS], &parts[..]].concat()).unwrap();
    assert_eq!(config.database.url.expose(), "postgres://u:p%40s@db:5432/n");
}

#[test]
fn a_mail_password_does_not_belong_into_the_url() {
    let db = ("DATABASE_URL", "postgres://b@localhost/b");
    let wrong = read(&[KEY, REDIS, db, ("MAIL_SMTP_URL", "smtp://me:secret@mail:587")]).unwrap_err();
    assert_eq!(wrong.0[0].name, "MAIL_SMTP_URL");
}

/// What somebody may have written: something of the right shape, a part of it, or anything else.
fn written() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    prop_oneof![
        "\\PC{0,40}",
        "[a-z]{2,9}://([a-z0-9:%]{1,9}@)?[a-z0-9.\\[\\]:-]{0,20}(:[0-9]{0,6})?/?[a-z?=&%0-9]{0,12}",
        "-?[0-9]{1,24}(ms|s|m|h|d)?",
        "[a-z]{1,8}(=[a-z0-9]{1,6})?(,[a-z*.-]{1,8}){0,3}",
        Just("true".to_owned()),
        Just("*".to_owned()),
    ]
}

proptest::proptest! {
    #[test]
    fn any_settings_are_read_or_refused_by_name_without_repeating_a_value(
        given in proptest::collection::hash_map(0..crate::VARS.len(), written(), 0..12),
        marked in 0..crate::VARS.len(),
    ) {
        const MARK: &str = "zq7vx-not-to-be-repeated";
        let value = |name: &str| {
            let at = crate::VARS.iter().position(|var| var.name == name)?;
            if at == marked {
                return Some(format!("{}{MARK}", given.get(&at).map_or("", String::as_str)));
            }
            given.get(&at).cloned()
        };
        if let Err(wrong) = Config::read(&value) {
            proptest::prop_assert!(!wrong.0.is_empty());
            proptest::prop_assert!(!wrong.to_string().contains(MARK), "{}", wrong);
            let known = |name: &str| crate::VARS.iter().any(|var| var.name == name);
            proptest::prop_assert!(wrong.0.iter().all(|invalid| known(invalid.name)), "{}", wrong);
        }
    }
}
