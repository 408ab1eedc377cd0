//! A sample service that echoes what reached it.
//!
//! Any path answers 200 with JSON: `{"method", "path" (with its query), "headers": [[name, value], ..], "body_bytes"}`.
//! `/status/NNN` answers that status; `/slow?ms=N` answers after N milliseconds (at most 10 s).

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

/// The longest that `/slow` waits.
const SLOWEST: Duration = Duration::from_secs(10);

/// The service, on its own thread and a free loopback port. It ends when dropped.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    requests: Arc<AtomicU64>,
    runtime: Option<Runtime>,
}

impl Upstream {
    /// Starts it.
    pub fn start() -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
        let address = listener.local_addr()?;
        let requests = Arc::new(AtomicU64::new(0));
        runtime.spawn(accept(listener, Arc::clone(&requests)));
        Ok(Self { address, requests, runtime: Some(runtime) })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests have reached it.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        // A plain drop of a runtime panics when it happens inside another one.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn accept(listener: TcpListener, requests: Arc<AtomicU64>) {
    while let Ok((stream, _)) = listener.accept().await {
        // Nagle would add its 40 ms to every small answer.
        let _ = stream.set_nodelay(true);
        let requests = Arc::clone(&requests);
        tokio::spawn(async move {
            let service = service_fn(|request| answer(request, &requests));
            // A peer that goes away in the middle is the peer's business.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, requests: &AtomicU64) -> Result<Response<Full<Bytes>>, Infallible> {
    requests.fetch_add(1, Ordering::SeqCst);
    let path = request.uri().path().to_owned();
    if path == "/slow" {
        tokio::time::sleep(delay(request.uri().query())).await;
    }
    let body = echo(request).await.to_string();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    response.headers_mut().insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    if let Some(status) = path.strip_prefix("/status/").and_then(|code| code.parse::<StatusCode>().ok()) {
        *response.status_mut() = status;
    }
    Ok(response)
}

fn delay(query: Option<&str>) -> Duration {
    let asked = query.and_then(|query| query.strip_prefix("ms=")).and_then(|ms| ms.parse().ok());
    Duration::from_millis(asked.unwrap_or_default()).min(SLOWEST)
}

async fn echo(request: Request<Incoming>) -> Value {
    let headers: Vec<Value> =
        request.headers().iter().map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())])).collect();
    let method = request.method().to_string();
    let path = request.uri().path_and_query().map_or_else(String::new, ToString::to_string);
    let body_bytes = request.into_body().collect().await.map_or(0, |body| body.to_bytes().len());
    json!({"method": method, "path": path, "headers": headers, "body_bytes": body_bytes})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client;

    #[test]
    fn what_reached_it_is_echoed_and_counted() {
        let upstream = Upstream::start().unwrap();
        let request = client::Request::new("POST", "/orders?page=2").header("X-User", "ada").body("12345");
        let echo = request.send(upstream.address()).unwrap().json().unwrap();
        assert_eq!(echo["method"], "POST");
        assert_eq!(echo["path"], "/orders?page=2");
        assert_eq!(echo["body_bytes"], 5);
        assert!(echo["headers"].as_array().unwrap().contains(&json!(["x-user", "ada"])));
        assert_eq!(upstream.requests(), 1);
    }

    #[test]
    fn a_status_can_be_asked_for() {
        let upstream = Upstream::start().unwrap();
        assert_eq!(client::Request::get("/status/418").send(upstream.address()).unwrap().status, 418);
        assert_eq!(client::Request::get("/status/nonsense").send(upstream.address()).unwrap().status, 200);
    }

    #[test]
    fn a_slow_answer_takes_as_long_as_asked_but_has_an_end() {
        let start = std::time::Instant::now();
        let upstream = Upstream::start().unwrap();
        client::Request::get("/slow?ms=50").send(upstream.address()).unwrap();
        assert!(start.elapsed() >= Duration::from_millis(50));
        assert_eq!(delay(Some("ms=99999999")), SLOWEST);
    }
}
