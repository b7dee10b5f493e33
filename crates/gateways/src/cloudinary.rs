//! Cloudinary: signed addresses from which book covers are delivered in the size we show. Nothing is called from here.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::Secret;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha1::{Digest, Sha1};

/// As wide as a cover is shown, cropped to fill.
const COVER: &str = "w_300,c_fill";
/// What Cloudinary's own clients leave as it is in a fetched address.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'/').remove(b':');
/// The signature of an address is shortened to this many characters.
const SHORT_SIGNATURE: usize = 8;

/// One cloud. Cheap to clone.
#[derive(Clone)]
pub struct Cloudinary {
    delivery_url: String,
    cloud_name: String,
    api_secret: Secret,
}

impl Cloudinary {
    pub(crate) fn new(settings: &config::Cloudinary) -> Self {
        Self {
            delivery_url: settings.delivery_url.clone(),
            cloud_name: settings.cloud_name.clone(),
            api_secret: settings.api_secret.clone(),
        }
    }

    /// The address that delivers the public image at `source` (http or https) as a cover.
    pub fn cover_url(&self, source: &str) -> String {
        let source = utf8_percent_encode(source, ESCAPED);
        let path = format!("{COVER}/{source}");
        format!("{}/{}/image/fetch/s--{}--/{path}", self.delivery_url, self.cloud_name, self.address_signature(&path))
    }

    fn address_signature(&self, path: &str) -> String {
        let mut signature = URL_SAFE_NO_PAD.encode(self.digest(path));
        signature.truncate(SHORT_SIGNATURE);
        signature
    }

    fn digest(&self, text: &str) -> Vec<u8> {
        Sha1::new().chain_update(text).chain_update(self.api_secret.expose()).finalize().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(secret: &str) -> Cloudinary {
        Cloudinary::new(&config::Cloudinary {
            cloud_name: "test123".to_owned(),
            api_secret: Secret::new(secret.to_owned()),
            delivery_url: "https://img.example".to_owned(),
        })
    }

    /// The expected values are those that Cloudinary's own clients are tested with.
    #[test]
    fn addresses_are_signed_like_cloudinarys_clients_do() {
        assert_eq!(cloud("b").address_signature("http://google.com/path/to/image.png"), "hH_YcbiS");
        assert_eq!(cloud("b").address_signature("c_crop,h_20,w_10/image.jpg"), "Ai4Znfl3");
    }

    #[test]
    fn a_cover_is_fetched_through_a_signed_address_that_keeps_the_sources_query() {
        let url = cloud("hunter2").cover_url("https://books.google.com/content?id=a b&img=1");
        let path = "w_300,c_fill/https://books.google.com/content%3Fid%3Da%20b%26img%3D1";
        let signature = cloud("hunter2").address_signature(path);
        assert_eq!(url, format!("https://img.example/test123/image/fetch/s--{signature}--/{path}"));
        assert!(
            !url.contains("hunter2")
                && url != cloud("other").cover_url("https://books.google.com/content?id=a b&img=1")
        );
    }
}
