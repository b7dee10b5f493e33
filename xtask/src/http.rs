//! Plain requests to a process on this machine, over HTTP/1.0: enough for health and for logging in.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(3);

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: String,
    pub body: String,
}

/// `GET path`.
pub fn get(port: u16, path: &str) -> std::io::Result<Answer> {
    send(port, &format!("GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n"))
}

/// `POST path` with a body of JSON.
pub fn post(port: u16, path: &str, json: &str) -> std::io::Result<Answer> {
    let length = json.len();
    let head = format!("POST {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json");
    send(port, &format!("{head}\r\nContent-Length: {length}\r\n\r\n{json}"))
}

fn send(port: u16, request: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split_whitespace().nth(1).unwrap_or("no answer").to_owned();
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body).trim().to_owned();
    Ok(Answer { status, body })
}
