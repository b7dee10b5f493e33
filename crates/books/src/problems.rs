//! The kinds of problems that books own.

use kernel::Kind;

macro_rules! kinds {
    ($($(#[$doc:meta])+ $name:ident = $status:literal $slug:literal $title:literal;)+) => {
        $($(#[$doc])+ pub static $name: Kind = Kind { slug: $slug, title: $title, status: $status };)+
        /// All of them, for the list of problems.
        pub static ALL: &[&Kind] = &[$(&$name),+];
    };
}

kinds! {
    /// The reader has not asked for this summary, or was given the unit back because it could not be made.
    NOT_REQUESTED = 404 "summary-not-requested" "You have not asked for this summary";
    /// A summariser's answer does not have the shape of a summary. Transient: it is asked again.
    BAD_SUMMARY = 502 "summary-malformed" "The summariser's answer is not a summary";
    /// There is nothing to make a summary from.
    TOO_LITTLE_TEXT = 422 "too-little-to-summarise" "Too little is known of this book to summarise it";
    /// The next page of an outside catalogue cannot be had now.
    CATALOGUE_AWAY = 503 "catalogue-unavailable" "The catalogue cannot be searched further right now";
}
