//! What phrases become, what is refused, and that every phrase of the grammar means what it says.

mod meaning;

use super::Phrase;

fn read(text: &str) -> Phrase {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn phrases_become_cron_expressions() {
    let weekday_quarters = ["*/15 9-16 * * MON-FRI", "0 17 * * MON-FRI"];
    for (text, expressions) in [
        ("every minute", &["* * * * *"][..]),
        ("every 15 minutes", &["*/15 * * * *"]),
        ("every fifteen minutes", &["*/15 * * * *"]),
        ("every 60 minutes", &["0 * * * *"]),
        ("every hour", &["0 * * * *"]),
        ("Hourly", &["0 * * * *"]),
        ("every 2 hours", &["0 */2 * * *"]),
        ("every 24 hours", &["0 0 * * *"]),
        ("every 6 hours on weekends", &["0 */6 * * SAT,SUN"]),
        ("every day at 9am", &["0 9 * * *"]),
        ("daily at 02:00", &["0 2 * * *"]),
        ("daily", &["0 0 * * *"]),
        ("at noon", &["0 12 * * *"]),
        ("at midnight", &["0 0 * * *"]),
        ("at 9 am on weekdays", &["0 9 * * MON-FRI"]),
        ("at 12am and 12pm every day", &["0 0,12 * * *"]),
        ("  Every   WEEKDAY at 9AM ", &["0 9 * * MON-FRI"]),
        ("weekdays at 9:30", &["30 9 * * MON-FRI"]),
        ("every weekend at 10:30", &["30 10 * * SAT,SUN"]),
        ("every monday and thursday at 18:00", &["0 18 * * MON,THU"]),
        ("every monday at 9am and 5pm", &["0 9,17 * * MON"]),
        ("every mon, wed, and fri at 9:15am and at 17:45", &["15 9 * * MON,WED,FRI", "45 17 * * MON,WED,FRI"]),
        ("monday to friday at noon", &["0 12 * * MON-FRI"]),
        ("every fri-mon at noon", &["0 12 * * MON,FRI,SAT,SUN"]),
        ("on sundays", &["0 0 * * SUN"]),
        ("weekly", &["0 0 * * SUN"]),
        ("weekly on tuesday at 8am", &["0 8 * * TUE"]),
        ("monthly", &["0 0 1 * *"]),
        ("monthly on the 15th at 8am", &["0 8 15 * *"]),
        ("on the 1st of every month at 8am", &["0 8 1 * *"]),
        ("on the 1st and the 15th of the month at 8am", &["0 8 1,15 * *"]),
        ("on the first and last day of every month", &["0 0 1,L * *"]),
        ("on the last day of every month at 23:00", &["0 23 L * *"]),
        ("on the first weekday of every month at 7am", &["0 7 1W * *"]),
        ("on the last weekday of every month at 7am", &["0 7 LW * *"]),
        ("on the first monday of every month at 9am", &["0 9 * * MON#1"]),
        ("every second and last friday of the month at 9am", &["0 9 * * FRI#2,FRIL"]),
        ("every second monday of the month", &["0 0 * * MON#2"]),
        ("on the 1st of january, april, july and october at 6am", &["0 6 1 JAN,APR,JUL,OCT *"]),
        ("every weekday every 15 minutes between 9am and 5pm", &weekday_quarters),
        ("every 15 minutes from 9am to 5pm on weekdays", &weekday_quarters),
        ("every weekday, every 15 minutes between 9:00 and 17:00", &weekday_quarters),
        ("every 2 hours between 9am and 5pm", &["0 9-17/2 * * *"]),
        ("every 20 minutes between 9:10 and 11:00", &["10/20 9-10 * * *"]),
        ("every hour between 10pm and 2am", &["0 0,1,2,22,23 * * *"]),
        ("every minute between 9am and 10am", &["* 9 * * *", "0 10 * * *"]),
        ("every year on 25 december at 9am", &["0 9 25 DEC *"]),
        ("yearly on december 24th and 1 jan at noon", &["0 12 1 JAN *", "0 12 24 DEC *"]),
        ("on the 25th of december at 9am", &["0 9 25 DEC *"]),
        ("on 29 february", &["0 0 29 FEB *"]),
        ("yearly", &["0 0 1 JAN *"]),
    ] {
        let phrase = read(text);
        assert_eq!(
            (phrase.expressions.as_slice(), phrase.zone),
            (&expressions.iter().map(ToString::to_string).collect::<Vec<_>>()[..], None),
            "{text}"
        );
    }
    let zoned = |text: &str| read(text).zone.unwrap().name();
    assert_eq!(zoned("daily at 9am in Europe/Berlin"), "Europe/Berlin");
    assert_eq!(zoned("every weekday at 9am in america/new_york"), "America/New_York");
    assert_eq!(zoned("hourly in utc"), "UTC");
}

#[test]
fn what_is_not_understood_is_said_with_phrases_that_are() {
    for (text, what, suggestion) in [
        ("", "is empty", "every weekday at 9am"),
        ("every 7 minutes", "7 does not divide 60", "every 6 minutes"),
        ("every 7 minutes", "7 does not divide 60", "every 10 minutes"),
        ("every 5 hours on weekdays", "5 does not divide 24", "every 6 hours on weekdays"),
        ("every 90 minutes", "90 does not divide 60", "every hour"),
        ("every 0 minutes", "0 does not divide 60", "every 2 minutes"),
        ("every 30 seconds", "shorter than a minute", "every minute"),
        ("every other day", "\"every other\", which cron cannot keep", "every day at 9am"),
        ("every second tuesday at 9am", "cannot keep", "every day at 9am"),
        ("every 2 weeks on monday", "\"every 2 weeks\"", "every day at 9am"),
        ("every 3 months", "name the months", "every month on the 1st"),
        ("every 15 mins", "\"every 15 mins\", which is not understood", "every 15 minutes"),
        ("daily at 25:00", "\"25:00\" where a time of day", "daily at 9am"),
        ("daily at 24:00", "\"24:00\" where", "daily at midnight"),
        ("daily at 9", "\"9\" where a time of day", "daily at 9am"),
        ("daily at 9", "\"9\" where a time of day", "daily at 9pm"),
        ("daily at 13pm", "\"13pm\"", "daily at 9am"),
        ("daily at 13 pm", "\"13\"", "daily at 13:00"),
        ("daily at 9.30", "\"9.30\"", "daily at 9am"),
        ("every mondy at 9am", "\"mondy\" where a day", "every monday at 9am"),
        ("evry weekday at 9am", "\"evry\"", "every weekday at 9am"),
        ("evry mondya at 9am", "\"evry\"", "every monday at 9am"),
        ("every monday at", "ends where a time of day", "every monday at 9am"),
        ("every monday and", "has \"and\"", "every monday"),
        ("on the first monday at 9am", "\"at\" where \"of\"", "on the first monday of every month at 9am"),
        ("on the last of every month", "\"of\" where \"day\"", "on the last day of every month"),
        ("on the 31st of february", "a date that no year has", "every weekday at 9am"),
        ("on 31 april", "names day 31 of a month that has 30", "every weekday at 9am"),
        ("on the sixth monday of every month", "\"sixth\"", "on the fifth monday of every month"),
        ("on the 6th monday of every month", "a month has five at most", "every weekday at 9am"),
        ("on the second weekday of every month", "only \"the first weekday\"", "every weekday at 9am"),
        ("every hour between 10pm and 2am on mondays", "over midnight on some days only", "every weekday at 9am"),
        ("every hour between 9am and 9am", "ends when it begins", "every hour between 9am and 5pm"),
        ("every day at 9am every day", "has \"every\", which is not understood there", "every day at 9am"),
        ("every 15 minutes on the 1st", "\"on\" where", "every 15 minutes"),
        ("daily at 9am in Europe/Berln", "did you mean Europe/Berlin?", "daily at 9am in Europe/Berlin"),
        ("daily at 9am in new york", "did you mean America/New_York?", "daily at 9am in America/New_York"),
        ("daily at 9am in", "a time zone must follow", "daily at 9am in UTC"),
        ("daily at 9am in the morning", "is not an IANA time zone", "daily at 9am in UTC"),
        ("when the moon is full", "\"when\" where a day", "every weekday at 9am"),
    ] {
        let error = text.parse::<Phrase>().expect_err(text);
        assert!(error.to_string().contains(what), "{text}: {error}");
        assert!(error.suggestions().iter().any(|text| text == suggestion), "{text}: {error}");
        assert!((1..=3).contains(&error.suggestions().len()), "{text}: {error}");
        error.suggestions().iter().for_each(|text| drop(read(text)));
    }
    assert!("every day ".repeat(40).parse::<Phrase>().unwrap_err().to_string().contains("longer than 256"));
    let many = format!("every day at {}", (0..21).map(|n| format!("{n}:{:02}", n + 1)).collect::<Vec<_>>().join(", "));
    assert!(many.parse::<Phrase>().unwrap_err().to_string().contains("more than 20 cron expressions"));
}
