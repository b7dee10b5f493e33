//! Lists: filters, pages, and what is not to be mixed up with an id.

use chrono::TimeDelta;
use serde_json::json;
use testkit::{START, TestApp};
use uuid::Uuid;

use super::{Row, ids, list, path, refused, schedule};

#[tokio::test]
async fn every_filter_finds_what_it_says_and_all_of_them_must_match() {
    let app = TestApp::start().await;
    let operator = app.operator().await;
    let (schedule, _) = schedule(&app).await;
    let minutes = TimeDelta::minutes;
    let started = Row { started_at: Some(START - minutes(10)), ..Row::new("succeeded") }.insert(&app).await;
    let failed = Row { errors: json!([{"attempt": 1, "error": "Fell 100% over_it"}]), ..Row::new("failed") };
    let failed = failed.insert(&app).await;
    let missed = Row { schedule: Some(schedule), trigger: "schedule", ..Row::new("missed") }.insert(&app).await;
    let mail = Row { kind: "accounts.mail_code", queue: "mail", correlation_id: Some("c-1"), ..Row::new("succeeded") };
    let mail = mail.insert(&app).await;
    let waits = Row { schedule: Some(schedule), message: Some("100 over it"), ..Row::waiting() }.insert(&app).await;

    let all = [waits, mail, missed, failed, started];
    assert_eq!(list(&operator, "").await, all, "the newest first");
    for (query, wanted) in [
        (format!("schedule_id={schedule}"), vec![waits, missed]),
        (format!("schedule_id={schedule}&state=missed"), vec![missed]),
        ("kind=accounts.mail_code".into(), vec![mail]),
        ("kind=accounts".into(), vec![]),
        ("queue=mail".into(), vec![mail]),
        ("state=queued".into(), vec![waits]),
        ("state=failed,missed&state=queued".into(), vec![waits, missed, failed]),
        ("state=succeeded,failed".into(), vec![mail, failed, started]),
        ("trigger=schedule".into(), vec![missed]),
        ("started_from=2026-01-05T09:50:00Z".into(), vec![started]),
        ("started_from=2026-01-05T09:50:01Z".into(), vec![]),
        ("started_to=2026-01-05T09:50:01Z".into(), vec![started]),
        ("started_to=2026-01-05T09:50:00Z".into(), vec![]),
        ("correlation_id=c-1".into(), vec![mail]),
        (format!("correlation_id={failed}"), vec![failed]),
        ("correlation_id=c-2".into(), vec![]),
        ("text=FELL".into(), vec![failed]),
        ("text=100%25%20over_it".into(), vec![failed]),
        ("text=over%20it".into(), vec![waits]),
        ("text=over&queue=mail".into(), vec![]),
        (format!("schedule_id={}", Uuid::nil()), vec![]),
    ] {
        assert_eq!(list(&operator, &format!("?{query}")).await, wanted, "{query}");
    }
}

#[tokio::test]
async fn an_item_says_what_it_is() {
    let app = TestApp::start().await;
    let operator = app.operator().await;
    let (schedule, name) = schedule(&app).await;
    let id = Row {
        schedule: Some(schedule),
        trigger: "schedule",
        started_at: Some(START + TimeDelta::microseconds(40_999)),
        duration_ms: Some(812),
        errors: json!([{"attempt": 1, "error": "it fell over"}]),
        ..Row::new("failed")
    };
    let id = id.insert(&app).await;
    let page = operator.get("/api/v1/executions").await.expect(200).json();
    let mut item = page["items"][0].clone();
    assert!(item["scheduled_for"].as_str().unwrap().starts_with("2026-01-05T10:00:00"));
    item.as_object_mut().unwrap().remove("scheduled_for");
    let wanted = json!({
        "id": id, "kind": "engine.noop", "queue": "default", "state": "failed", "schedule_id": schedule, "schedule_name": name,
        "run_at": "2026-01-05T10:00:00Z", "started_at": "2026-01-05T10:00:00.040999Z", "finished_at": "2026-01-05T10:00:00Z",
        "duration_ms": 812, "lateness_ms": 40, "attempt": 0, "max_attempts": 4, "priority": 5, "trigger": "schedule",
        "triggered_by": "a test", "correlation_id": id, "worker": null, "progress": null, "message": "it fell over",
    });
    assert_eq!(item, wanted);
    assert_eq!(page["next_cursor"], json!(null));
}

#[tokio::test]
async fn pages_hold_everything_once_while_more_is_added() {
    let app = TestApp::start().await;
    let operator = app.operator().await;
    let (schedule, _) = schedule(&app).await;
    let mut rows = Vec::new();
    for state in ["failed", "missed", "succeeded", "skipped", "failed", "cancelled", "failed"] {
        rows.push(Row { schedule: Some(schedule), ..Row::new(state) }.insert(&app).await);
    }
    rows.reverse();
    for query in [
        String::new(),
        format!("schedule_id={schedule}"),
        "state=failed,missed,succeeded,skipped,cancelled".into(),
        "kind=engine.noop".into(),
    ] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = operator.get(&format!("/api/v1/executions?limit=2&{query}{cursor}")).await.expect(200);
            seen.extend(ids(&page));
            // Newer than the page, so it does not move what comes after.
            let added = Row { schedule: Some(schedule), ..Row::new("failed") }.insert(&app).await;
            sqlx::query("delete from executions where id = $1").bind(added).execute(app.db().pool()).await.unwrap();
            Row { schedule: Some(schedule), id: Uuid::now_v7(), ..Row::new("failed") }.insert(&app).await;
            let next = page.json()["next_cursor"].as_str().map(str::to_owned);
            assert_eq!(page.header("link").contains("rel=\"next\""), next.is_some());
            match next {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen[seen.len() - rows.len()..], rows[..], "{query}");
        let distinct: std::collections::BTreeSet<_> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "{query}");
        sqlx::query("delete from executions where not id = any($1)")
            .bind(&rows)
            .execute(app.db().pool())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn what_matches_little_among_much_is_found_stretch_by_stretch() {
    let app = TestApp::start().await;
    let operator = app.operator().await;
    let rare = Row { kind: "accounts.mail_trial", id: Uuid::nil(), ..Row::new("succeeded") }.insert(&app).await;
    let many = "
        insert into executions (id, kind, queue, args, state, max_attempts, run_at, finished_at, trigger, correlation_id, created_at)
        select ('0190d6e5-7c1e-7b1e-8d6a-' || lpad(to_hex(n), 12, '0'))::uuid, 'engine.noop', 'bulk', '{}', 'succeeded', 1, $1, $1, 'api', 'many', $1
        from generate_series(1, 12000) n";
    sqlx::query(many).bind(START).execute(app.db().pool()).await.unwrap();
    assert_eq!(list(&operator, "?kind=accounts.mail_trial").await, [rare]);
    let page = operator.get("/api/v1/executions?queue=bulk&limit=200").await.expect(200);
    let next = page.json()["next_cursor"].as_str().unwrap().to_owned();
    let after = list(&operator, &format!("?queue=bulk&limit=200&cursor={next}")).await;
    assert_eq!((after.len(), after[0] < ids(&page)[199]), (200, true));
    assert_eq!(list(&operator, "?text=nowhere").await, Vec::<Uuid>::new());
}

#[tokio::test]
async fn running_and_recent_are_lists_and_not_ids() {
    let app = TestApp::start().await;
    let operator = app.operator().await;
    let hours = TimeDelta::hours;
    let mut ended = Vec::new();
    for ago in [1, 30, 23, 24] {
        ended.push(Row { finished_at: Some(START - hours(ago)), ..Row::new("succeeded") }.insert(&app).await);
    }
    let runs = Row { finished_at: None, started_at: Some(START), ..Row::new("running") }.insert(&app).await;
    Row::waiting().insert(&app).await;

    assert_eq!(list(&operator, "/running").await, [runs]);
    assert_eq!(list(&operator, "/recent").await, [ended[0], ended[2]], "the last 24 hours, the latest end first");
    assert_eq!(list(&operator, "/recent?hours=168").await, [ended[0], ended[2], ended[3], ended[1]]);
    let first = operator.get("/api/v1/executions/recent?hours=168&limit=3").await.expect(200);
    let next = first.json()["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(list(&operator, &format!("/recent?hours=168&limit=3&cursor={next}")).await, [ended[1]]);
    for hours in ["0", "169", "-1", "many"] {
        let answer = operator.get(&format!("/api/v1/executions/recent?hours={hours}")).await;
        assert_eq!(refused(answer), ["/hours"], "{hours}");
    }
    assert_eq!(refused(operator.get("/api/v1/executions/jogging").await), ["/id"]);
    operator.get(&path(Uuid::nil())).await.expect_problem("not-found");
    sqlx::query("update executions set state = 'succeeded' where id = $1")
        .bind(runs)
        .execute(app.db().pool())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_chain_is_listed_whole_and_oldest_first() {
    let app = TestApp::start().await;
    let operator = app.operator().await;
    let first = Row::new("succeeded").insert(&app).await;
    let id: &'static str = first.to_string().leak();
    let of_chain = |row: Row| Row { correlation_id: Some(id), ..row };
    let mut chain = vec![first];
    for row in [Row::new("failed"), Row::waiting(), Row::new("skipped")] {
        chain.push(of_chain(row).insert(&app).await);
    }
    let runs = of_chain(Row { finished_at: None, ..Row::new("running") }).insert(&app).await;
    chain.push(runs);
    let alone = Row::new("succeeded").insert(&app).await;

    assert_eq!(list(&operator, &format!("/by-correlation/{first}")).await, chain);
    assert_eq!(list(&operator, &format!("/by-correlation/{alone}")).await, [alone]);
    let page = operator.get(&format!("/api/v1/executions/by-correlation/{first}?limit=3")).await.expect(200);
    let next = page.json()["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(list(&operator, &format!("/by-correlation/{first}?limit=3&cursor={next}")).await, chain[3..]);
    assert_eq!(list(&operator, "/by-correlation/nobody").await, Vec::<Uuid>::new());
    assert_eq!(refused(operator.get(&format!("/api/v1/executions/by-correlation/{}", "x".repeat(201))).await), ["/id"]);

    let shown = operator.get(&path(chain[1])).await.expect(200).json();
    assert_eq!(shown["chain"], json!([chain[0], chain[2], chain[3], chain[4]]), "the others");
    assert_eq!(operator.get(&path(alone)).await.expect(200).json()["chain"], json!([]));
    sqlx::query("update executions set state = 'succeeded' where id = $1")
        .bind(runs)
        .execute(app.db().pool())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_filter_that_cannot_be_read_is_refused_by_name() {
    let app = TestApp::start().await;
    let operator = app.operator().await;
    for (query, pointer) in [
        ("schedule_id=7", "/schedule_id"),
        ("queue=express", "/queue"),
        ("state=failed,done", "/state"),
        ("state=", "/state"),
        ("trigger=cron", "/trigger"),
        ("started_from=yesterday", "/started_from"),
        ("started_to=%2B99999-01-01T00:00:00Z", "/started_to"),
        ("started_from=2026-01-05T10:00:00Z&started_to=2026-01-05T10:00:00Z", "/started_to"),
        ("kind=", "/kind"),
        ("text=%00", "/text"),
        ("correlation_id=%0A", "/correlation_id"),
        ("limit=201", "/limit"),
        ("cursor=here", "/cursor"),
    ] {
        assert_eq!(refused(operator.get(&format!("/api/v1/executions?{query}")).await), [pointer], "{query}");
    }
}
