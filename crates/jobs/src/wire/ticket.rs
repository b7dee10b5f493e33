//! Tickets: what travels. Execution ids and when they are due, nothing else; what they mean stands in Postgres.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use store::Note;
use uuid::Uuid;

use crate::job::Queue;

/// One execution to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket {
    pub queue: Queue,
    pub id: Uuid,
    pub due: DateTime<Utc>,
    /// 1 to 10; above 5 goes to the front of the line.
    pub priority: i16,
}

impl Ticket {
    /// The ticket of a committed note, if it is one of an execution.
    pub fn from_note(note: &Note) -> Option<Self> {
        Some(Self { queue: Queue::parse(note.topic)?, id: note.id, due: note.at, priority: note.rank })
    }
}

/// Executions that a ticket names at most; ours name far fewer.
const MOST: usize = 1_000;

/// `id@micros` for each execution, separated by commas.
pub(crate) fn encode<'a>(tickets: impl IntoIterator<Item = &'a Ticket>) -> String {
    let mut text = String::new();
    for ticket in tickets {
        if !text.is_empty() {
            text.push(',');
        }
        let _ = write!(text, "{}@{}", ticket.id, ticket.due.timestamp_micros());
    }
    text
}

/// The executions of a payload. Whatever is not one is left out: Redis may be written by others, and a forged ticket
/// can name nothing that Postgres does not hold.
pub(crate) fn decode(payload: &[u8]) -> Vec<(Uuid, DateTime<Utc>)> {
    let text = std::str::from_utf8(payload).unwrap_or_default();
    text.split(',')
        .take(MOST)
        .filter_map(|entry| {
            let (id, micros) = entry.split_once('@')?;
            Some((id.parse().ok()?, DateTime::from_timestamp_micros(micros.parse().ok()?)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    #[test]
    fn a_payload_names_its_executions_and_rubbish_names_none() {
        let ticket = |micros| Ticket {
            queue: Queue::Default,
            id: Uuid::now_v7(),
            due: DateTime::from_timestamp_micros(micros).unwrap(),
            priority: 5,
        };
        let (a, b) = (ticket(1_700_000_000_123_456), ticket(0));
        let payload = encode([&a, &b]);
        assert_eq!(decode(payload.as_bytes()), [(a.id, a.due), (b.id, b.due)]);
        for rubbish in
            [&b""[..], b"\xff\xfe", b"{\"job\":1}", b"nonsense@12", b"0190aaaa-0000-7000-8000-000000000000@x"]
        {
            assert_eq!(decode(rubbish), [], "{rubbish:?}");
        }
    }

    #[test]
    fn a_forged_ticket_names_a_bounded_number_of_executions() {
        let forged = format!("{}@0,", Uuid::nil()).repeat(MOST + 1);
        assert_eq!(decode(forged.as_bytes()).len(), MOST);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(named in vec((any::<u128>(), -60_000_000_000_000_000..200_000_000_000_000_000_i64), 0..40)) {
            let tickets = named.iter().map(|(id, micros)| Ticket {
                queue: Queue::Default,
                id: Uuid::from_u128(*id),
                due: DateTime::from_timestamp_micros(*micros).unwrap(),
                priority: 5,
            });
            let tickets: Vec<Ticket> = tickets.collect();
            let expected: Vec<_> = tickets.iter().map(|ticket| (ticket.id, ticket.due)).collect();
            prop_assert_eq!(decode(encode(&tickets).as_bytes()), expected);
        }

        #[test]
        fn any_bytes_are_read_and_name_no_more_than_they_hold(
            bytes in prop_oneof![vec(any::<u8>(), 0..300), "([-0-9a-f]{30,40}@-?[0-9]{0,22},?){0,4}".prop_map(String::into_bytes)],
        ) {
            let entries = bytes.split(|byte| *byte == b',').count();
            prop_assert!(decode(&bytes).len() <= entries);
        }
    }
}
