//! Text to values: durations, ports, lists.

use std::{fmt::Write, time::Duration};

/// `500ms`, `2s`, `5m`, `1h`, `30d`, or a bare number of seconds.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let wrong = || "must be a duration such as 500ms, 2s, 5m, 1h or 30d".to_owned();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let millis_per_unit = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(millis_per_unit).map(Duration::from_millis).ok_or_else(wrong)
}

/// Comma-separated, trimmed, empty entries dropped.
pub fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Percent-encodes what may not stand in a URL's user or password (RFC 3986 §3.2.1).
pub fn userinfo(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2"), Ok(Duration::from_secs(2)));
        assert_eq!(duration("30d"), Ok(Duration::from_secs(30 * 86_400)));
        for wrong in ["", "s", "2 s", "1.5s", "-1s", "99999999999999999999s", "9999999999999999d"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_password_survives_the_url() {
        assert_eq!(userinfo("p@ss/wörd"), "p%40ss%2Fw%C3%B6rd");
    }

    proptest! {
        #[test]
        fn a_duration_is_read_in_every_unit_or_refused(number in any::<u64>(), text in "\\PC{0,20}") {
            for (unit, millis) in [("ms", 1), ("s", 1_000), ("", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)] {
                let read = duration(&format!("{number}{unit}"));
                prop_assert_eq!(read.ok(), number.checked_mul(millis).map(Duration::from_millis));
            }
            prop_assert!(duration(&text).is_err() || text.starts_with(|c: char| c.is_ascii_digit()));
        }

        #[test]
        fn what_is_put_into_a_url_s_user_ends_there(text in "\\PC{0,30}") {
            let encoded = userinfo(&text);
            prop_assert!(encoded.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)), "{}", encoded);
        }
    }
}
