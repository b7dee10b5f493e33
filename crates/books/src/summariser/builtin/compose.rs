//! Puts the units of a description into the places of a summary.

use std::{collections::HashMap, ptr};

use super::{
    text::Role,
    themes::{application, theme_of},
    units::Unit,
};
use crate::{
    catalogue::Book,
    summary::{Content, Guide, Insight, MAX_INSIGHTS, MainArgument, OnePage, Text, Theme},
};

/// What a summary is made from.
pub struct Material<'a> {
    /// The book.
    pub book: &'a Book,
    /// Its description, in order; at least three.
    pub units: Vec<Unit>,
}

/// The units that carry the argument.
struct Argument<'a> {
    problem: &'a Unit,
    solution: &'a Unit,
    why: &'a Unit,
}

impl Material<'_> {
    /// The summary; `None` without units.
    pub fn compose(&self) -> Option<Content> {
        let argument = self.argument()?;
        let told = self.told(&argument);
        let (key_insights, turns) = self.insights(&told);
        let criticisms: Vec<&str> = self.of_role(Role::Criticism).map(|unit| unit.text.as_str()).take(5).collect();
        let evidence = self.of_role(Role::Content).filter(|unit| unit.evidence && !ptr::eq(*unit, argument.problem));
        Some(Content {
            main_argument: MainArgument {
                problem: argument.problem.text.as_str().into(),
                solution: argument.solution.text.as_str().into(),
                why_it_matters: argument.why.text.as_str().into(),
            },
            framework: None,
            evidence: texts(evidence.take(5).map(|unit| unit.text.as_str())),
            implementation_guide: self.guide(&key_insights, turns, &argument, &criticisms),
            one_page: self.one_page(&told, &argument, &criticisms),
            criticisms: texts(criticisms),
            key_insights,
        })
    }

    fn of_role(&self, role: Role) -> impl Iterator<Item = &Unit> {
        self.units.iter().filter(move |unit| unit.role == role)
    }

    /// What the book says, best first; everything when the wording gives too little of that away.
    fn content(&self) -> Vec<&Unit> {
        let mut content: Vec<&Unit> = self.of_role(Role::Content).collect();
        if content.len() < 3 {
            content = self.units.iter().collect();
        }
        content.sort_by(|a, b| b.score.total_cmp(&a.score));
        content
    }

    fn argument(&self) -> Option<Argument<'_>> {
        const ASKS: [&str; 12] = [
            "question",
            "problem",
            "whether",
            "danger",
            "fear",
            "how can",
            "threat",
            "why.",
            "urgent",
            "crisis",
            "suspect",
            "challenge",
        ];
        const LASTS: [&str; 12] = [
            "still",
            "today",
            "remain",
            "every later",
            "ever since",
            "nowadays",
            "prepared the way",
            "heirs",
            "influence",
            "lesson",
            "nearly every",
            "almost every",
        ];
        let ranked = self.content();
        let opening = || ranked.iter().copied().filter(|unit| unit.paragraph == 0);
        let problem = opening()
            .find(|unit| unit.text.contains('?'))
            .or_else(|| opening().find(|unit| unit.says(&ASKS)))
            .or(self.units.first())?;
        let last_paragraph = self.units.last()?.paragraph;
        let others = ranked.iter().copied().filter(|unit| !ptr::eq(*unit, problem));
        let weight = |unit: &Unit| solves(unit, last_paragraph);
        let solution = others.max_by(|a, b| weight(a).total_cmp(&weight(b))).unwrap_or(problem);
        let late = || self.units.iter().rev().filter(|unit| !ptr::eq(*unit, problem) && !ptr::eq(*unit, solution));
        let why = late()
            .find(|unit| unit.role != Role::Criticism && unit.says(&LASTS))
            .or_else(|| late().find(|unit| unit.role == Role::Audience))
            .or_else(|| late().find(|unit| unit.role == Role::Content))
            .unwrap_or(solution);
        Some(Argument { problem, solution, why })
    }

    /// What becomes insights: the problem stays out when there is enough besides.
    fn told<'a>(&'a self, argument: &Argument<'_>) -> Vec<&'a Unit> {
        let mut told = self.content();
        if told.len() > 5 {
            told.retain(|unit| !ptr::eq(*unit, argument.problem));
        }
        told.truncate(MAX_INSIGHTS);
        told
    }

    /// The insights, and how often each theme came up.
    fn insights(&self, told: &[&Unit]) -> (Vec<Insight>, HashMap<Theme, usize>) {
        let mut turns: HashMap<Theme, usize> = HashMap::new();
        let insights = told.iter().map(|unit| {
            let theme = theme_of(&unit.text, &self.book.categories);
            let turn = turns.entry(theme).or_default();
            *turn += 1;
            Insight {
                title: unit.title().into(),
                description: unit.text.as_str().into(),
                theme,
                application: application(theme, *turn - 1).into(),
                quote: None, // the description is not the book's own words
            }
        });
        (insights.collect(), turns)
    }

    fn guide(
        &self,
        insights: &[Insight],
        mut turns: HashMap<Theme, usize>,
        argument: &Argument<'_>,
        criticisms: &[&str],
    ) -> Guide {
        let title = &self.book.title;
        let mut steps = vec![format!("Say in your own words what the book starts from: {}", argument.problem.first)];
        steps.extend(insights.iter().take(3).map(|insight| on(insight, &insight.application.0)));
        steps.push(format!("Read “{title}” itself and note where your answer changes."));
        let mut pitfalls: Vec<String> =
            criticisms.iter().take(3).map(|text| format!("Overlooking an objection: {text}")).collect();
        pitfalls.push("Taking this summary for the book: it only selects from a short description.".to_owned());
        let mut quick_wins = vec![format!("Copy the core message by hand: {}", argument.solution.first)];
        quick_wins.extend(insights.iter().rev().take(2).map(|insight| {
            let turn = turns.entry(insight.theme).or_default();
            *turn += 1;
            on(insight, application(insight.theme, *turn - 1))
        }));
        Guide { steps: texts(steps), pitfalls: texts(pitfalls), quick_wins: texts(quick_wins) }
    }

    fn one_page(&self, told: &[&Unit], argument: &Argument<'_>, criticisms: &[&str]) -> OnePage {
        let clauses = || told.iter().filter_map(|unit| unit.clause());
        let sentences = || told.iter().map(|unit| unit.first.as_str());
        let mut principles: Vec<&str> = clauses().take(5).collect();
        if principles.len() < 3 {
            principles = sentences().take(5).collect();
        }
        let mut takeaways = vec![argument.solution.first.as_str()];
        takeaways.extend(sentences().filter(|text| *text != argument.solution.first).take(3));
        takeaways.extend(criticisms.first());
        let headline = argument.solution.clause().or_else(|| clauses().find(|clause| clause.split(' ').count() > 4));
        let who = self.of_role(Role::Audience).last().map(|unit| unit.text.clone());
        let is_spent = |unit: &Unit| Some(&unit.text) == who.as_ref() || ptr::eq(unit, argument.solution);
        let last = self.units.iter().rev().find(|unit| unit.role != Role::Criticism && !is_spent(unit));
        OnePage {
            headline: headline
                .map_or_else(|| self.book.title.clone(), |clause| format!("{}: {clause}", self.book.title))
                .into(),
            core_message: argument.solution.text.as_str().into(),
            principles: texts(principles),
            takeaways: texts(takeaways),
            who_should_read: who.unwrap_or_else(|| self.audience()).into(),
            bottom_line: last.unwrap_or(argument.why).text.as_str().into(),
        }
    }

    fn audience(&self) -> String {
        match self.book.categories.as_slice() {
            [] => format!("Readers who want to know what “{}” is about.", self.book.title),
            categories => format!("Readers interested in {}.", categories.join(" and ").to_lowercase()),
        }
    }
}

/// How much a unit sounds like an answer: its weight, more in the middle of the text, less where it tells of dates.
fn solves(unit: &Unit, last_paragraph: usize) -> f64 {
    const ANSWERS: [&str; 24] = [
        "argue",
        "argument",
        "claim",
        "answer",
        "believe",
        "propose",
        "insist",
        "explain",
        "conclude",
        "therefore",
        "replies",
        "remed",
        "suggest",
        "maintain",
        "proves",
        "teaches",
        "thesis",
        "plan.",
        "holds that",
        "shows",
        "means",
        "core",
        "principle",
        "purpose",
    ];
    let told = if unit.says(&ANSWERS) { 1.3 } else { 1.0 };
    let placed = match unit.paragraph {
        0 if last_paragraph > 1 => 0.5,
        middle if middle > 0 && middle < last_paragraph => 1.5,
        _ => 1.0,
    };
    let dated = if unit.text.contains(|c: char| c.is_ascii_digit()) { 0.7 } else { 1.0 };
    unit.score * told * placed * dated
}

fn on(insight: &Insight, what: &str) -> String {
    format!("On “{}”: {what}", insight.title.0)
}

fn texts<T: Into<String>>(all: impl IntoIterator<Item = T>) -> Vec<Text> {
    all.into_iter().map(Text::from).collect()
}
