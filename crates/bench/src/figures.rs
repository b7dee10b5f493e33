//! What was measured: a table for people, JSON for programs.

use std::fmt::{self, Display, Write};

use serde_json::{Value, json};

/// The figures of one run, in the order they were measured.
#[derive(Default)]
pub struct Figures(Vec<Figure>);

struct Figure {
    /// The machine's load when it was measured.
    load: String,
    name: String,
    value: f64,
    unit: &'static str,
    note: String,
}

impl Figures {
    /// Adds one, and shows it at once: a run is long, and what fails late must not take what was measured with it.
    pub fn add(&mut self, name: &str, value: f64, unit: &'static str, note: impl Into<String>) {
        let figure = Figure { load: load(), name: name.to_owned(), value, unit, note: note.into() };
        eprint!("{figure}");
        self.0.push(figure);
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut table = format!("{:<52} {:>12} {:<7} {:>5}\n", "", "", "", "load");
        for figure in &self.0 {
            let _ = write!(table, "{figure}");
        }
        table
    }

    /// For programs.
    pub fn json(&self) -> Value {
        let figures = self
            .0
            .iter()
            .map(|f| json!({"name": f.name, "value": f.value, "unit": f.unit, "load": f.load, "note": f.note}));
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        json!({"processor": processor(), "cores": cores, "figures": figures.collect::<Vec<_>>()})
    }
}

impl Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { load, name, value, unit, note } = self;
        writeln!(f, "{name:<52} {value:>12.1} {unit:<7} {load:>5} {note}")
    }
}

/// Values of several rounds by name, of which the medians count.
#[derive(Default)]
pub struct Rounds(Vec<(String, Vec<f64>)>);

impl Rounds {
    /// Notes the value of one round.
    pub fn note(&mut self, name: impl Into<String>, value: f64) {
        let name = name.into();
        match self.0.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value),
            None => self.0.push((name, vec![value])),
        }
    }

    /// Adds each median, with its spread.
    pub fn add_to(self, figures: &mut Figures, unit: &'static str) {
        for (name, mut values) in self.0 {
            values.sort_by(f64::total_cmp);
            let spread = format!("{:.1} to {:.1} in {} rounds", values[0], quantile(&values, 1.0), values.len());
            figures.add(&name, quantile(&values, 0.5), unit, spread);
        }
    }
}

fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    model.trim_start_matches([' ', '\t', ':']).to_owned()
}

/// The machine's load, to judge the figures by.
fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// The value below which the share `quantile` of `sorted` lies.
pub fn quantile(sorted: &[f64], quantile: f64) -> f64 {
    sorted[((sorted.len() - 1) as f64 * quantile).round() as usize]
}
