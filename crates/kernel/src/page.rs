//! Cursor pages: what every list answers with.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

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
        bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()).ok_or_else(|| {
            Problem::new(&kinds::VALIDATION_FAILED).field("/cursor", "is not a cursor that this list gave out")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_has_a_cursor_and_the_last_one_has_none() {
        let page = Page::cut(vec![1, 2, 3], 2, |n| *n);
        assert_eq!(page.items, [1, 2]);
        assert_eq!(Cursor(page.next_cursor.unwrap()).decode::<i32>().unwrap(), 2);
        assert_eq!(Page::cut(vec![3], 2, |n| *n).next_cursor, None);
    }

    #[test]
    fn a_foreign_cursor_is_refused_by_name() {
        let problem = Cursor("!!".into()).decode::<i32>().unwrap_err();
        assert_eq!(problem.errors()[0].pointer, "/cursor");
    }
}
