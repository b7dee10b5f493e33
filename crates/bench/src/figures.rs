//! What was measured: a table for people, JSON for programs.

use std::fmt::Write;

use serde_json::{Value, json};

/// The figures of one run, in the order they were measured.
#[derive(Default)]
pub struct Figures(Vec<Figure>);

struct Figure {
    name: String,
    value: f64,
    unit: &'static str,
    note: String,
}

impl Figures {
    /// Adds one.
    pub fn add(&mut self, name: &str, value: f64, unit: &'static str, note: impl Into<String>) {
        self.0.push(Figure { name: name.to_owned(), value, unit, note: note.into() });
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut table = format!("load average {}\n", load());
        for figure in &self.0 {
            let Figure { name, value, unit, note } = figure;
            let _ = writeln!(table, "{name:<44} {value:>12.1} {unit:<7} {note}");
        }
        table
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let figures = self.0.iter().map(|f| json!({"name": f.name, "value": f.value, "unit": f.unit, "note": f.note}));
        json!({"load": load(), "figures": figures.collect::<Vec<_>>()})
    }
}

/// The machine's load, to judge the figures by.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The value below which the share `quantile` of `sorted` lies.
pub fn quantile(sorted: &[f64], quantile: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * quantile).round() as usize]
}

/// The middle one of several rounds.
pub fn median(mut rounds: Vec<f64>) -> f64 {
    rounds.sort_by(f64::total_cmp);
    quantile(&rounds, 0.5)
}
