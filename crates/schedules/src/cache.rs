//! Parsed timings: parsing an expression costs a hundred times what evaluating it does.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex, PoisonError},
};

use crate::{time::Spec, timing::StoredTiming};

/// Different timings kept; beyond that the cache starts anew.
const MOST: usize = 20_000;

static SPECS: LazyLock<Mutex<HashMap<String, Arc<Spec>>>> = LazyLock::new(Mutex::default);

/// The computation of `timing`, parsed at most once.
pub(crate) fn spec(timing: &StoredTiming) -> Result<Arc<Spec>, String> {
    let key = format!("{timing:?}");
    if let Some(spec) = SPECS.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(spec.clone());
    }
    let spec = Arc::new(timing.spec()?);
    let mut specs = SPECS.lock().unwrap_or_else(PoisonError::into_inner);
    if specs.len() >= MOST {
        specs.clear();
    }
    specs.insert(key, spec.clone());
    Ok(spec)
}
