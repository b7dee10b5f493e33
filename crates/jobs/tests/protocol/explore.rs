//! The explorer: breadth first through every world that can be reached, so that the first counterexample is a shortest one.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
};

use crate::{
    rules::Phase,
    world::{Next, Setting, Step, Violation, World},
};

/// What an exploration found.
pub struct Explored {
    pub worlds: usize,
    pub steps: usize,
    /// The first world that is wrong, and how it came about.
    pub counterexample: Option<Counterexample>,
}

/// A shortest way to something that must never be seen.
#[derive(Debug)]
pub struct Counterexample {
    pub violation: Violation,
    pub steps: Vec<Step>,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            writeln!(f, "{:2}. {step}", index + 1)?;
        }
        writeln!(f, " => {:?}", self.violation)
    }
}

/// The graph as far as it is known.
#[derive(Default)]
struct Graph {
    numbers: HashMap<World, u32>,
    worlds: Vec<World>,
    /// Where each world was first come to from.
    parents: Vec<Option<(u32, Step)>>,
    /// Steps that need no fault, backwards: `(to, from)`.
    sound: Vec<(u32, u32)>,
}

impl Graph {
    fn number(&mut self, world: World, parent: Option<(u32, Step)>) -> (u32, bool) {
        let fresh = self.worlds.len() as u32;
        let number = *self.numbers.entry(world.key()).or_insert(fresh);
        if number == fresh {
            self.worlds.push(world);
            self.parents.push(parent);
        }
        (number, number == fresh)
    }

    fn way_to(&self, mut number: u32) -> Vec<Step> {
        let mut steps = Vec::new();
        while let Some((parent, step)) = self.parents[number as usize] {
            steps.push(step);
            number = parent;
        }
        steps.reverse();
        steps
    }

    /// The first world from which, without another fault, not everything can come to its end.
    fn stuck(&self) -> Option<u32> {
        let mut before: Vec<Vec<u32>> = vec![Vec::new(); self.worlds.len()];
        for (to, from) in &self.sound {
            before[*to as usize].push(*from);
        }
        let mut ends: Vec<bool> = self.worlds.iter().map(World::is_over).collect();
        let mut waiting: Vec<u32> = (0..ends.len() as u32).filter(|number| ends[*number as usize]).collect();
        while let Some(number) = waiting.pop() {
            for from in &before[number as usize] {
                if !std::mem::replace(&mut ends[*from as usize], true) {
                    waiting.push(*from);
                }
            }
        }
        ends.iter().position(|ends| !ends).map(|number| number as u32)
    }
}

/// Explores everything, up to the first world that `hunted` names; every violation when it is empty.
pub fn explore(setting: &Setting, hunted: &[Violation]) -> Explored {
    let mut graph = Graph::default();
    let (mut waiting, mut next, mut steps) = (VecDeque::new(), Vec::new(), 0);
    waiting.push_back(graph.number(World::first(setting), None).0);
    let wanted = |violation: &Violation| hunted.is_empty() || hunted.contains(violation);
    while let Some(from) = waiting.pop_front() {
        graph.worlds[from as usize].successors(setting, &mut next);
        for Next { step, world, violation } in next.drain(..) {
            steps += 1;
            if let Some(violation) = violation.filter(wanted) {
                let mut way = graph.way_to(from);
                way.push(step);
                let counterexample = Some(Counterexample { violation, steps: way });
                return Explored { worlds: graph.worlds.len(), steps, counterexample };
            }
            let (to, fresh) = graph.number(world, Some((from, step)));
            if fresh {
                waiting.push_back(to);
            }
            if !step.is_fault() {
                graph.sound.push((to, from));
            }
        }
    }
    let stuck = graph.stuck().map(|number| {
        let waits = graph.worlds[number as usize].rows.iter().any(|row| row.phase == Phase::Queued);
        let violation = if waits { Violation::LostJob } else { Violation::StuckRow };
        Counterexample { violation, steps: graph.way_to(number) }
    });
    Explored { worlds: graph.worlds.len(), steps, counterexample: stuck.filter(|stuck| wanted(&stuck.violation)) }
}
