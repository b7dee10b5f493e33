//! Google Books: search and single volumes, asked for by entity tag so that what we have is not sent again.

use std::time::Duration;

use kernel::{Problem, Result, Secret, kinds};
use reqwest::{
    Client, Url,
    header::{HeaderValue, IF_NONE_MATCH},
};
use serde::{Deserialize, Serialize};

use crate::http::{self, Fetched, Patience, Upstream};

const NAME: &str = "Google Books";
/// A reader is waiting, and our cache can answer instead.
const PATIENCE: Patience = Patience {
    per_try: Duration::from_secs(5),
    total: Duration::from_secs(8),
    tries: 3,
    first_wait: Duration::from_millis(200),
};
/// The most volumes that one search answers.
pub const MAX_LIMIT: u32 = 40;
const VOLUME_FIELDS: &str =
    "id,etag,volumeInfo(title,authors,publishedDate,categories,description,language,imageLinks)";

/// Access to the catalogue. Cheap to clone.
#[derive(Clone)]
pub struct GoogleBooks {
    upstream: Upstream,
    base: Url,
    key: HeaderValue,
}

/// What to look for.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// Free text in Google's query syntax; may be empty when there is a subject.
    pub text: &'a str,
    /// Only volumes of this category.
    pub subject: Option<&'a str>,
    /// How many results to skip.
    pub start: u32,
    /// How many results to return, 1 to [`MAX_LIMIT`].
    pub limit: u32,
}

/// One page of a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Google's estimate of all results; it changes from page to page.
    pub total: u64,
    /// Those of this page that have a title.
    pub volumes: Vec<Volume>,
}

/// One book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Google's id.
    pub id: String,
    pub title: String,
    pub authors: Vec<String>,
    /// The year of this edition.
    pub year: Option<i32>,
    pub categories: Vec<String>,
    /// Plain text.
    pub description: Option<String>,
    /// A BCP 47 tag.
    pub language: Option<String>,
    /// An https address of a small cover.
    pub thumbnail: Option<String>,
    /// Names this version of the volume.
    pub etag: Option<String>,
}

impl GoogleBooks {
    pub(crate) fn new(client: &Client, base: &str, key: &Secret) -> Result<Self> {
        Ok(Self {
            upstream: Upstream { name: NAME, client: client.clone(), patience: PATIENCE },
            base: http::base_url(NAME, base)?,
            key: http::key_header(NAME, "", key)?,
        })
    }

    /// The volumes that match; `etag` is that of the page we already have.
    ///
    /// # Errors
    /// The upstream kinds of [`crate::problems`].
    pub async fn search(&self, search: &Search<'_>, etag: Option<&str>) -> Result<Fetched<Found>> {
        let mut url = http::under(&self.base, &["volumes"]);
        url.query_pairs_mut()
            .append_pair("q", &query(search))
            .append_pair("startIndex", &search.start.to_string())
            .append_pair("maxResults", &search.limit.clamp(1, MAX_LIMIT).to_string())
            .append_pair("printType", "books")
            .append_pair("fields", &format!("totalItems,items({VOLUME_FIELDS})"));
        let fetched: Fetched<RawFound> = self.get(url, etag).await?;
        Ok(fetched.map(|raw| Found {
            total: raw.total_items,
            volumes: raw.items.into_iter().filter_map(RawVolume::tidy).collect(),
        }))
    }

    /// One volume by Google's id; `etag` is that of the version we already have.
    ///
    /// # Errors
    /// `not-found`, and the upstream kinds of [`crate::problems`].
    pub async fn volume(&self, id: &str, etag: Option<&str>) -> Result<Fetched<Volume>> {
        let mut url = http::under(&self.base, &["volumes", id]);
        url.query_pairs_mut().append_pair("fields", VOLUME_FIELDS);
        let not_found = || Problem::new(&kinds::NOT_FOUND).detail("Google Books has no such volume.");
        match self.get::<RawVolume>(url, etag).await {
            Ok(Fetched::NotModified) => Ok(Fetched::NotModified),
            Ok(Fetched::Fresh { value, etag }) => {
                value.tidy().map(|value| Fetched::Fresh { value, etag }).ok_or_else(not_found)
            }
            Err(problem) if http::status_of(&problem) == Some(404) => Err(not_found()),
            Err(problem) => Err(problem),
        }
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, url: Url, etag: Option<&str>) -> Result<Fetched<T>> {
        self.upstream
            .call(|client| {
                let request = client.get(url.clone()).header("X-Goog-Api-Key", self.key.clone());
                match etag {
                    Some(etag) => request.header(IF_NONE_MATCH, etag),
                    None => request,
                }
            })
            .await
    }
}

impl<T> Fetched<T> {
    fn map<U>(self, change: impl FnOnce(T) -> U) -> Fetched<U> {
        match self {
            Self::NotModified => Fetched::NotModified,
            Self::Fresh { value, etag } => Fetched::Fresh { value: change(value), etag },
        }
    }
}

fn query(search: &Search<'_>) -> String {
    let subject = search.subject.map(|subject| format!("subject:\"{}\"", subject.replace('"', " ")));
    [search.text.trim(), subject.as_deref().unwrap_or_default()].join(" ").trim().to_owned()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawFound {
    #[serde(default)]
    total_items: u64,
    #[serde(default)]
    items: Vec<RawVolume>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawVolume {
    id: String,
    etag: Option<String>,
    #[serde(default)]
    volume_info: RawInfo,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawInfo {
    title: String,
    authors: Vec<String>,
    published_date: String,
    categories: Vec<String>,
    description: Option<String>,
    language: Option<String>,
    image_links: RawLinks,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawLinks {
    thumbnail: Option<String>,
    small_thumbnail: Option<String>,
}

impl RawVolume {
    /// Our view of it; none without a title.
    fn tidy(self) -> Option<Volume> {
        let info = self.volume_info;
        let thumbnail = info.image_links.thumbnail.or(info.image_links.small_thumbnail);
        let title = info.title.trim();
        (!title.is_empty()).then(|| Volume {
            id: self.id,
            title: title.to_owned(),
            authors: info.authors,
            year: info.published_date.get(..4).and_then(|year| year.parse().ok()),
            categories: info.categories,
            description: info.description.map(|html| plain_text(&html)).filter(|text| !text.is_empty()),
            language: info.language,
            // Google still writes http here, which browsers refuse on an https page.
            thumbnail: thumbnail.map(|url| url.replacen("http://", "https://", 1)),
            etag: self.etag,
        })
    }
}

/// A description without its markup: single volumes come with `<p>`, `<br>` and `<b>`, searches without.
fn plain_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(start) = rest.find('<') {
        text.push_str(&rest[..start]);
        // A `<` that opens no tag is text.
        let tag =
            rest[start..].find('>').filter(|_| rest[start + 1..].starts_with(|c: char| c.is_alphabetic() || c == '/'));
        let end = tag.map_or(start + 1, |end| start + end + 1);
        text.push(if tag.is_some() { ' ' } else { '<' });
        rest = &rest[end..];
    }
    text.push_str(rest);
    let entities = [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    let decoded = entities.iter().fold(text, |text, (entity, plain)| text.replace(entity, plain));
    decoded.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
