//! How a schedule's timing is stored, and how it becomes a [`Spec`].

use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::time::{Cron, DstGap, DstOverlap, Every, Spec, Timing, Zone};

/// The timing of a schedule as it stands in its row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum StoredTiming {
    /// Cron expressions in a zone.
    Cron {
        /// Their union counts.
        expressions: Vec<String>,
        /// Local times that are left out.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        exclude: Vec<String>,
        /// An IANA name.
        zone: String,
        /// See [`DstGap`].
        #[serde(default)]
        dst_gap: DstGap,
        /// See [`DstOverlap`].
        #[serde(default)]
        dst_overlap: DstOverlap,
    },
    /// A fixed distance.
    Interval {
        /// 1 to 31 536 000.
        every_seconds: u32,
        /// The first run.
        anchor: DateTime<Utc>,
    },
    /// A single run.
    Once {
        /// When.
        at: DateTime<Utc>,
    },
}

impl StoredTiming {
    /// One expression in UTC.
    pub fn utc_cron(expression: &str) -> Self {
        Self::Cron {
            expressions: vec![expression.to_owned()],
            exclude: Vec::new(),
            zone: "UTC".to_owned(),
            dst_gap: DstGap::default(),
            dst_overlap: DstOverlap::default(),
        }
    }

    /// The computation.
    ///
    /// # Errors
    /// In plain words, what cannot be read.
    pub fn spec(&self) -> Result<Spec, String> {
        let parse = |texts: &[String]| {
            texts
                .iter()
                .map(|text| Cron::from_str(text).map_err(|error| format!("{text}: {error}")))
                .collect::<Result<Vec<Cron>, String>>()
        };
        Ok(match self {
            Self::Cron { expressions, exclude, zone, dst_gap, dst_overlap } => {
                let exprs = parse(expressions)?;
                let exclude = parse(exclude)?;
                let zone = Zone::from_str(zone).map_err(|error| error.to_string())?;
                Spec { timing: Timing::Cron { exprs, gap: *dst_gap, overlap: *dst_overlap }, zone, exclude }
            }
            Self::Interval { every_seconds, anchor } => {
                let every = Every::try_from(*every_seconds).map_err(|error| error.to_string())?;
                Spec { timing: Timing::Interval { every, anchor: *anchor }, zone: Zone::UTC, exclude: Vec::new() }
            }
            Self::Once { at } => Spec { timing: Timing::Once { at: *at }, zone: Zone::UTC, exclude: Vec::new() },
        })
    }
}
