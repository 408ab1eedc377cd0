//! A closed loop of keep-alive connections: each sends its next request when it has the answer to the last.

use http_body_util::{BodyExt, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// The most that one run may take.
const LIMIT: Duration = Duration::from_secs(120);

/// What is sent, and how often.
#[derive(Debug, Clone)]
pub struct Load {
    /// Connections open at once.
    pub connections: usize,
    /// Requests in all.
    pub requests: u64,
    /// The target: path and query.
    pub path: String,
    /// Header fields of every request.
    pub headers: Vec<(String, String)>,
    /// The bearer tokens, used in turn; none sends no token.
    pub tokens: Vec<String>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// How long it took.
    pub duration: Duration,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
}

/// The load could not be sent to its end.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// No runtime or connection.
    #[error("cannot connect to send load: {0}")]
    Connect(#[from] io::Error),
    /// A connection failed under way.
    #[error("a connection failed under load: {0}")]
    Connection(#[from] hyper::Error),
    /// A request cannot be built from what was given.
    #[error("no request can be built for the load: {0}")]
    Request(#[from] hyper::http::Error),
    /// It took too long.
    #[error("the load did not end within {} s", LIMIT.as_secs())]
    TooLong,
    /// A connection's task ended badly.
    #[error("a load task ended badly: {0}")]
    Task(#[from] tokio::task::JoinError),
}

impl Load {
    /// Sends it all and waits for the last answer.
    pub fn run(&self, gateway: SocketAddr) -> Result<Outcome, LoadError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async { tokio::time::timeout(LIMIT, self.send_all(gateway)).await.map_err(|_| LoadError::TooLong)? })
    }

    async fn send_all(&self, gateway: SocketAddr) -> Result<Outcome, LoadError> {
        let load = Arc::new(self.clone());
        let taken = Arc::new(AtomicU64::new(0));
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..self.connections {
            tasks.spawn(connection(Arc::clone(&load), gateway, Arc::clone(&taken)));
        }
        let mut statuses = BTreeMap::new();
        while let Some(done) = tasks.join_next().await {
            for (status, count) in done?? {
                *statuses.entry(status).or_default() += count;
            }
        }
        Ok(Outcome { duration: start.elapsed(), statuses })
    }

    fn request(&self, number: u64) -> Result<hyper::Request<Empty<Bytes>>, hyper::http::Error> {
        let mut request = hyper::Request::get(&self.path).header("host", "gateway.example");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let turn = usize::try_from(number).unwrap_or(0).checked_rem(self.tokens.len());
        if let Some(token) = turn.and_then(|turn| self.tokens.get(turn)) {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        request.body(Empty::new())
    }
}

async fn connection(load: Arc<Load>, gateway: SocketAddr, taken: Arc<AtomicU64>) -> Result<BTreeMap<u16, u64>, LoadError> {
    let mut sender = connect(gateway).await?;
    let mut statuses = BTreeMap::new();
    loop {
        let number = taken.fetch_add(1, Ordering::Relaxed);
        if number >= load.requests {
            return Ok(statuses);
        }
        // A gateway may close a connection between two requests, as after some refusals.
        if sender.ready().await.is_err() {
            sender = connect(gateway).await?;
        }
        let mut response = sender.send_request(load.request(number)?).await?;
        while let Some(frame) = response.body_mut().frame().await {
            frame?;
        }
        *statuses.entry(response.status().as_u16()).or_default() += 1;
    }
}

async fn connect(gateway: SocketAddr) -> Result<SendRequest<Empty<Bytes>>, LoadError> {
    let stream = TcpStream::connect(gateway).await?;
    stream.set_nodelay(true)?;
    let (sender, driver) = handshake(TokioIo::new(stream)).await?;
    // Its errors come back through the sender.
    tokio::spawn(driver);
    Ok(sender)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::Upstream;

    #[test]
    fn every_request_is_sent_once_and_counted() {
        let upstream = Upstream::start().unwrap();
        let load = Load { connections: 4, requests: 501, path: "/status/204".into(), headers: vec![], tokens: vec!["a".into()] };
        let outcome = load.run(upstream.address()).unwrap();
        assert_eq!(outcome.statuses, BTreeMap::from([(204, 501)]));
        assert_eq!(upstream.requests(), 501);
    }

    #[test]
    fn tokens_are_used_in_turn() {
        let tokens = vec!["a".to_owned(), "b".to_owned()];
        let load = Load { connections: 1, requests: 3, path: "/".into(), headers: vec![], tokens };
        let sent: Vec<_> = (0..3).map(|number| load.request(number).unwrap().headers()["authorization"].clone()).collect();
        assert_eq!(sent, ["Bearer a", "Bearer b", "Bearer a"]);
    }
}
