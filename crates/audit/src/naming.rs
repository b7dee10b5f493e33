//! What a refused request would have done, and to what, read off its route: `PATCH /api/v1/schedules/{id}` is `schedule.update`.
//!
//! So that a search for `schedule.` finds what was done and what was refused. Routes are named alike: a plural noun, the
//! id of one of them, and a verb where the method does not say it.

/// In front of the noun.
const IN_FRONT: [&str; 3] = ["api", "v1", "admin"];
/// The longest id that is kept.
const LONGEST_ID: usize = 100;

/// `noun.verb` of a request to `route`, which is a path with its parameters in braces.
pub(crate) fn action(method: &str, route: &str) -> String {
    let mut words = segments(route).filter(|segment| !segment.starts_with('{')).map(|word| word.replace('-', "_"));
    let noun = words.next().map_or_else(|| "request".to_owned(), |noun| singular(&noun));
    let verb = words.collect::<Vec<_>>().join("_");
    match (verb.as_str(), method) {
        ("", "POST") => format!("{noun}.create"),
        ("", "PUT" | "PATCH") => format!("{noun}.update"),
        ("", "DELETE") => format!("{noun}.delete"),
        ("", _) => format!("{noun}.read"),
        (verb, _) => format!("{noun}.{verb}"),
    }
}

/// `noun:id` when the route names one by its first parameter.
pub(crate) fn target(route: &str, path: &str) -> Option<String> {
    let noun = segments(route).next().filter(|noun| !noun.starts_with('{'))?;
    let (_, id) = segments(route).zip(segments(path)).find(|(name, _)| name.starts_with('{'))?;
    let plain = id.len() <= LONGEST_ID && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    plain.then(|| format!("{}:{id}", singular(&noun.replace('-', "_"))))
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|segment| !segment.is_empty()).skip_while(|segment| IN_FRONT.contains(segment))
}

fn singular(noun: &str) -> String {
    if let Some(stem) = noun.strip_suffix("ies") {
        return format!("{stem}y");
    }
    noun.strip_suffix('s').filter(|stem| stem.len() > 2 && !stem.ends_with('s')).unwrap_or(noun).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_says_what_was_to_be_done() {
        for (method, route, wanted) in [
            ("POST", "/api/v1/schedules", "schedule.create"),
            ("PATCH", "/api/v1/schedules/{id}", "schedule.update"),
            ("PUT", "/api/v1/schedules/{id}", "schedule.update"),
            ("DELETE", "/api/v1/api-keys/{id}", "api_key.delete"),
            ("GET", "/api/v1/audit", "audit.read"),
            ("POST", "/api/v1/schedules/{id}/pause", "schedule.pause"),
            ("POST", "/api/v1/schedules/bulk/create", "schedule.bulk_create"),
            ("POST", "/api/v1/scheduled-jobs/{job_id}/trigger", "scheduled_job.trigger"),
            ("POST", "/api/v1/admin/trials", "trial.create"),
            ("GET", "/health/detailed", "health.detailed"),
            ("POST", "/api/v1/summaries", "summary.create"),
            ("GET", "/", "request.read"),
        ] {
            assert_eq!(action(method, route), wanted, "{method} {route}");
        }
    }

    #[test]
    fn a_path_says_to_what() {
        let one = "/api/v1/schedules/{id}/pause";
        let wanted = Some("schedule:0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e".to_owned());
        assert_eq!(target(one, "/api/v1/schedules/0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e/pause"), wanted);
        assert_eq!(
            target("/api/v1/scheduled-jobs/{job_id}", "/api/v1/scheduled-jobs/daily").as_deref(),
            Some("scheduled_job:daily")
        );
        assert_eq!(target(one, "/api/v1/schedules/%22%3E/pause"), None);
        assert_eq!(target(one, &format!("/api/v1/schedules/{}/pause", "x".repeat(101))), None);
        assert_eq!(target("/api/v1/schedules", "/api/v1/schedules"), None);
    }
}
