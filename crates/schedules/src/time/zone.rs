//! Time zones by their IANA names.

use std::{error::Error, fmt, str::FromStr};

use chrono_tz::{TZ_VARIANTS, Tz};
use serde::{Deserialize, Serialize};

/// An IANA time zone, such as `Europe/Berlin`. Names are case-sensitive; aliases are kept as they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Zone(pub(super) Tz);

impl Zone {
    /// Coordinated universal time, which never changes its clock.
    pub const UTC: Self = Self(Tz::UTC);

    /// The IANA name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(name: &str) -> Result<Self, ZoneError> {
        name.parse().map(Self).map_err(|_| ZoneError { name: name.to_owned(), suggestion: suggest(name) })
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Zone {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A name that is not a time zone. Its text can be shown to the user as the message of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneError {
    name: String,
    suggestion: Option<&'static str>,
}

impl ZoneError {
    /// The time zone that was probably meant.
    pub fn suggestion(&self) -> Option<&'static str> {
        self.suggestion
    }
}

impl fmt::Display for ZoneError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name: String = self.name.chars().take(LONGEST).collect();
        write!(f, "\"{name}\" is not an IANA time zone; ")?;
        match self.suggestion {
            Some(suggestion) => write!(f, "did you mean {suggestion}?"),
            None => f.write_str("use a name such as Europe/Berlin or UTC"),
        }
    }
}

impl Error for ZoneError {}

/// Longer than any zone's name.
const LONGEST: usize = 40;

/// The zone that differs only in case or blanks, or is in that city, or is spelled nearly so.
fn suggest(name: &str) -> Option<&'static str> {
    let name = name.trim().replace(' ', "_");
    if name.is_empty() || name.len() > LONGEST {
        return None;
    }
    let names = || TZ_VARIANTS.iter().map(|zone| zone.name());
    let city = |zone: &str| zone.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&name));
    names().find(|zone| zone.eq_ignore_ascii_case(&name)).or_else(|| names().find(|zone| city(zone))).or_else(|| {
        // It takes at least as many edits as the lengths differ by.
        let near = names().filter(|zone| zone.len().abs_diff(name.len()) <= 3);
        let nearest = near.map(|zone| (edits(zone, &name), zone)).min()?;
        (nearest.0 <= 3 && nearest.0 * 4 <= name.len()).then_some(nearest.1)
    })
}

/// How many letters must be put in, left out or replaced to turn one name into the other.
pub(super) fn edits(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in other.bytes().enumerate() {
            let replaced = diagonal + usize::from(!a.eq_ignore_ascii_case(&b));
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}
