//! The parts of a process that run until it stops. One that ends by itself is a crash.

use std::{any::Any, collections::HashMap};

use kernel::{Problem, Result};
use tokio::task::{Id, JoinError, JoinSet};

/// Long-running tasks, by name. Dropping it aborts them.
#[derive(Default)]
pub struct Components {
    tasks: JoinSet<Result<()>>,
    names: HashMap<Id, &'static str>,
}

impl Components {
    /// Starts `work`, which should never end.
    pub fn start(&mut self, name: &'static str, work: impl Future<Output = Result<()>> + Send + 'static) {
        let id = self.tasks.spawn(work).id();
        self.names.insert(id, name);
    }

    /// Waits until one of them ends, and says how. Waits for ever when there are none.
    pub async fn failed(&mut self) -> Problem {
        match self.tasks.join_next_with_id().await {
            Some(Ok((id, Ok(())))) => self.ended(id, Problem::internal("it returned")),
            Some(Ok((id, Err(problem)))) => self.ended(id, problem),
            Some(Err(error)) => self.ended(error.id(), panicked(error)),
            None => std::future::pending().await,
        }
    }

    fn ended(&self, id: Id, cause: Problem) -> Problem {
        let name = self.names.get(&id).copied().unwrap_or("a component");
        Problem::internal(format!("{name} ended by itself: {cause}"))
    }
}

fn panicked(error: JoinError) -> Problem {
    let words = error.try_into_panic().ok().and_then(|payload| words(payload.as_ref()));
    Problem::internal(format!("it panicked: {}", words.unwrap_or_default()))
}

fn words(payload: &(dyn Any + Send)) -> Option<String> {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_component_that_ends_is_named_with_its_reason() {
        let mut components = Components::default();
        components.start("steady", std::future::pending());
        components.start("broken", async { Err(Problem::internal("disk on fire")) });
        let failure = components.failed().await.to_string();
        assert!(failure.contains("broken ended by itself") && failure.contains("disk on fire"), "{failure}");
        components.start("panicking", async { panic!("at the disco") });
        let failure = components.failed().await.to_string();
        assert!(failure.contains("panicking ended by itself") && failure.contains("at the disco"), "{failure}");
    }
}
