//! Reading variables while collecting everything that is wrong with them.

use std::{cell::RefCell, fmt, str::FromStr, time::Duration};

use kernel::Secret;

use crate::{parse, shape, vars::Var};

/// One variable that is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The variable.
    pub name: &'static str,
    /// What is wrong, as the rest of a sentence that starts with the name. Never the value.
    pub message: String,
}

/// Everything that is wrong, so that it is fixed in one go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalids(pub Vec<Invalid>);

impl fmt::Display for Invalids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is not valid:")?;
        for Invalid { name, message } in &self.0 {
            write!(f, "\n  {name} {message}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Invalids {}

/// Looks variables up, falls back to their defaults, and remembers what was wrong.
pub(crate) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    wrong: RefCell<Vec<Invalid>>,
}

impl<'a> Reader<'a> {
    pub fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, wrong: RefCell::default() }
    }

    pub fn refuse(&self, var: &Var, message: impl Into<String>) {
        self.wrong.borrow_mut().push(Invalid { name: var.name, message: message.into() });
    }

    /// The value; empty counts as not set.
    pub fn set(&self, var: &Var) -> Option<String> {
        (self.lookup)(var.name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    /// The value, or the default.
    pub fn optional(&self, var: &Var) -> Option<String> {
        self.set(var).or_else(|| var.default.map(str::to_owned))
    }

    pub fn text(&self, var: &Var) -> String {
        self.optional(var).unwrap_or_default()
    }

    pub fn required(&self, var: &Var) -> String {
        self.optional(var).unwrap_or_else(|| {
            self.refuse(var, "is required");
            String::new()
        })
    }

    pub fn secret(&self, var: &Var) -> Option<Secret> {
        self.optional(var).map(Secret::new)
    }

    /// A secret that is sent as a header.
    pub fn key(&self, var: &Var) -> Option<Secret> {
        let key = self.optional(var)?;
        if !shape::is_key(&key) {
            self.refuse(var, "has characters that a header cannot carry");
        }
        Some(Secret::new(key))
    }

    /// Notes what `outcome` found wrong.
    pub fn demand(&self, var: &Var, outcome: Result<(), &'static str>) {
        if let Err(message) = outcome {
            self.refuse(var, message);
        }
    }

    /// A whole number within `min..=max`; on failure the least, after noting it.
    pub fn number<T: FromStr + PartialOrd + Copy + fmt::Display>(&self, var: &Var, min: T, max: T) -> T {
        match self.text(var).parse::<T>() {
            Ok(value) if value >= min && value <= max => value,
            _ => {
                self.refuse(var, format!("must be a whole number from {min} to {max}"));
                min
            }
        }
    }

    pub fn duration(&self, var: &Var, min: Duration, max: Duration) -> Duration {
        match parse::duration(&self.text(var)) {
            Ok(value) if value >= min && value <= max => value,
            Ok(_) => {
                self.refuse(var, format!("must be between {min:?} and {max:?}"));
                min
            }
            Err(message) => {
                self.refuse(var, message);
                min
            }
        }
    }

    /// An http(s) base URL without its trailing slash.
    pub fn http_url(&self, var: &Var) -> Option<String> {
        let url = self.optional(var)?;
        if !url.starts_with("http://") && !url.starts_with("https://") {
            self.refuse(var, "must start with http:// or https://");
        } else {
            self.demand(var, shape::host(&url));
        }
        if url.contains('@') {
            self.refuse(var, "must not carry a user or a password");
        }
        Some(url.trim_end_matches('/').to_owned())
    }

    pub fn finish<T>(self, value: T) -> Result<T, Invalids> {
        let wrong = self.wrong.into_inner();
        if wrong.is_empty() { Ok(value) } else { Err(Invalids(wrong)) }
    }
}
