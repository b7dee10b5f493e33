//! What must be true of `render.yaml` for a deployment to work; its form is Render's own to check.

use std::time::Duration;

use config::vars;
use yaml_rust2::{Yaml, YamlLoader};

const TEXT: &str = include_str!("../../../render.yaml");
const PROGRAMS: [&str; 3] = ["web", "worker", "bookflow"];

fn blueprint() -> Yaml {
    YamlLoader::load_from_str(TEXT).unwrap().remove(0)
}

fn service(name: &str) -> Yaml {
    let services = blueprint()["services"].clone().into_vec().unwrap();
    services.into_iter().find(|service| service["name"].as_str() == Some(name)).unwrap()
}

fn variable(service: &Yaml, key: &str) -> Yaml {
    let variables = service["envVars"].as_vec().unwrap();
    let found = variables.iter().find(|variable| variable["key"].as_str() == Some(key));
    found.cloned().unwrap_or_else(|| panic!("{key} is not set"))
}

fn value(service: &Yaml, key: &str) -> String {
    variable(service, key)["value"].as_str().unwrap().to_owned()
}

fn both() -> [Yaml; 2] {
    [service("bookflow-api"), service("bookflow-scheduler")]
}

#[test]
fn the_four_parts_are_in_one_region() {
    let blueprint = blueprint();
    let services = blueprint["services"].as_vec().unwrap();
    let parts: Vec<_> = services.iter().map(|s| (s["type"].as_str().unwrap(), s["name"].as_str().unwrap())).collect();
    let wanted = [("web", "bookflow-api"), ("worker", "bookflow-scheduler"), ("keyvalue", "bookflow-redis")];
    assert_eq!(parts, wanted);
    let databases = blueprint["databases"].as_vec().unwrap();
    assert_eq!(databases[0]["name"].as_str(), Some("bookflow-db"));
    let regions = services.iter().chain(databases).map(|part| part["region"].as_str().unwrap());
    assert_eq!(regions.collect::<std::collections::BTreeSet<_>>().len(), 1);
}

#[test]
fn web_migrates_before_it_starts_and_is_asked_whether_it_is_ready() {
    let web = service("bookflow-api");
    assert_eq!(web["preDeployCommand"].as_str(), Some("./target/release/bookflow migrate"));
    assert_eq!(web["healthCheckPath"].as_str(), Some("/readyz"));
}

#[test]
fn the_build_makes_what_is_started() {
    let build = include_str!("../../../build.sh");
    assert!(build.contains("cargo build --release --locked"));
    for program in PROGRAMS {
        assert!(build.contains(&format!("--package {program}")), "{program}");
    }
    for (service, program) in both().iter().zip(PROGRAMS) {
        assert_eq!(service["buildCommand"].as_str(), Some("./build.sh"));
        assert_eq!(service["startCommand"].as_str(), Some(format!("./target/release/{program}").as_str()));
        assert_eq!(service["runtime"].as_str(), Some("rust"));
        assert_ne!(service["plan"].as_str(), Some("free"));
    }
}

#[test]
fn the_platform_waits_longer_than_the_drain() {
    for service in both() {
        let seconds = service["maxShutdownDelaySeconds"].as_i64().unwrap() as u64;
        let grace = value(&service, "SHUTDOWN_GRACE");
        assert_eq!(Some(grace.as_str()), vars::SHUTDOWN_GRACE.default);
        let grace: u64 = grace.trim_end_matches('s').parse().unwrap();
        assert!(Duration::from_secs(seconds) >= Duration::from_secs(grace + 5) && seconds <= 300);
    }
}

#[test]
fn the_secret_key_is_made_once_and_shared() {
    let [web, worker] = both();
    assert_eq!(variable(&web, "APP_SECRET_KEY")["generateValue"].as_bool(), Some(true));
    let taken = &variable(&worker, "APP_SECRET_KEY")["fromService"];
    assert_eq!(taken["name"].as_str(), Some("bookflow-api"));
    assert_eq!(taken["envVarKey"].as_str(), Some("APP_SECRET_KEY"));
}

#[test]
fn no_secret_is_written_down_and_every_variable_exists() {
    for service in both() {
        for variable in service["envVars"].as_vec().unwrap() {
            let key = variable["key"].as_str().unwrap();
            let declared = vars::VARS.iter().find(|var| var.name == key).unwrap_or_else(|| panic!("{key} is not read"));
            assert!(!declared.secret || variable["value"].is_badvalue(), "{key} has a value");
        }
    }
}

#[test]
fn both_processes_take_the_settings_that_the_worker_s_jobs_need() {
    let [web, worker] = both();
    let asked = web["envVars"].as_vec().unwrap().iter().filter(|variable| variable["sync"].as_bool() == Some(false));
    for key in asked.map(|variable| variable["key"].as_str().unwrap()) {
        assert_eq!(variable(&worker, key)["fromService"]["envVarKey"].as_str(), Some(key));
    }
}

#[test]
fn every_outside_service_can_be_chosen() {
    let web = service("bookflow-api");
    let chosen = ["Mail", "Catalogue", "Summaries", "Cloudinary"];
    let models = ["GEMINI_MODEL", "SUMMARIZER_MODEL"];
    for var in vars::VARS.iter().filter(|var| chosen.contains(&var.section)) {
        if var.default.is_none() || models.contains(&var.name) {
            assert_eq!(variable(&web, var.name)["sync"].as_bool(), Some(false), "{}", var.name);
        }
    }
}

#[test]
fn the_public_address_is_the_platform_s() {
    let [web, worker] = both();
    let names: Vec<_> = web["envVars"].as_vec().unwrap().iter().map(|v| v["key"].as_str()).collect();
    assert!(!names.contains(&Some("PUBLIC_URL")), "web falls back to RENDER_EXTERNAL_URL by itself");
    let taken = &variable(&worker, "PUBLIC_URL")["fromService"];
    assert_eq!(taken["name"].as_str(), Some("bookflow-api"));
    assert_eq!(taken["envVarKey"].as_str(), Some(vars::RENDER_EXTERNAL_URL.name));
}

#[test]
fn the_processes_listen_to_the_platform_and_believe_its_proxies_only() {
    let [web, worker] = both();
    assert_eq!((value(&web, "HOST"), value(&worker, "HOST")), ("0.0.0.0".into(), "0.0.0.0".into()));
    assert_eq!(Some(value(&web, "PORT").as_str()), vars::PORT.default);
    assert_eq!(value(&web, "TRUSTED_PROXIES"), "2");
}

#[test]
fn key_value_never_drops_a_ticket_and_nothing_is_open_to_the_world() {
    let redis = service("bookflow-redis");
    assert_eq!(redis["maxmemoryPolicy"].as_str(), Some("noeviction"));
    assert_eq!(redis["persistenceMode"].as_str(), Some("journal-snapshot"));
    assert_eq!(redis["ipAllowList"].as_vec(), Some(&vec![]));
    assert_eq!(blueprint()["databases"][0]["ipAllowList"].as_vec(), Some(&vec![]));
}
