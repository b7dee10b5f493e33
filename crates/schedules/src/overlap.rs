//! What happens when a run is due while an earlier one of the same schedule is not over: a pure rule.

/// The overlap policy of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// The new one is skipped.
    Skip,
    /// One may wait behind the one that runs.
    QueueOne,
    /// They may overlap, up to `max_instances`.
    Allow,
    /// The earlier ones are cancelled.
    CancelRunning,
}

impl Overlap {
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "queue_one" => Self::QueueOne,
            "allow" => Self::Allow,
            "cancel_running" => Self::CancelRunning,
            _ => Self::Skip,
        }
    }
}

impl Overlap {
    /// Whether a due time to be caught up waits until there is room. With `cancel_running` the last one stands for all.
    pub(crate) fn lets_wait(self) -> bool {
        self != Self::CancelRunning
    }

    /// Whether several due times that are handled together may all run. Otherwise the last one stands for them.
    pub(crate) fn allows_several(self) -> bool {
        self == Self::Allow
    }
}

/// What of a schedule waits and runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Active {
    pub queued: i64,
    pub running: i64,
}

/// Whether one more may be enqueued; otherwise why not.
pub(crate) fn admit(policy: Overlap, max_instances: i32, active: Active) -> Result<(), String> {
    let count = active.queued + active.running;
    match policy {
        Overlap::CancelRunning => Ok(()),
        Overlap::Skip if count == 0 => Ok(()),
        Overlap::QueueOne if active.queued == 0 => Ok(()),
        Overlap::Allow if count < i64::from(max_instances) => Ok(()),
        Overlap::Skip => Err("an earlier run of this schedule is not over".to_owned()),
        Overlap::QueueOne => Err("a run of this schedule waits already".to_owned()),
        Overlap::Allow => Err(format!("{count} runs of this schedule are not over; at most {max_instances} may be")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_policy_admits_what_it_says() {
        let active = |queued, running| Active { queued, running };
        let admits = |policy, active| admit(policy, 3, active).is_ok();
        assert!(admits(Overlap::Skip, active(0, 0)) && !admits(Overlap::Skip, active(0, 1)));
        assert!(admits(Overlap::QueueOne, active(0, 1)) && !admits(Overlap::QueueOne, active(1, 1)));
        assert!(admits(Overlap::Allow, active(1, 1)) && !admits(Overlap::Allow, active(1, 2)));
        assert!(admits(Overlap::CancelRunning, active(5, 5)));
    }
}
