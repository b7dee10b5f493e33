//! The problem kinds that this crate owns. Those below 500 do not go away by trying again.

use kernel::Kind;

macro_rules! kinds {
    ($($(#[$doc:meta])+ $name:ident = $status:literal $slug:literal $title:literal;)+) => {
        $($(#[$doc])+ pub static $name: Kind = Kind { slug: $slug, title: $title, status: $status };)+
        /// Every kind of this crate, for the list of problems.
        pub static ALL: &[&Kind] = &[$(&$name),+];
    };
}

kinds! {
    /// Unreachable, broke off, answered 5xx, or answered something that is not what it promises. Transient.
    UPSTREAM_FAILED = 502 "upstream-failed" "A service behind this one failed";
    /// Asked us to come back later (429, SMTP 4xx); carries its `Retry-After` if it named one. Transient.
    UPSTREAM_BUSY = 503 "upstream-busy" "A service behind this one asked us to come back later";
    /// Did not answer in time. Transient.
    UPSTREAM_TIMEOUT = 504 "upstream-timeout" "A service behind this one did not answer in time";
    /// Refused our request (4xx): a wrong key, or a request it does not understand.
    UPSTREAM_REFUSED = 424 "upstream-refused" "A service behind this one refused our request";
    /// A model declined to answer this prompt.
    ANSWER_BLOCKED = 424 "answer-blocked" "The model declined to answer";
    /// This mail cannot be delivered: its recipient or its content was refused for good.
    MAIL_REFUSED = 424 "mail-refused" "The mail was refused";
    /// This URL may not be called: its form, its scheme, or where it leads.
    WEBHOOK_REFUSED_URL = 422 "webhook-refused-url" "This URL may not be called";
    /// The receiver is unreachable, too slow, or answered anything but success or a refusal. Transient.
    WEBHOOK_FAILED = 502 "webhook-failed" "The webhook's receiver failed";
    /// The receiver refused this delivery for good (4xx other than 408, 410, 425 and 429).
    WEBHOOK_REJECTED = 424 "webhook-rejected" "The webhook's receiver refused the delivery";
    /// The receiver wants no more deliveries (410): stop sending.
    WEBHOOK_GONE = 424 "webhook-gone" "The webhook's receiver wants no more deliveries";
}
