//! What each mail says.

use std::time::Duration;

use chrono::NaiveDate;
use kernel::Secret;

use crate::layout::{Block, Letter};

/// One of the mails we send.
#[derive(Clone, Debug)]
pub enum Template {
    /// Proves that an address belongs to who registered with it.
    VerificationCode {
        /// Six digits.
        code: Secret,
        /// How long the code is valid, from when it was made.
        valid_for: Duration,
    },
    /// Lets someone who forgot their password set a new one.
    PasswordResetCode {
        /// Six digits.
        code: Secret,
        /// How long the code is valid, from when it was made.
        valid_for: Duration,
    },
    /// A trial has begun.
    TrialStarted {
        /// The plan's name as readers know it.
        plan: String,
        /// The last day, in the reader's zone.
        until: NaiveDate,
    },
}

impl Template {
    /// The words. Subjects never hold a code: they are shown on locked screens.
    pub(crate) fn letter(self) -> Letter {
        match self {
            Self::VerificationCode { code, valid_for } => Letter {
                subject: "Confirm your address".to_owned(),
                blocks: vec![
                    paragraph("Welcome to BookFlow. Enter this code to confirm your address:"),
                    Block::Code(code.expose().clone()),
                    Block::Paragraph(format!("{} If you did not register, ignore this mail.", validity(valid_for))),
                ],
            },
            Self::PasswordResetCode { code, valid_for } => Letter {
                subject: "Set a new password".to_owned(),
                blocks: vec![
                    paragraph("Enter this code to set a new password:"),
                    Block::Code(code.expose().clone()),
                    Block::Paragraph(format!(
                        "{} If you did not ask for it, ignore this mail: your password stays as it is.",
                        validity(valid_for)
                    )),
                ],
            },
            Self::TrialStarted { plan, until } => Letter {
                subject: format!("Your {plan} trial has started"),
                blocks: vec![
                    Block::Paragraph(format!(
                        "You now have the {plan} plan on trial, free of charge, until {}.",
                        until.format("%-d %B %Y")
                    )),
                    paragraph("When it ends you return to your present plan; there is nothing to cancel."),
                ],
            },
        }
    }
}

fn paragraph(words: &str) -> Block {
    Block::Paragraph(words.to_owned())
}

/// In whole minutes, rounded down so that we never promise too much; below one minute in seconds.
fn validity(valid_for: Duration) -> String {
    let (number, unit) = match valid_for.as_secs() {
        seconds @ 0..60 => (seconds, "second"),
        seconds => (seconds / 60, "minute"),
    };
    let plural = if number == 1 { "" } else { "s" };
    format!("It is valid for {number} {unit}{plural}.")
}
