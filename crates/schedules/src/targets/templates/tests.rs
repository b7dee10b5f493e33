//! What a template may say, and what it comes to.

use serde_json::json;

use super::{
    expand::{made, values},
    *,
};

fn new(parameters: Value, schedule: Value) -> NewTemplate {
    NewTemplate {
        name: "nightly".to_owned(),
        description: String::new(),
        parameters: serde_json::from_value(parameters).unwrap(),
        schedule: serde_json::from_value(schedule).unwrap(),
    }
}

/// The pointers of what is wrong with a template, in order.
fn wrong(new: &NewTemplate) -> Vec<String> {
    let problem = faults(new).check().err();
    problem.iter().flat_map(Problem::errors).map(|fault| fault.pointer.clone()).collect()
}

fn object(value: Value) -> Fields {
    serde_json::from_value(value).unwrap()
}

fn report() -> NewTemplate {
    let parameters = json!([
        { "name": "team", "type": "string", "required": true },
        { "name": "hour", "type": "number", "default": 6 },
        { "name": "strict", "type": "boolean" },
    ]);
    let schedule = json!({
        "name": "report-{{team}}",
        "cron_expression": "0 {{ hour }} * * *",
        "priority": "{{hour}}",
        "pause_on_failure": "{{strict}}",
        "webhook": { "url": "https://example.org/{{team}}", "payload": { "team": "{{team}}", "at": "{{scheduled_for}}" } },
        "tags": ["{{team}}", "x{{strict}}"],
    });
    new(parameters, schedule)
}

fn expanded(template: &NewTemplate, given: Value) -> Result<Fields> {
    made(&Value::Object(template.schedule.clone()), &values(&template.parameters, &object(given))?)
}

#[test]
fn a_template_becomes_the_schedule_that_its_parameters_say() {
    assert_eq!(wrong(&report()), Vec::<String>::new());
    let made = expanded(&report(), json!({ "team": "blue", "strict": true })).unwrap();
    let wanted = json!({
        "name": "report-blue",
        "cron_expression": "0 6 * * *",
        "priority": 6,
        "pause_on_failure": true,
        "webhook": { "url": "https://example.org/blue", "payload": { "team": "blue", "at": "{{scheduled_for}}" } },
        "tags": ["blue", "xtrue"],
    });
    assert_eq!(Value::Object(made), wanted);
    let made = expanded(&report(), json!({ "team": "blue", "hour": 7, "strict": null })).unwrap();
    assert_eq!((&made["priority"], &made["pause_on_failure"]), (&json!(7), &Value::Null));
    assert_eq!(made["tags"], json!(["blue", "x"]), "what is not given and has no default is nothing");
}

#[test]
fn each_parameter_that_is_missing_unknown_or_wrong_is_named() {
    let problem = expanded(&report(), json!({ "hour": "six", "strict": 1, "a/b": 1 })).unwrap_err();
    let wrong: Vec<_> = problem.errors().iter().map(|fault| (fault.pointer.as_str(), fault.message.as_str())).collect();
    let unknown = "is no parameter of the template; it has team, hour, strict";
    let wanted = [
        ("/parameters/team", "is required"),
        ("/parameters/hour", "must be a number"),
        ("/parameters/strict", "must be a boolean"),
        ("/parameters/a~1b", unknown),
    ];
    assert_eq!(wrong, wanted);
    for text in ["x".repeat(1001), "\0".to_owned()] {
        let problem = expanded(&report(), json!({ "team": text })).unwrap_err();
        assert_eq!(problem.errors()[0].pointer, "/parameters/team");
    }
}

#[test]
fn every_placeholder_is_a_parameter_or_one_of_a_run_where_those_are_filled_in() {
    for field in ["args", "command_payload"] {
        assert!(wrong(&new(json!([]), json!({ field: { "at": "{{execution_id}}" } }))).is_empty());
    }
    let template = new(
        json!([]),
        json!({
            "name": "{{team}}",
            "description": "{{execution_id}}",
            "webhook": { "url": "https://example.org/{{scheduled_for}}", "payload": ["{{last_success_at}}", "{{}}"] },
        }),
    );
    let wanted = ["/schedule/description", "/schedule/name", "/schedule/webhook/payload/1", "/schedule/webhook/url"];
    assert_eq!(wrong(&template), wanted);
}

#[test]
fn a_template_has_fields_of_a_schedule_only() {
    let schedule = json!({ "nmae": "x", "template": "other", "a/b": 1, "tags": ["\0"], "priority": 1 });
    let wanted = ["/schedule/tags/0", "/schedule/a~1b", "/schedule/nmae", "/schedule/template"];
    assert_eq!(wrong(&new(json!([]), schedule)), wanted);
    let large = new(json!([]), json!({ "description": "x".repeat(200_000) }));
    assert_eq!(wrong(&large), ["/schedule"]);
}

#[test]
fn parameters_are_identifiers_told_apart_with_defaults_of_their_type() {
    let parameter = |name: &str| json!({ "name": name, "type": "string" });
    let names = ["", "Team", "2nd", "a-b", "ä", "execution_id", "good_1", "good_1", &"x".repeat(65)];
    let template = new(names.iter().map(|name| parameter(name)).collect(), json!({}));
    let wanted = [0, 1, 2, 3, 4, 5, 7, 8].map(|at| format!("/parameters/{at}/name"));
    assert_eq!(wrong(&template), wanted);
    let defaults = json!([
        { "name": "a", "type": "string", "default": 1 },
        { "name": "b", "type": "number", "default": "1" },
        { "name": "c", "type": "boolean", "default": "true" },
        { "name": "d", "type": "string", "default": "x", "required": true },
        { "name": "e", "type": "number", "default": 1.5, "description": "x".repeat(501) },
    ]);
    let wanted = ["/0/default", "/1/default", "/2/default", "/3/default", "/4/description"];
    assert_eq!(wrong(&new(defaults, json!({}))), wanted.map(|at| format!("/parameters{at}")));
    let many: Value = (0..51).map(|n| parameter(&format!("p{n}"))).collect();
    assert_eq!(wrong(&new(many, json!({}))), ["/parameters"]);
}

#[test]
fn a_name_is_short_and_no_id() {
    for name in ["", "0190d6e5-7c1e-7b1e-8d6a-2f4a5c6b7d8e", "a\0b", &"x".repeat(256)] {
        let template = NewTemplate { name: name.to_owned(), ..report() };
        assert_eq!(wrong(&template), ["/name"], "{name:?}");
    }
}

#[test]
fn a_long_parameter_in_many_places_is_refused() {
    let places = vec!["{{team}}"; 2000];
    let template = new(json!([{ "name": "team", "type": "string" }]), json!({ "args": places }));
    assert!(expanded(&template, json!({ "team": "x".repeat(10) })).is_ok());
    let problem = expanded(&template, json!({ "team": "x".repeat(1000) })).unwrap_err();
    assert_eq!(problem.errors()[0].pointer, "/parameters");
}

#[test]
fn a_template_can_have_every_field_of_a_request_but_those_that_name_a_template() {
    let schema = <crate::http::request::ScheduleRequest as utoipa::PartialSchema>::schema();
    let schema = serde_json::to_value(schema).unwrap();
    let mut fields: Vec<&str> = schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
    fields.retain(|field| !["template", "parameters"].contains(field));
    let mut known = FIELDS;
    known.sort_unstable();
    fields.sort_unstable();
    assert_eq!(fields, known);
}
