//! Cursor pages: what every list answers with.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Datelike, Utc};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Problem, kinds};

/// The page size when none is asked for.
pub const DEFAULT_LIMIT: u64 = 50;
/// The largest page size.
pub const MAX_LIMIT: u64 = 200;

/// One page of a list.
#[derive(Clone, Debug, Serialize)]
pub struct Page<T> {
    /// At most `limit` items.
    pub items: Vec<T>,
    /// Pass it back as `cursor` for the next page; `null` on the last one.
    pub next_cursor: Option<String>,
}

impl<T> Page<T> {
    /// Cuts a list that was fetched with `limit + 1` rows into a page; `key` names the last item that stays.
    pub fn cut<K: Serialize>(mut rows: Vec<T>, limit: u64, key: impl Fn(&T) -> K) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|last| Cursor::encode(&key(last)));
        Self { items: rows, next_cursor }
    }

    /// The same page of views.
    pub fn map<U>(self, view: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(view).collect(), next_cursor: self.next_cursor }
    }
}

/// An opaque position in a list: base64url over JSON. It is not secret and not signed; it is validated on the way in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

impl Cursor {
    /// Encodes a position.
    pub fn encode<K: Serialize>(key: &K) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
    }

    /// Decodes a position.
    ///
    /// # Errors
    /// `validation-failed` naming `cursor`.
    pub fn decode<K: DeserializeOwned>(&self) -> Result<K, Problem> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.0).ok();
        let position = bytes.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok()).filter(is_storable);
        position.and_then(|position| serde_json::from_value(position).ok()).ok_or_else(|| {
            Problem::new(&kinds::VALIDATION_FAILED).field("/cursor", "is not a cursor that this list gave out")
        })
    }
}

/// Whether Postgres can compare with it: no list gave out a text with NUL, or an instant beyond any calendar.
fn is_storable(position: &Value) -> bool {
    match position {
        Value::String(text) => {
            let known_year = |at: DateTime<Utc>| (1..=9999).contains(&at.year());
            !text.contains('\0') && text.parse().map_or(true, known_year)
        }
        Value::Array(items) => items.iter().all(is_storable),
        Value::Object(members) => members.values().all(is_storable),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_full_page_has_a_cursor_and_the_last_one_has_none() {
        let page = Page::cut(vec![1, 2, 3], 2, |n| *n);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(Cursor(page.next_cursor.unwrap()).decode::<i32>().unwrap(), 2);
        assert_eq!(Page::cut(vec![3], 2, |n| *n).next_cursor, None);
    }

    #[test]
    fn what_postgres_could_not_compare_with_is_refused() {
        for key in ["a\0b", "-4800-01-01T00:00:00Z", "+10000-01-01T00:00:00Z"] {
            let problem = Cursor(Cursor::encode(&[key])).decode::<[String; 1]>().unwrap_err();
            assert_eq!(problem.errors()[0].pointer, "/cursor", "{key}");
        }
        let instant = DateTime::from_timestamp_nanos(i64::MAX);
        assert_eq!(Cursor(Cursor::encode(&(instant, 1))).decode::<(DateTime<Utc>, i32)>().unwrap().0, instant);
    }

    #[test]
    fn a_foreign_cursor_is_refused_by_name() {
        let problem = Cursor("!!".into()).decode::<i32>().unwrap_err();
        assert_eq!(problem.errors()[0].pointer, "/cursor");
    }

    proptest! {
        #[test]
        fn a_position_comes_back_as_it_went_out(key in (any::<i64>(), any::<Option<u32>>(), "\\PC{0,60}", any::<u64>())) {
            let cursor = Cursor(Cursor::encode(&key));
            prop_assert!(cursor.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{:?}", cursor);
            prop_assert_eq!(cursor.decode::<(i64, Option<u32>, String, u64)>().unwrap(), key);
        }

        #[test]
        fn any_text_is_a_cursor_or_refused_by_name(text in prop_oneof!["\\PC{0,80}", "[A-Za-z0-9_-]{0,80}"], key in any::<i64>(), at in any::<prop::sample::Index>()) {
            let refused = |problem: Problem| problem.is(&kinds::VALIDATION_FAILED) && problem.errors()[0].pointer == "/cursor";
            prop_assert!(Cursor(text).decode::<(i64, String)>().map_err(refused) != Err(false));
            // What another list gave out, or was cut.
            let mut cursor = Cursor::encode(&key);
            prop_assert_eq!(Cursor(cursor.clone()).decode::<(i64, String)>().map_err(refused), Err(true));
            cursor.truncate(at.index(cursor.len()));
            let _ = Cursor(cursor).decode::<i64>();
        }
    }
}
