//! Lists: filters, orders and pages.

use serde_json::{Value, json};
use store::Sql as _;
use testkit::Person;

use super::{ALL, at, create, maker, pointers, refused, start};

async fn names(by: &Person<'_>, query: &str) -> Vec<String> {
    let page = by.get(&format!("{ALL}?{query}")).await.expect(200).json();
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

/// Follows the links to the end, and returns the names of each page.
async fn pages(by: &Person<'_>, query: &str) -> Vec<Vec<String>> {
    let (mut path, mut found) = (format!("{ALL}?{query}"), Vec::new());
    loop {
        let answer = by.get(&path).await.expect(200);
        let page = answer.json();
        let items = page["items"].as_array().unwrap().iter();
        found.push(items.map(|item| item["name"].as_str().unwrap().to_owned()).collect());
        if page["next_cursor"] == Value::Null {
            return found;
        }
        let link = answer.header("link");
        link.trim_start_matches('<').split_once('>').unwrap().0.clone_into(&mut path);
    }
}

#[tokio::test]
async fn each_filter_finds_what_it_names() {
    let app = start().await;
    let (admin, ann) = (app.admin().await, maker(&app).await);
    let first = json!({ "name": "alpha", "description": "100% of_it", "interval_seconds": 60, "tags": ["x", "y"] });
    let first = create(&admin, first).await;
    create(&admin, json!({ "name": "Beta", "cron_expression": "0 12 * * *", "tags": ["y", "z"] })).await;
    create(&ann, json!({ "name": "gamma", "after": [{ "schedule_id": first["id"] }], "tags": ["z"] })).await;
    create(&ann, json!({ "name": "delta", "schedule_type": "immediate" })).await;
    admin.post(&at(&first, "/pause")).json(json!({ "reason": "r" })).await.expect(200);
    for (query, wanted) in [
        (format!("creator=user:{}", admin.id), ["Beta", "alpha"].as_slice()),
        ("creator=me".to_owned(), &["Beta", "alpha"]),
        ("creator=code".to_owned(), &[]),
        ("tags=y".to_owned(), &["Beta", "alpha"]),
        ("tags=x,z".to_owned(), &["Beta", "alpha", "gamma"]),
        ("tags=y,z&tags_match=all".to_owned(), &["Beta"]),
        ("tags=y,z&tags_match=any".to_owned(), &["Beta", "alpha", "gamma"]),
        ("status=paused".to_owned(), &["alpha"]),
        ("status=completed".to_owned(), &["delta"]),
        ("type=cron".to_owned(), &["Beta"]),
        ("type=dependent".to_owned(), &["gamma"]),
        ("text=ETA".to_owned(), &["Beta"]),
        ("text=100%25".to_owned(), &["alpha"]),
        ("text=of_it".to_owned(), &["alpha"]),
        ("text=ofxit".to_owned(), &[]),
        ("next_run_from=2026-01-05T11:00:00Z".to_owned(), &["Beta"]),
        ("next_run_from=2026-01-05T12:00:00Z&next_run_to=2026-01-05T12:00:01Z".to_owned(), &["Beta"]),
        ("next_run_to=2026-01-05T12:00:00Z".to_owned(), &[]),
        ("status=active&type=cron&tags=z&creator=me&text=b".to_owned(), &["Beta"]),
    ] {
        assert_eq!(names(&admin, &format!("sort=name&{query}")).await, wanted, "{query}");
    }
    app.drain_jobs().await;
}

#[tokio::test]
async fn pages_of_every_order_hold_everything_once() {
    let app = start().await;
    let admin = app.admin().await;
    for number in 0..7 {
        // Some are due at the same time, and some never.
        let fields = match number % 3 {
            0 => json!({ "name": format!("n{number}"), "cron_expression": "0 12 * * *" }),
            1 => json!({ "name": format!("n{number}"), "interval_seconds": 60 * (number + 1) }),
            _ => json!({ "name": format!("n{number}"), "schedule_type": "immediate" }),
        };
        create(&admin, fields).await;
    }
    let everything: Vec<String> = (0..7).map(|number| format!("n{number}")).collect();
    for sort in ["created_at", "name", "next_run_at"] {
        let up = pages(&admin, &format!("sort={sort}&order=asc&limit=2")).await;
        assert_eq!(up.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2, 1], "{sort}");
        let up = up.concat();
        let mut down = pages(&admin, &format!("sort={sort}&order=desc&limit=3")).await.concat();
        down.reverse();
        assert_eq!(up, down, "{sort}");
        let mut sorted = up.clone();
        sorted.sort();
        assert_eq!(sorted, everything, "{sort}");
    }
    assert_eq!(names(&admin, "sort=name&order=desc&limit=1").await, ["n6"]);
    assert_eq!(names(&admin, "limit=1").await, names(&admin, "sort=created_at&order=desc&limit=1").await);
    let by_next = names(&admin, "sort=next_run_at").await;
    assert_eq!((by_next[0].as_str(), by_next[6].as_str() > "n1"), ("n1", true), "those that are never due come last");
    app.drain_jobs().await;
}

#[tokio::test]
async fn what_cannot_be_asked_is_refused_by_name() {
    let app = start().await;
    let admin = app.admin().await;
    for (query, wanted) in [
        ("status=asleep", "/status"),
        ("type=weekly", "/type"),
        ("sort=colour", "/sort"),
        ("order=up", "/order"),
        ("tags=", "/tags"),
        ("tags=a,,b", "/tags"),
        ("tags_match=none", "/tags_match"),
        ("text=", "/text"),
        ("text=%00", "/text"),
        ("creator=%00", "/creator"),
        ("next_run_from=soon", "/next_run_from"),
        ("next_run_from=2026-01-06T00:00:00Z&next_run_to=2026-01-05T00:00:00Z", "/next_run_to"),
        ("limit=201", "/limit"),
        ("cursor=nonsense", "/cursor"),
    ] {
        assert_eq!(pointers(admin.get(&format!("{ALL}?{query}")).await), [wanted], "{query}");
    }
    create(&admin, json!({ "name": "a", "interval_seconds": 60 })).await;
    create(&admin, json!({ "name": "b", "interval_seconds": 60 })).await;
    let page = admin.get(&format!("{ALL}?sort=name&limit=1")).await.expect(200).json();
    let cursor = page["next_cursor"].as_str().unwrap();
    let other = admin.get(&format!("{ALL}?sort=created_at&cursor={cursor}")).await;
    assert_eq!(refused(other).keys().collect::<Vec<_>>(), ["/cursor"]);
}

/// Many schedules of several creators, with what sorts them spread out.
const MANY: &str = "
insert into schedules (id, name, origin, kind, args, timing, state, schedule_type, next_run_at, tags, created_by, created_at,
                       updated_at, since)
select gen_random_uuid(), 'n' || lpad(n::text, 7, '0'), 'api', 'engine.noop', '{}', '{\"type\": \"none\", \"zone\": \"UTC\"}',
       case when n % 1000 = 0 then 'paused' else 'active' end, case when n % 2 = 0 then 'cron' else 'interval' end,
       case when n % 5 > 0 then timestamptz '2030-01-01' + n * interval '1 second' end,
       array['t' || n % 50], 'user:' || n % 20, timestamptz '2025-01-01' + n * interval '1 second', now(), now()
from generate_series(1, 100000) n";

#[derive(sea_orm::FromQueryResult)]
struct Plan {
    #[sea_orm(from_alias = "QUERY PLAN")]
    plan: Value,
}

#[tokio::test]
async fn a_deep_page_reads_as_little_as_the_first_one() {
    let app = start().await;
    app.db().conn().run(MANY, []).await.unwrap();
    app.db().conn().run("analyze schedules", []).await.unwrap();
    for (sort, index, from) in [
        ("created_at", "schedules_listed", "created_at, '2025-01-01 20:00:00Z'"),
        ("name collate \"C\"", "schedules_by_name", "name collate \"C\", 'n0070000'"),
        (
            "coalesce(next_run_at, 'infinity')",
            "schedules_by_next_run",
            "coalesce(next_run_at, 'infinity'), '2030-01-01 20:00:00Z'",
        ),
    ] {
        let (expression, place) = from.rsplit_once(", ").unwrap();
        let sql = format!(
            "explain (analyze, buffers, format json) select * from schedules where deleted_at is null \
             and ({expression}, id) > ({place}, '00000000-0000-0000-0000-000000000000') order by {sort} asc, id asc limit 51"
        );
        let plans: Vec<Plan> = app.db().conn().query(Box::leak(sql.into_boxed_str()), []).await.unwrap();
        let (plan, text) = (&plans[0].plan[0]["Plan"], plans[0].plan.to_string());
        assert!(text.contains(index), "{sort}: {text}");
        let pages = plan["Shared Hit Blocks"].as_i64().unwrap() + plan["Shared Read Blocks"].as_i64().unwrap();
        assert!(pages < 200, "{sort}: {pages} pages: {text}");
    }
    let admin = app.admin().await;
    for query in ["sort=name", "sort=created_at", "sort=next_run_at", "creator=user:7", "status=paused", "tags=t7,t8"] {
        let page = admin.get(&format!("{ALL}?{query}&limit=200")).await.expect(200).json();
        if let Some(cursor) = page["next_cursor"].as_str() {
            admin.get(&format!("{ALL}?{query}&limit=200&cursor={cursor}")).await.expect(200);
        }
        let wanted = if query == "status=paused" { 100 } else { 200 };
        assert_eq!(page["items"].as_array().unwrap().len(), wanted, "{query}");
    }
}
