//! Which kinds exist and what runs them. Listed by hand, in `app`.

use std::{collections::BTreeMap, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use kernel::{FieldError, Problem};
use serde_json::Value;

use crate::{
    attempt::Attempt,
    enqueue::Work,
    job::{Done, Failure, Job, Policy, Queue},
    problems, schema,
};

/// Every kind of job that this code can run.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: BTreeMap<&'static str, Arc<dyn Runnable>>,
}

/// What the engine knows of a kind.
#[derive(Clone, Copy, Debug)]
pub struct KindInfo {
    /// The current name; rows may hold an alias of it.
    pub kind: &'static str,
    /// Its queue.
    pub queue: Queue,
    /// How it is run.
    pub policy: Policy,
}

impl Registry {
    /// Adds `J`, run with `cx`. The last one of a kind wins.
    pub fn add<J: Job>(&mut self, cx: J::Cx) -> &mut Self {
        let runnable: Arc<dyn Runnable> = Arc::new(Typed::<J> { cx });
        for kind in std::iter::once(J::KIND).chain(J::ALIASES.iter().copied()) {
            self.kinds.insert(kind, runnable.clone());
        }
        self
    }

    /// The kinds (without aliases), by name.
    pub fn kinds(&self) -> impl Iterator<Item = KindInfo> + '_ {
        self.kinds
            .iter()
            .map(|(name, runnable)| (name, runnable.info()))
            .filter(|(name, info)| **name == info.kind)
            .map(|(_, info)| info)
    }

    /// Every name that stands for a kind in rows, aliases too.
    pub fn names(&self) -> Vec<String> {
        self.kinds.keys().map(|name| (*name).to_owned()).collect()
    }

    /// What is known of `kind`, which may be an alias.
    pub fn info(&self, kind: &str) -> Option<KindInfo> {
        self.kinds.get(kind).map(|runnable| runnable.info())
    }

    /// Checks that `args` can be read as arguments of `kind`.
    ///
    /// # Errors
    /// `unknown-job-kind` or `job-arguments`, saying what is wrong.
    pub fn check(&self, kind: &str, args: &Value) -> Result<KindInfo, Problem> {
        let runnable = self.runnable(kind)?;
        runnable.check(&args.to_string())?;
        Ok(runnable.info())
    }

    /// The JSON Schema of the arguments of `kind` (or an alias), if it may be scheduled through the API.
    pub fn schedulable(&self, kind: &str) -> Option<Value> {
        self.kinds.get(kind).and_then(|runnable| runnable.schema())
    }

    /// Checks that `kind` may be scheduled through the API, and `args` against its schema and by reading them. `at` is the
    /// JSON pointer at which the request's body has them, such as `/args`.
    ///
    /// # Errors
    /// `unknown-job-kind`, `job-not-schedulable`, or `job-arguments`, naming each wrong field by its pointer in the body;
    /// `internal-error` for a schema that nobody can check.
    pub fn check_args(&self, kind: &str, args: &Value, at: &str) -> Result<KindInfo, Problem> {
        let runnable = self.runnable(kind)?;
        let Some(schema) = runnable.schema() else {
            return Err(Problem::new(&problems::NOT_SCHEDULABLE).detail(format!("{kind} is not for schedules")));
        };
        let mut wrong = schema::check(&schema, args, at)
            .map_err(|why| Problem::internal(format!("the schema of the arguments of {kind}: {why}")))?;
        if wrong.is_empty() {
            wrong.extend(runnable.read(args, at).err());
        }
        if wrong.is_empty() {
            return Ok(runnable.info());
        }
        let refused = Problem::new(&problems::BAD_ARGS);
        Err(wrong.into_iter().fold(refused, |problem, error| problem.field(error.pointer, error.message)))
    }

    /// What enqueues `kind` with `args`, unique where the job is.
    ///
    /// # Errors
    /// As [`Registry::check`].
    pub fn work(&self, kind: &str, args: Value) -> Result<Work, Problem> {
        let runnable = self.runnable(kind)?;
        let unique_key = runnable.check(&args.to_string())?;
        let info = runnable.info();
        Ok(Work { kind: info.kind, queue: info.queue, args, unique_key, max_attempts: info.policy.max_attempts })
    }

    pub(crate) fn runnable(&self, kind: &str) -> Result<Arc<dyn Runnable>, Problem> {
        let found = self.kinds.get(kind).cloned();
        found
            .ok_or_else(|| Problem::new(&problems::UNKNOWN_KIND).detail(format!("no job of kind {kind} is registered")))
    }
}

pub(crate) trait Runnable: Send + Sync {
    fn info(&self) -> KindInfo;
    /// The schema of its arguments, if it may be scheduled.
    fn schema(&self) -> Option<Value>;
    /// Whether `args`, which stand at the JSON pointer `at`, can be read.
    fn read(&self, args: &Value, at: &str) -> Result<(), FieldError>;
    /// The unique key of the job that `args` are.
    fn check(&self, args: &str) -> Result<Option<String>, Problem>;
    fn run(self: Arc<Self>, args: String, me: Attempt) -> BoxFuture<'static, Result<Done, Failure>>;
}

struct Typed<J: Job> {
    cx: J::Cx,
}

fn decode<J: Job>(args: &str) -> Result<J, Problem> {
    serde_json::from_str(args).map_err(|error| {
        Problem::new(&problems::BAD_ARGS).detail(format!("the arguments of {} cannot be read: {error}", J::KIND))
    })
}

impl<J: Job> Runnable for Typed<J> {
    fn info(&self) -> KindInfo {
        KindInfo { kind: J::KIND, queue: J::QUEUE, policy: J::POLICY }
    }

    fn schema(&self) -> Option<Value> {
        J::schema()
    }

    fn read(&self, args: &Value, at: &str) -> Result<(), FieldError> {
        schema::read::<J>(args, at).map(drop)
    }

    fn check(&self, args: &str) -> Result<Option<String>, Problem> {
        decode::<J>(args).map(|job| job.unique_key())
    }

    fn run(self: Arc<Self>, args: String, me: Attempt) -> BoxFuture<'static, Result<Done, Failure>> {
        async move {
            let job: J = decode(&args).map_err(Failure::newer)?;
            job.run(&self.cx, &me).await
        }
        .boxed()
    }
}

#[cfg(test)]
mod tests {
    use serde::{Deserialize, Serialize};
    use serde_json::json;

    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Water {
        plant: String,
    }

    impl Job for Water {
        type Cx = ();
        const KIND: &'static str = "test.water";

        fn unique_key(&self) -> Option<String> {
            Some(self.plant.clone())
        }

        async fn run(&self, (): &(), _: &Attempt) -> Result<Done, Failure> {
            Ok(Done::Cancel("never run".to_owned()))
        }
    }

    /// Asks for more in its schema than serde does, and for more by serde than in its schema.
    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Mow {
        metres: u32,
    }

    impl Job for Mow {
        type Cx = ();
        const KIND: &'static str = "test.mow";
        const ALIASES: &'static [&'static str] = &["test.cut"];

        fn schema() -> Option<Value> {
            Some(json!({"properties": {"metres": {"maximum": 9}}}))
        }

        async fn run(&self, (): &(), _: &Attempt) -> Result<Done, Failure> {
            Ok(Done::Cancel("never run".to_owned()))
        }
    }

    #[test]
    fn arguments_of_a_schedule_must_fit_the_schema_and_the_job() {
        let mut registry = Registry::default();
        registry.add::<Water>(()).add::<Mow>(());
        let check = |kind, args| registry.check_args(kind, &args, "/args");
        assert_eq!(check("test.cut", json!({ "metres": 9 })).unwrap().kind, "test.mow");
        for (args, pointer, message) in [
            (json!({ "metres": 10 }), "/args/metres", "must be at most 9"),
            (json!({ "metres": -1 }), "/args/metres", "is not valid: expected u32"),
            (json!({ "metres": 1, "deep": 1 }), "/args/deep", "is not a field that is known here"),
            (json!({}), "/args/metres", "is required"),
            (json!(null), "/args", "is not valid: expected struct Mow"),
        ] {
            let problem = check("test.mow", args).unwrap_err();
            assert!(problem.is(&problems::BAD_ARGS), "{problem}");
            let wrong: Vec<_> = problem.errors().iter().map(|e| (e.pointer.as_str(), e.message.as_str())).collect();
            assert_eq!(wrong, [(pointer, message)]);
        }
        assert!(check("test.water", json!({ "plant": "fern" })).unwrap_err().is(&problems::NOT_SCHEDULABLE));
        assert!(check("test.swim", json!({})).unwrap_err().is(&problems::UNKNOWN_KIND));
        assert!(registry.schedulable("test.cut").is_some() && registry.schedulable("test.water").is_none());
    }

    #[test]
    fn work_made_from_a_kind_s_name_is_as_unique_as_the_job() {
        let mut registry = Registry::default();
        registry.add::<Water>(());
        let work = registry.work("test.water", json!({ "plant": "fern" })).unwrap();
        assert_eq!((work.kind, work.unique_key.as_deref()), ("test.water", Some("fern")));
        assert!(registry.work("test.water", json!({})).is_err());
        assert!(registry.work("test.mow", json!({})).is_err());
    }
}
