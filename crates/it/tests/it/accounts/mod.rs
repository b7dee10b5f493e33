//! Who people are: registration, codes, passwords, sessions.

mod codes;
mod keys;
mod limits;
mod me;
mod passwords;
mod registration;
mod sessions;
