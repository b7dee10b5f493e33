//! Waiting until web and worker say that they are ready.

use std::time::{Duration, Instant};

use super::children::Children;
use super::settings::Settings;
use crate::failure::{Failure, Outcome};
use crate::http;
use crate::signals::Signals;

const PATIENCE: Duration = Duration::from_mins(1);

/// Returns once both answer 200 on /readyz.
///
/// # Errors
/// A child ended, a signal arrived, or a minute went by: then with the last answer.
pub fn wait(children: &mut Children, settings: &Settings, signals: &Signals) -> Outcome {
    let deadline = Instant::now() + PATIENCE;
    for (name, port) in [("web", settings.web_port), ("worker", settings.worker_port)] {
        while let Err(answer) = ask(port) {
            children.require_all_running()?;
            if signals.next(Duration::from_millis(50)).is_some() {
                return Err(Failure::interrupted());
            }
            if Instant::now() > deadline {
                return Err(Failure::said(format!(
                    "{name} is not ready after {} s; http://127.0.0.1:{port}/readyz: {answer}",
                    PATIENCE.as_secs()
                )));
            }
        }
    }
    Ok(())
}

/// Asks once; what it said, unless it is ready.
pub fn ask(port: u16) -> Result<(), String> {
    let answer = http::get(port, "/readyz").map_err(|error| error.to_string())?;
    if answer.status == "200" { Ok(()) } else { Err(format!("{} {}", answer.status, answer.body)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread;

    fn answering(text: &'static str) -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 512];
            let _ = stream.read(&mut request).unwrap();
            stream.write_all(text.as_bytes()).unwrap();
        });
        port
    }

    #[test]
    fn only_a_200_is_ready_and_the_reason_of_another_answer_is_kept() {
        assert_eq!(ask(answering("HTTP/1.0 200 OK\r\n\r\nready")), Ok(()));
        let answer = ask(answering("HTTP/1.0 503 Service Unavailable\r\n\r\n{\"detail\":\"schema too old\"}"));
        assert_eq!(answer, Err("503 {\"detail\":\"schema too old\"}".to_owned()));
    }
}
