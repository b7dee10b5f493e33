//! What callers say of who or what is behind a request: kept as a label beside the actor, never trusted.

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, HeaderName, HeaderValue, request::Parts},
};
use kernel::{Problem, kinds};
use utoipa::IntoParams;

use crate::Refusal;

/// Which headers may carry it; the first one that is present counts.
pub(crate) const LABELS: [HeaderName; 3] = [
    HeaderName::from_static("x-created-by"),
    HeaderName::from_static("x-triggered-by"),
    HeaderName::from_static("x-performed-by"),
];
/// Their names as people write them.
const NAMES: [&str; 3] = ["X-Created-By", "X-Triggered-By", "X-Performed-By"];
/// The most characters of a label.
const LONGEST: usize = 100;

/// The first present of the headers `X-Created-By`, `X-Triggered-By` and `X-Performed-By`, trimmed.
///
/// Anybody may write anything there: store it next to the actor's identity, and decide nothing by it.
/// Refuses with `validation-failed` (422) naming the header.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label(pub Option<String>);

impl Label {
    /// The label as text.
    pub fn as_deref(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The label that `headers` carry.
    ///
    /// # Errors
    /// `validation-failed` naming the header.
    pub fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        let given = LABELS.iter().zip(NAMES).find_map(|(header, name)| Some((name, headers.get(header)?)));
        let Some((name, value)) = given else {
            return Ok(Self(None));
        };
        let text = read(value).ok_or_else(|| {
            let message = format!("must be 1 to {LONGEST} printable characters in UTF-8");
            Problem::new(&kinds::VALIDATION_FAILED).field(format!("/{name}"), message)
        })?;
        Ok(Self(Some(text.to_owned())))
    }
}

/// The headers' lines in the API's document: `#[utoipa::path(params(LabelHeaders))]`.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its description is read")]
pub struct LabelHeaders {
    /// Who made this, in the caller's own words. A label for people; the authenticated caller is what counts.
    #[param(rename = "X-Created-By", min_length = 1, max_length = 100, example = "payroll-importer")]
    created: Option<String>,
    /// The same, used when `X-Created-By` is absent.
    #[param(rename = "X-Triggered-By", min_length = 1, max_length = 100, example = "nightly close")]
    triggered: Option<String>,
    /// The same, used when the other two are absent.
    #[param(rename = "X-Performed-By", min_length = 1, max_length = 100, example = "Ann from support")]
    performed: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Label {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        Ok(Self::of(&parts.headers)?)
    }
}

fn read(value: &HeaderValue) -> Option<&str> {
    let text = std::str::from_utf8(value.as_bytes()).ok()?.trim();
    let fits = (1..=LONGEST).contains(&text.chars().count());
    (fits && text.chars().all(is_printable)).then_some(text)
}

/// Not what is invisible or turns the text around it: a label is read by people.
fn is_printable(c: char) -> bool {
    let invisible =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    !c.is_control() && !invisible
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::*;

    async fn label(headers: &[(&str, &[u8])]) -> Result<Option<String>, Problem> {
        let request = headers.iter().fold(Request::builder(), |request, (name, value)| {
            request.header(*name, HeaderValue::from_bytes(value).unwrap())
        });
        let (mut parts, ()) = request.body(()).unwrap().into_parts();
        let label = Label::from_request_parts(&mut parts, &()).await;
        label.map(|label| label.0).map_err(|refusal| refusal.0)
    }

    #[tokio::test]
    async fn the_first_header_that_is_present_is_the_label() {
        assert_eq!(label(&[]).await.unwrap(), None);
        assert_eq!(label(&[("x-performed-by", b"  Ann ")]).await.unwrap().as_deref(), Some("Ann"));
        let all: [(&str, &[u8]); 3] = [("x-performed-by", b"c"), ("x-triggered-by", b"b"), ("x-created-by", b"a")];
        assert_eq!(label(&all).await.unwrap().as_deref(), Some("a"));
        assert_eq!(label(&all[..2]).await.unwrap().as_deref(), Some("b"));
        assert_eq!(label(&[("x-created-by", "Zoë".as_bytes())]).await.unwrap().as_deref(), Some("Zoë"));
        assert!(label(&[("x-created-by", &[b'a'; 100])]).await.is_ok());
    }

    #[tokio::test]
    async fn a_label_that_people_could_not_read_is_refused_by_its_header() {
        let long = [b'a'; 101];
        for wrong in ["".as_bytes(), b"  ", &long, b"a\tb", b"\xff", "a\u{202e}b".as_bytes(), "\u{85}".as_bytes()] {
            let problem = label(&[("x-triggered-by", wrong), ("x-performed-by", b"fine")]).await.unwrap_err();
            assert!(problem.is(&kinds::VALIDATION_FAILED));
            assert_eq!(problem.errors()[0].pointer, "/X-Triggered-By", "{wrong:?}");
        }
    }
}
