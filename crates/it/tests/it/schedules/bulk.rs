//! Many schedules at once: created together or not at all, and changed each by its own right.

use std::time::{Duration, Instant};

use schedules::{DeleteOldExecutions, Recurring};
use serde_json::{Value, json};
use store::Sql;
use testkit::{Answer, Person, TestApp};

const ALL: &str = "/api/v1/schedules";
const CREATE: &str = "/api/v1/schedules/bulk/create";
const OPERATE: &str = "/api/v1/schedules/bulk/operation";
const HOUR: Duration = Duration::from_secs(3600);

/// Somebody who may make schedules, and change nobody else's.
async fn maker(app: &TestApp) -> Person<'_> {
    let grant =
        "insert into role_permissions (role, permission) values ('operator', 'schedule.write') on conflict do nothing";
    app.db().conn().run(grant, []).await.unwrap();
    app.operator().await
}

fn hourly(name: &str) -> Value {
    json!({ "name": name, "interval_seconds": 3600, "job": "engine.noop" })
}

async fn create(by: &Person<'_>, names: &[&str]) -> Vec<String> {
    let items: Vec<Value> = names.iter().map(|name| hourly(name)).collect();
    let created = by.post(CREATE).json(json!({ "schedules": items })).await.expect(201).json();
    ids(&created["success"])
}

fn ids(items: &Value) -> Vec<String> {
    let ids = items.as_array().unwrap().iter().map(|item| item["schedule_id"].as_str().unwrap().to_owned());
    ids.collect()
}

async fn operate(by: &Person<'_>, body: Value) -> Value {
    by.post(OPERATE).json(body).await.expect(200).json()
}

/// Asks for an operation by filter and runs its task; returns what is told of it in the end.
async fn by_filter(app: &TestApp, by: &Person<'_>, body: Value) -> Value {
    let accepted = by.post(OPERATE).json(body).await.expect(202);
    let task = accepted.header("location").to_owned();
    assert_eq!(by.get(&task).await.expect(200).json()["status"], "queued");
    app.drain_jobs().await;
    let done = by.get(&task).await.expect(200).json();
    assert_eq!((&done["status"], &done["kind"]), (&json!("succeeded"), &json!("schedules.bulk_operation")));
    by.get(done["result_url"].as_str().unwrap()).await.expect(200).json()
}

async fn count(app: &TestApp, sql: &'static str) -> i64 {
    app.db().conn().scalar(sql, []).await.unwrap().unwrap()
}

async fn schedules(app: &TestApp) -> i64 {
    count(app, "select count(*) from schedules where origin = 'api' and deleted_at is null").await
}

async fn shown(by: &Person<'_>, id: &str) -> Value {
    by.get(&format!("{ALL}/{id}")).await.expect(200).json()
}

fn pointers(refused: &Answer) -> Vec<String> {
    let errors = refused.json()["errors"].as_array().cloned().unwrap_or_default();
    errors.iter().map(|error| error["pointer"].as_str().unwrap().to_owned()).collect()
}

/// Which problems, by schedule or by place.
fn problems(failed: &Value, by: &str) -> Vec<(String, String)> {
    let slug = |item: &Value| item["error"]["type"].as_str().unwrap().replace("/problems/", "");
    let failed = failed.as_array().unwrap().iter();
    failed.map(|item| (item[by].to_string().replace('"', ""), slug(item))).collect()
}

#[tokio::test]
async fn what_is_created_together_stands_there_like_any_other_and_in_the_audit_log() {
    let app = TestApp::start().await;
    let ann = maker(&app).await;
    let first = create(&ann, &["first"]).await;
    let items = json!([
        { "name": "weekdays", "phrase": "every weekday at 9am", "timezone": "Asia/Jakarta", "job": "engine.noop", "tags": ["a", "b"] },
        { "name": "now", "schedule_type": "immediate", "job": "engine.noop", "args": { "sleep_ms": 1 } },
        { "name": "behind", "after": [{ "schedule_id": first[0], "on": "completion" }], "job": "engine.noop" },
        { "name": "bounded", "cron_expressions": ["0 1 * * *", "0 3 * * *"], "max_runs": 3, "retry_delay": 7, "job": "engine.noop" },
    ]);
    let answer =
        ann.post(CREATE).header("x-created-by", "importer").json(json!({ "schedules": items })).await.expect(201);
    let created = answer.json();
    assert_eq!(created["failed"], json!([]));
    let names: Vec<_> =
        created["success"].as_array().unwrap().iter().map(|item| (&item["index"], &item["name"])).collect();
    assert_eq!(
        names,
        [
            (&json!(0), &json!("weekdays")),
            (&json!(1), &json!("now")),
            (&json!(2), &json!("behind")),
            (&json!(3), &json!("bounded"))
        ]
    );
    // What the single operation makes of the same request differs in its names and ids only.
    for (item, made) in items.as_array().unwrap().iter().zip(ids(&created["success"])) {
        let mut alone = item.clone();
        alone["name"] = json!(format!("{}, alone", item["name"].as_str().unwrap()));
        let alone = ann.post(ALL).header("x-created-by", "importer").json(alone).await.expect(201).json();
        let (mut alone, mut made) = (alone, shown(&ann, &made).await);
        for name in ["id", "name"] {
            (alone[name], made[name]) = (Value::Null, Value::Null);
        }
        assert_eq!(made, alone);
    }
    let audited =
        "select count(*) from audit_log where action = 'schedule.create' and outcome = 'done' and label = 'importer'
                   and path = '/api/v1/schedules/bulk/create' and request_id = $1";
    let request = answer.header("x-request-id").to_owned();
    assert_eq!(app.db().conn().scalar::<i64, _>(audited, [request.into()]).await.unwrap(), Some(4));
    assert_eq!(app.executions("engine.noop").await.len(), 2, "both immediate ones are due at once");
    app.drain_jobs().await;
}

#[tokio::test]
async fn a_thousand_are_created_in_a_few_seconds() {
    let app = TestApp::start().await;
    let ann = maker(&app).await;
    let item = |n: usize| json!({ "name": format!("report {n}"), "cron_expression": format!("{} {} * * MON-FRI", n % 60, n % 24), "timezone": "Europe/Berlin", "job": "engine.noop", "tags": ["reports"] });
    let items: Vec<Value> = (0..1000).map(item).collect();
    let began = Instant::now();
    let created = ann.post(CREATE).json(json!({ "schedules": items })).await.expect(201).json();
    let took = began.elapsed();
    assert_eq!((created["success"].as_array().unwrap().len(), schedules(&app).await), (1000, 1000));
    println!("1000 creations took {took:?}");
    assert!(took < Duration::from_secs(8), "{took:?}");
    let began = Instant::now();
    let paused = operate(&ann, json!({ "operation": "pause", "schedule_ids": ids(&created["success"]) })).await;
    println!("1000 pauses took {:?}", began.elapsed());
    assert_eq!(paused["success"].as_array().unwrap().len(), 1000);
    let one_more = ann.post(CREATE).json(json!({ "schedules": [hourly("one more")] })).await;
    assert_eq!(one_more.expect_problem("schedule-quota").json()["limit"], 1000, "a thousand count as a thousand");
}

#[tokio::test]
async fn one_that_is_wrong_leaves_none_and_every_fault_is_named_by_its_place() {
    let app = TestApp::start().await;
    let ann = maker(&app).await;
    let items = json!([
        hourly("good"),
        { "name": "", "cron_expression": "61 * * * *", "job": "engine.noop" },
        7,
        { "name": "other", "interval_seconds": 60, "job": "engine.noop", "args": { "sleep_ms": -1 }, "surprise": 1 },
        { "name": "late", "interval_seconds": 60, "job": "engine.noop", "after": [{ "schedule_id": uuid::Uuid::nil() }] },
    ]);
    let refused = ann.post(CREATE).json(json!({ "schedules": items })).await.expect_problem("validation-failed");
    let mut wrong = pointers(&refused);
    wrong.sort();
    let wanted = [
        "/schedules/1/cron_expression",
        "/schedules/1/name",
        "/schedules/2",
        "/schedules/3/args/sleep_ms",
        "/schedules/3/surprise",
        "/schedules/4/after/0/schedule_id",
    ];
    assert_eq!(wrong, wanted);
    assert_eq!(refused.json()["detail"], "4 of 5 schedules cannot be created: none was");
    assert_eq!(schedules(&app).await, 0);
    for (body, pointer) in [
        (json!({}), "/schedules"),
        (json!({ "schedules": [] }), "/schedules"),
        (json!({ "schedules": vec![hourly("x"); 1001] }), "/schedules"),
        (json!({ "schedules": hourly("x") }), "/schedules"),
        (json!({ "schedules": [hourly("x")], "partial": true }), "/partial"),
    ] {
        assert_eq!(pointers(&ann.post(CREATE).json(body).await.expect_problem("validation-failed")), [pointer]);
    }
    let refused = ann.post(&format!("{CREATE}?partial=maybe")).json(json!({ "schedules": [hourly("x")] })).await;
    assert_eq!(pointers(&refused.expect_problem("validation-failed")), ["/partial"]);
    assert_eq!(schedules(&app).await, 0);
}

#[tokio::test]
async fn partially_those_are_created_that_can_be_and_the_others_say_why_not() {
    let app = TestApp::start().await;
    let ann = maker(&app).await;
    create(&ann, &["taken"]).await;
    let items = json!([
        hourly("a"), hourly("taken"), { "name": "b", "job": "engine.noop" }, hourly("a"), "c", hourly("d"),
        { "name": "e", "interval_seconds": 60, "job": "no.such" },
    ]);
    let answer =
        ann.post(&format!("{CREATE}?partial=true")).json(json!({ "schedules": items })).await.expect(200).json();
    let made: Vec<_> =
        answer["success"].as_array().unwrap().iter().map(|item| (&item["index"], &item["name"])).collect();
    assert_eq!(made, [(&json!(0), &json!("a")), (&json!(5), &json!("d"))]);
    let wanted = [
        ("1", "schedule-name-taken"),
        ("2", "validation-failed"),
        ("3", "schedule-name-taken"),
        ("4", "validation-failed"),
        ("6", "validation-failed"),
    ];
    assert_eq!(problems(&answer["failed"], "index"), wanted.map(|(at, slug)| (at.to_owned(), slug.to_owned())));
    assert_eq!(answer["failed"][0]["error"]["errors"][0]["pointer"], "/schedules/1/name");
    assert_eq!(answer["failed"][0]["name"], "taken");
    assert_eq!(schedules(&app).await, 3);
    let refused = "select count(*) from audit_log where action = 'schedule.create' and outcome = 'refused'";
    assert_eq!(count(&app, refused).await, 5);
    let all = ann.post(&format!("{CREATE}?partial=true")).json(json!({ "schedules": [hourly("f")] })).await;
    all.expect(201);
    let taken = ann.post(CREATE).json(json!({ "schedules": [hourly("g"), hourly("a")] })).await;
    assert_eq!(pointers(&taken.expect_problem("schedule-name-taken")), ["/schedules/1/name"]);
    assert_eq!(schedules(&app).await, 4);
    // Somebody else's names are free.
    create(&maker(&app).await, &["taken"]).await;
}

#[tokio::test]
async fn the_quota_is_exact_however_many_create_at_once() {
    let app = TestApp::with(|config| config.schedules.most_per_creator = 10).await;
    let ann = maker(&app).await;
    let batch = |of: &str, size: usize, query: &str| {
        let items: Vec<Value> = (0..size).map(|n| hourly(&format!("{of} {n}"))).collect();
        ann.post(&format!("{CREATE}{query}")).json(json!({ "schedules": items })).send()
    };
    let (first, second, third) = tokio::join!(batch("a", 6, ""), batch("b", 6, ""), batch("c", 6, ""));
    let mut statuses = [first.status, second.status, third.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409]);
    let (d, e) = tokio::join!(batch("d", 3, "?partial=true"), batch("e", 3, "?partial=true"));
    let made = [&d, &e].map(|answer| answer.json()["success"].as_array().unwrap().len());
    assert_eq!((made.iter().sum::<usize>(), schedules(&app).await), (4, 10));
    let failed: Vec<String> =
        [&d, &e].iter().flat_map(|answer| problems(&answer.json()["failed"], "index")).map(|item| item.1).collect();
    assert_eq!(failed, ["schedule-quota"; 2]);
    batch("f", 1, "").await.expect_problem("schedule-quota");
}

#[tokio::test]
async fn a_body_may_be_larger_here_than_elsewhere_and_counts_as_one_request() {
    let app = TestApp::with(|config| config.schedules.rate_limit_per_minute = 2).await;
    let ann = maker(&app).await;
    let big = |size: usize| json!({ "schedules": [{ "name": "big", "description": "x".repeat(size), "interval_seconds": 60, "job": "engine.noop" }] });
    let refused = ann.post(CREATE).idempotency_key("k").json(big(300 * 1024)).await.expect_problem("validation-failed");
    assert_eq!(pointers(&refused), ["/schedules/0/description"], "it was read");
    let items: Vec<Value> = (0..300).map(|n| json!({ "name": format!("{n}"), "description": "x".repeat(2000), "interval_seconds": 60, "job": "engine.noop" })).collect();
    ann.post(CREATE).json(json!({ "schedules": items })).await.expect(201);
    ann.post(CREATE).json(json!({ "schedules": [hourly("x")] })).await.expect_problem("rate-limited");
    app.advance(Duration::from_secs(120));
    let ben = maker(&app).await;
    ben.post(CREATE).json(big(5 * 1024 * 1024)).await.expect_problem("payload-too-large");
    ben.post(OPERATE)
        .json(json!({ "operation": "pause", "reason": "x".repeat(300 * 1024) }))
        .await
        .expect_problem("payload-too-large");
}

#[tokio::test]
async fn the_same_key_creates_once() {
    let app = TestApp::start().await;
    let ann = maker(&app).await;
    let body = json!({ "schedules": [hourly("a"), hourly("b")] });
    let first = ann.post(CREATE).idempotency_key("k").json(body.clone()).await.expect(201).json();
    let again = ann.post(CREATE).idempotency_key("k").json(body).await.expect(201);
    assert_eq!((again.json(), again.header("idempotency-replayed"), schedules(&app).await), (first, "true", 2));
}

#[tokio::test]
async fn those_without_the_permission_are_refused_before_the_body_is_looked_at() {
    let app = TestApp::start().await;
    let mut people = Vec::new();
    for role in ["reader", "hr_admin", "operator"] {
        people.push(app.person(role).await);
    }
    for person in &people {
        person.post(CREATE).body("{").await.expect_problem("forbidden");
        person.post(OPERATE).body("{").await.expect_problem("forbidden");
    }
    let shown = format!("{ALL}/bulk/operations/{}", uuid::Uuid::nil());
    people[0].get(&shown).await.expect_problem("forbidden");
    people[2].get(&shown).await.expect_problem("not-found");
    app.post(CREATE).body("{").await.expect_problem("unauthenticated");
}

#[tokio::test]
async fn each_is_judged_by_itself_and_what_was_due_before_a_pause_still_runs() {
    let app = TestApp::start().await;
    let (ann, ben, admin) = (maker(&app).await, maker(&app).await, app.admin().await);
    let (mine, others) = (create(&ann, &["one", "two", "three"]).await, create(&ben, &["four"]).await);
    app.declare_schedules().await;
    let declared = ann.get(&format!("{ALL}?creator=code&limit=1")).await.expect(200).json()["items"][0]["id"].clone();
    operate(&ann, json!({ "operation": "pause", "schedule_ids": [mine[1]] })).await;
    app.advance(Duration::from_secs(600)); // less than a token lives
    let due = "update schedules set next_run_at = $1 where id = $2::text::uuid";
    app.db().conn().run(due, [app.clock().now().into(), mine[0].as_str().into()]).await.unwrap();
    let nobody = uuid::Uuid::nil().to_string();
    let asked = [&others[0], &mine[2], &nobody, &mine[0], &mine[1]];
    let body = json!({ "operation": "pause", "schedule_ids": asked, "reason": "the warehouse moves" });
    let answer = ann.post(OPERATE).header("x-performed-by", "Ann").json(body).await.expect(200).json();
    assert_eq!(ids(&answer["success"]), [mine[2].clone(), mine[0].clone()], "in the order of the request");
    let wanted = [(&others[0], "forbidden"), (&nobody, "not-found"), (&mine[1], "schedule-state")];
    assert_eq!(problems(&answer["failed"], "schedule_id"), wanted.map(|(id, slug)| (id.clone(), slug.to_owned())));
    let first = shown(&ann, &mine[0]).await;
    assert_eq!((&first["status"], &first["status_reason"]), (&json!("paused"), &json!("the warehouse moves")));
    assert_eq!(app.executions("engine.noop").await.len(), 1, "the due time before the pause");
    let audited = async |outcome: &str| {
        let sql = "select count(*) from audit_log where action = 'schedule.pause' and outcome = $1 and label = 'Ann'";
        app.db().conn().scalar::<i64, _>(sql, [outcome.into()]).await.unwrap()
    };
    assert_eq!((audited("done").await, audited("refused").await), (Some(2), Some(2)));

    let all = json!({ "operation": "resume", "schedule_ids": [mine[0], mine[1], mine[2]] });
    assert_eq!(operate(&admin, all).await["success"].as_array().unwrap().len(), 3, "with schedule.admin anybody's");
    assert!(shown(&ann, &mine[1]).await["next_run_at"].is_string());
    let declared = json!({ "operation": "delete", "schedule_ids": [declared] });
    assert_eq!(problems(&operate(&admin, declared).await["failed"], "schedule_id")[0].1, "schedule-state");
    app.drain_jobs().await;
}

#[tokio::test]
async fn a_bulk_pause_writes_what_a_single_one_does() {
    let app = TestApp::start().await;
    let ann = maker(&app).await;
    let made = create(&ann, &["alone", "together"]).await;
    for operation in ["pause", "resume"] {
        let body = if operation == "pause" { json!({ "reason": "r" }) } else { json!({}) };
        ann.post(&format!("{ALL}/{}/{operation}", made[0])).json(body).await.expect(200);
        operate(&ann, json!({ "operation": operation, "schedule_ids": [made[1]], "reason": "r" })).await;
        let rows = "select count(distinct (to_jsonb(s) - 'id' - 'name' - 'given')) from schedules s";
        assert_eq!(count(&app, rows).await, 1, "{operation}");
        app.advance(Duration::from_secs(30));
    }
    let spans =
        "select count(distinct spans) from (select jsonb_agg(to_jsonb(p) - 'schedule_id' order by from_at) as spans
                 from schedule_spans p group by schedule_id) each";
    assert_eq!((count(&app, spans).await, count(&app, "select count(*) from schedule_spans").await > 1), (1, true));
}

#[tokio::test]
async fn triggered_ones_really_run_once_and_the_busy_ones_say_so() {
    let app = TestApp::start().await;
    let (ann, admin) = (maker(&app).await, app.admin().await);
    let made = create(&ann, &["one", "two", "three"]).await;
    let lonely = Recurring::new("lonely", "0 2 * * *", &DeleteOldExecutions {});
    schedules::upsert_declared(app.db(), &[lonely], &app.registry()).await.unwrap();
    let lonely =
        ann.get(&format!("{ALL}?creator=code")).await.expect(200).json()["items"][0]["id"].as_str().unwrap().to_owned();
    let first = operate(&ann, json!({ "operation": "trigger", "schedule_ids": [made[1]] })).await;
    operate(&ann, json!({ "operation": "pause", "schedule_ids": [made[2]] })).await;
    let answer = operate(&ann, json!({ "operation": "trigger", "schedule_ids": made })).await;
    assert_eq!(ids(&answer["success"]), [made[0].clone(), made[2].clone()]);
    assert_eq!(problems(&answer["failed"], "schedule_id"), [(made[1].clone(), "schedule-busy".to_owned())]);
    for execution in [&first["success"][0], &answer["success"][0], &answer["success"][1]] {
        let id = execution["execution_id"].as_str().unwrap().parse().unwrap();
        let row = app.execution(id).await;
        assert_eq!((row.trigger.as_str(), row.triggered_by), ("manual", Some(format!("user:{}", ann.id))));
        assert_eq!(row.schedule_id.unwrap().to_string(), execution["schedule_id"].as_str().unwrap());
    }
    assert_eq!(app.drain_jobs().await, 3);
    let running = app.enqueue(&DeleteOldExecutions {}, jobs::Enqueue::now()).await;
    let set = "update executions set state = $1 where id = $2";
    app.db().conn().run(set, ["running".into(), running.0.into()]).await.unwrap();
    let answer = operate(&admin, json!({ "operation": "trigger", "schedule_ids": [lonely] })).await;
    assert!(answer["failed"][0]["error"]["detail"].as_str().unwrap().contains("never runs twice"), "{answer}");
    app.db().conn().run(set, ["queued".into(), running.0.into()]).await.unwrap();
    app.drain_jobs().await;
    let answer = operate(&admin, json!({ "operation": "trigger", "schedule_ids": [lonely] })).await;
    assert_eq!(answer["success"].as_array().unwrap().len(), 1);
    app.drain_jobs().await;
}

#[tokio::test]
async fn deleted_ones_are_gone_with_what_waits_of_them_and_their_names_are_free() {
    let app = TestApp::start().await;
    let ann = maker(&app).await;
    let made = create(&ann, &["one", "two"]).await;
    operate(&ann, json!({ "operation": "trigger", "schedule_ids": made })).await;
    let answer =
        operate(&ann, json!({ "operation": "delete", "schedule_ids": made, "reason": "no longer needed" })).await;
    assert_eq!(answer["success"].as_array().unwrap().len(), 2);
    for id in &made {
        ann.get(&format!("{ALL}/{id}")).await.expect_problem("not-found");
    }
    assert!(app.executions("engine.noop").await.iter().all(|row| row.state == "cancelled"));
    assert_eq!(count(&app, "select count(*) from schedules where state_reason = 'deleted: no longer needed'").await, 2);
    assert_eq!(count(&app, "select count(*) from audit_log where action = 'schedule.delete'").await, 2);
    create(&ann, &["one", "two"]).await;
    let again = operate(&ann, json!({ "operation": "delete", "schedule_ids": made })).await;
    assert_eq!(problems(&again["failed"], "schedule_id").len(), 2);
}

#[tokio::test]
async fn tags_come_and_go() {
    let app = TestApp::start().await;
    let ann = maker(&app).await;
    let items: Vec<Value> = [
        json!(["draft", "a"]),
        json!([]),
        json!((0..20).map(|n| n.to_string()).collect::<Vec<_>>()),
    ]
    .into_iter()
    .enumerate()
    .map(|(n, tags)| json!({ "name": format!("{n}"), "interval_seconds": 60, "job": "engine.noop", "tags": tags }))
    .collect();
    let made = ids(&ann.post(CREATE).json(json!({ "schedules": items })).await.expect(201).json()["success"]);
    let body = json!({ "operation": "tag", "schedule_ids": made, "tags": { "add": ["final"], "remove": ["draft"] } });
    let answer = operate(&ann, body.clone()).await;
    assert_eq!(ids(&answer["success"]), made[..2]);
    assert_eq!(answer["failed"][0]["error"]["errors"][0]["pointer"], "/tags/add");
    let first = shown(&ann, &made[0]).await;
    assert_eq!((&first["tags"], &first["version"]), (&json!(["a", "final"]), &json!(2)));
    assert_eq!(shown(&ann, &made[1]).await["tags"], json!(["final"]));
    operate(&ann, body).await;
    assert_eq!(shown(&ann, &made[0]).await["version"], 2, "nothing changed, nothing is written");
    assert_eq!(
        count(&app, "select count(*) from audit_log where action = 'schedule.update' and outcome = 'done'").await,
        2
    );
    // A patch of something else keeps them.
    let patch = ann.patch(&format!("{ALL}/{}", made[0])).header("if-match", "\"2\"").json(json!({ "priority": 9 }));
    assert_eq!(patch.await.expect(200).json()["tags"], json!(["a", "final"]));
}

#[tokio::test]
async fn a_request_that_does_not_fit_together_is_refused_by_field_and_changes_nothing() {
    let app = TestApp::start().await;
    let ann = maker(&app).await;
    let made = create(&ann, &["one"]).await;
    let one = &made[0];
    for (body, wanted) in [
        (json!({}), "/operation"),
        (json!({ "operation": "explode", "schedule_ids": [one] }), "/operation"),
        (json!({ "operation": "delete" }), "/schedule_ids"),
        (json!({ "operation": "delete", "schedule_ids": [] }), "/schedule_ids"),
        (json!({ "operation": "delete", "schedule_ids": vec![one; 1001] }), "/schedule_ids"),
        (json!({ "operation": "delete", "schedule_ids": [one, one] }), "/schedule_ids/1"),
        (json!({ "operation": "delete", "schedule_ids": ["7"] }), "/schedule_ids/0"),
        (json!({ "operation": "delete", "schedule_ids": [one], "filter": { "text": "o" } }), "/filter"),
        (json!({ "operation": "delete", "filter": {} }), "/filter"),
        (json!({ "operation": "delete", "filter": { "texts": "o" } }), "/filter/texts"),
        (json!({ "operation": "delete", "filter": { "text": "a\0" } }), "/filter/text"),
        (json!({ "operation": "delete", "filter": { "tags": [] } }), "/filter/tags"),
        (json!({ "operation": "delete", "filter": { "tags": ["a", "\t"] } }), "/filter/tags/1"),
        (json!({ "operation": "delete", "filter": { "tags_match": "all" } }), "/filter/tags_match"),
        (json!({ "operation": "delete", "filter": { "status": "gone" } }), "/filter/status"),
        (
            json!({ "operation": "delete", "filter": { "next_run_from": "2026-01-02T00:00:00Z", "next_run_to": "2026-01-01T00:00:00Z" } }),
            "/filter/next_run_to",
        ),
        (json!({ "operation": "delete", "schedule_ids": [one], "reason": " " }), "/reason"),
        (json!({ "operation": "delete", "schedule_ids": [one], "tags": { "add": ["a"] } }), "/tags"),
        (json!({ "operation": "tag", "schedule_ids": [one] }), "/tags"),
        (json!({ "operation": "tag", "schedule_ids": [one], "tags": {} }), "/tags"),
        (
            json!({ "operation": "tag", "schedule_ids": [one], "tags": { "add": ["a"], "remove": ["a"] } }),
            "/tags/remove",
        ),
        (json!({ "operation": "tag", "schedule_ids": [one], "tags": { "add": ["x".repeat(51)] } }), "/tags/add/0"),
    ] {
        let refused = ann.post(OPERATE).json(body.clone()).await.expect_problem("validation-failed");
        assert_eq!(pointers(&refused), [wanted], "{body}");
    }
    let row = shown(&ann, one).await;
    assert_eq!((&row["status"], &row["version"]), (&json!("active"), &json!(1)));
    assert!(app.executions("schedules.bulk_operation").await.is_empty());
}

#[tokio::test]
async fn by_filter_it_is_a_task_that_acts_on_all_that_match_and_says_what_failed() {
    let app = TestApp::start().await;
    let (ann, ben, admin) = (maker(&app).await, maker(&app).await, app.admin().await);
    let item = |n: usize| json!({ "name": format!("{n}"), "interval_seconds": 3600, "job": "engine.noop", "tags": [if n.is_multiple_of(2) { "even" } else { "odd" }] });
    let items: Vec<Value> = (0..120).map(item).collect();
    for person in [&ann, &ben] {
        person.post(CREATE).json(json!({ "schedules": items })).await.expect(201);
    }
    let filter = json!({ "tags": ["even"], "status": "active" });
    let look = operate(&ann, json!({ "operation": "pause", "filter": filter, "dry_run": true })).await;
    assert_eq!(
        (&look["dry_run"], &look["matched"], look["schedule_ids"].as_array().unwrap().len()),
        (&json!(true), &json!(120), 100)
    );
    assert_eq!(count(&app, "select count(*) from schedules where state = 'paused'").await, 0);

    let mine = json!({ "tags": ["even"], "creator": "me" });
    let done = by_filter(&app, &ann, json!({ "operation": "pause", "filter": mine, "reason": "moving" })).await;
    assert_eq!(
        (&done["status"], &done["matched"], &done["success"], &done["failed"]),
        (&json!("succeeded"), &json!(60), &json!(60), &json!([]))
    );
    assert_eq!(
        count(&app, "select count(*) from schedules where state = 'paused' and state_reason = 'moving'").await,
        60
    );
    let audited = "select count(*) from audit_log where action = 'schedule.pause' and outcome = 'done'
                   and request_id = (select correlation_id from executions where kind = 'schedules.bulk_operation')";
    assert_eq!(count(&app, audited).await, 60, "under the request that asked");

    let done = by_filter(&app, &ann, json!({ "operation": "delete", "filter": { "tags": ["even", "odd"] } })).await;
    assert_eq!((&done["matched"], &done["success"], &done["failed_count"]), (&json!(240), &json!(120), &json!(120)));
    let failed = problems(&done["failed"], "schedule_id");
    assert_eq!((failed.len(), failed[0].1.as_str()), (100, "forbidden"), "the first hundred");
    let done =
        by_filter(&app, &admin, json!({ "operation": "delete", "filter": { "tags": ["odd"], "tags_match": "all" } }))
            .await;
    assert_eq!((&done["success"], schedules(&app).await), (&json!(60), 60));
    assert_eq!(count(&app, "select count(*) from schedule_bulk_operations").await, 0);
}

#[tokio::test]
async fn what_the_caller_may_do_is_what_it_could_when_it_asked() {
    let app = TestApp::start().await;
    let ann = maker(&app).await;
    create(&ann, &["one"]).await;
    ann.post(OPERATE).json(json!({ "operation": "pause", "filter": { "creator": "me" } })).await.expect(202);
    app.db().conn().run("delete from role_permissions where permission = 'schedule.write'", []).await.unwrap();
    create_later(&app, &ann).await;
    app.drain_jobs().await;
    let states =
        "select count(*) from schedules where name = 'one' and state = 'paused' or name = 'later' and state = 'active'";
    assert_eq!(count(&app, states).await, 2, "and what is made after the request does not match");
    let args = app.executions("schedules.bulk_operation").await[0].args.clone();
    assert_eq!(args["by"]["permissions"], json!(["schedule.write"]));
}

/// A schedule of the same creator, made after the request.
async fn create_later(app: &TestApp, ann: &Person<'_>) {
    let copy = "insert into schedules (id, name, origin, kind, args, timing, next_run_at, created_by, owner_id, created_at, updated_at, since)
                select $1, 'later', origin, kind, args, timing, next_run_at, created_by, owner_id, created_at + interval '1 s', updated_at, since
                from schedules where owner_id = $2";
    app.db().conn().run(copy, [uuid::Uuid::now_v7().into(), ann.id.0.into()]).await.unwrap();
}

#[tokio::test]
async fn an_attempt_that_fails_in_the_middle_is_gone_on_with_and_triggers_nothing_twice() {
    let app = TestApp::start().await;
    app.allow_error("schedules.bulk_operation");
    let admin = app.admin().await;
    // Two batches and a bit.
    let rows = "insert into schedules (id, name, origin, kind, args, timing, next_run_at, created_by, created_at, updated_at, since)
                select gen_random_uuid(), 'many ' || n, 'api', 'engine.noop', '{}', '{\"type\": \"interval\", \"every_seconds\": 3600, \"anchor\": \"2026-01-01T00:00:00Z\"}',
                       $1, 'user:x', $2, $2, $2
                from generate_series(1, 1100) n";
    let now = app.clock().now();
    app.db().conn().run(rows, [(now + HOUR).into(), now.into()]).await.unwrap();
    for sql in [
        "create function drill() returns trigger language plpgsql as $$ begin
            if (select count(*) from executions where trigger = 'manual') > 700 then raise exception 'asked to fail'; end if;
            new.run_at = new.run_at + interval '10 days'; -- so that none of them runs here
            return new;
         end $$",
        "create trigger drill before insert on executions for each row when (new.trigger = 'manual') execute function drill()",
    ] {
        app.db().conn().run(sql, []).await.unwrap();
    }
    let accepted = admin
        .post(OPERATE)
        .json(json!({ "operation": "trigger", "filter": { "text": "many" } }))
        .await
        .expect(202)
        .json();
    let task = accepted["task_id"].as_str().unwrap().to_owned();
    app.drain_jobs().await;
    let path = format!("{ALL}/bulk/operations/{task}");
    let half = admin.get(&path).await.expect(200).json();
    assert_eq!((&half["status"], &half["matched"], &half["success"]), (&json!("queued"), &json!(1100), &json!(500)));
    assert_eq!(count(&app, "select count(*) from executions where trigger = 'manual'").await, 500);
    assert_eq!(app.execution(task.parse().unwrap()).await.progress, Some(45));
    let mended = "create or replace function drill() returns trigger language plpgsql as $$ begin
        new.run_at = new.run_at + interval '10 days'; return new; end $$";
    app.db().conn().run(mended, []).await.unwrap();
    app.advance(Duration::from_secs(60));
    app.drain_jobs().await;
    let done = admin.get(&path).await.expect(200).json();
    assert_eq!(
        (&done["status"], &done["success"], &done["failed_count"]),
        (&json!("succeeded"), &json!(1100), &json!(0))
    );
    let runs = "select count(*) from executions where trigger = 'manual'";
    let once = "select count(distinct schedule_id) from executions where trigger = 'manual'";
    assert_eq!((count(&app, runs).await, count(&app, once).await), (1100, 1100));
    let over = "update executions set state = 'cancelled', finished_at = run_at where state = 'queued'";
    app.db().conn().run(over, []).await.unwrap();
    let row = app.execution(task.parse().unwrap()).await;
    assert_eq!((row.attempt, row.message.as_deref()), (2, Some("triggered 1100 of 1100 schedules")));
}
