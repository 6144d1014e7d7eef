//! An HTTP server on 127.0.0.1 that answers from a recording, so that the whole path of a request is used without a vendor.
//! Tests script faults (a status, a delay, a cut connection) and see each request.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chrono::SecondsFormat;
use futures::stream;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use quotelake_core::{Error, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use url::Url;

use super::Recording;

/// Something that goes wrong with one request, instead of its recorded answer or before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// This answer.
    Answer {
        /// HTTP status.
        status: u16,
        /// Headers.
        headers: Vec<(&'static str, String)>,
        /// Body.
        body: Bytes,
    },
    /// The recorded answer, this much later.
    Slow(Duration),
    /// The recorded answer's head and half its body, then the connection is gone.
    Cut,
    /// The recorded answer; to let requests through before the next fault.
    None,
}

impl Fault {
    /// A status with no body.
    pub fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), body: Bytes::new() }
    }
}

/// A request that the server saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Method, path and query as they came.
    pub request: String,
    /// The `Authorization` header.
    pub authorization: Option<String>,
}

/// A server on 127.0.0.1 that plays a recording back. It ends with [`ReplayServer::stop`], or when it is dropped.
#[derive(Debug)]
pub struct ReplayServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    recording: Recording,
    script: Mutex<VecDeque<Fault>>,
    seen: Mutex<Vec<Seen>>,
}

impl ReplayServer {
    /// Starts on a free port, inside the current tokio runtime.
    pub async fn start(recording: Recording) -> Result<Self> {
        let cannot = |e: std::io::Error| Error::unavailable("cannot listen on 127.0.0.1").with_source(e);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let shared = Arc::new(Shared { recording, script: Mutex::default(), seen: Mutex::default() });
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, accepting })
    }

    /// What to configure as a source's base URL.
    pub fn base_url(&self) -> Url {
        #[expect(clippy::expect_used, reason = "an IPv4 address and a port")]
        Url::parse(&format!("http://{}", self.address)).expect("an address that parses")
    }

    /// Appends faults: each is used up by one request.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        lock(&self.shared.script).extend(faults);
    }

    /// Every request so far, in the order of arrival.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.shared.seen).clone()
    }

    /// The number of requests so far.
    pub fn requests(&self) -> usize {
        lock(&self.shared.seen).len()
    }

    /// Stops listening and cuts open connections.
    pub async fn stop(mut self) {
        self.accepting.abort();
        // The join error says that it was aborted, which is the point.
        let _ = (&mut self.accepting).await;
    }
}

impl Drop for ReplayServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A panic while holding these locks cannot leave them half-changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // Connections live in the set, so that ending this task ends them.
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
            // Out of file handles, or a connection gone before it was taken: neither ends the server.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(answer(&shared, &request).await) }
    });
    // An error is a client that went away, or a cut that was asked for.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

type Body = BoxBody<Bytes, std::io::Error>;

async fn answer(shared: &Shared, request: &Request<Incoming>) -> Response<Body> {
    let text = format!("{} {}", request.method(), request.uri());
    let authorization =
        request.headers().get(AUTHORIZATION).and_then(|value| value.to_str().ok()).map(str::to_owned);
    lock(&shared.seen).push(Seen { request: text.clone(), authorization });
    let fault = lock(&shared.script).pop_front().unwrap_or(Fault::None);
    if let Fault::Slow(delay) = fault {
        tokio::time::sleep(delay).await;
    }
    if let Fault::Answer { status, headers, body } = fault {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(name, value);
        }
        return finish(response, full(body));
    }
    let query: Vec<(String, String)> = request
        .uri()
        .query()
        .map(|query| url::form_urlencoded::parse(query.as_bytes()).into_owned().collect())
        .unwrap_or_default();
    let recording = &shared.recording;
    let Some(recorded) = recording.find(request.method().as_str(), request.uri().path(), &query) else {
        let body =
            serde_json::json!({ "status": "NOT_RECORDED", "error": format!("not in the recording: {text}") });
        let response = Response::builder().status(404).header(CONTENT_TYPE, "application/json");
        return finish(response, full(body.to_string().into()));
    };
    let recorded_at = recording.recorded_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut response =
        Response::builder().status(recorded.status).header("x-quotelake-recorded-at", recorded_at);
    for (name, value) in &recorded.headers {
        response = response.header(name, value);
    }
    if fault == Fault::Cut {
        let half = recorded.body.slice(..recorded.body.len() / 2);
        let gone = std::io::Error::other("cut by the script");
        let body = StreamBody::new(stream::iter([Ok(Frame::data(half)), Err(gone)]));
        return finish(response.header(CONTENT_LENGTH, recorded.body.len()), body.boxed());
    }
    finish(response, full(recorded.body.clone()))
}

fn full(body: Bytes) -> Body {
    Full::new(body).map_err(|never| match never {}).boxed()
}

/// A recording may hold a header that HTTP does not allow; the client is told instead of cut off.
fn finish(response: hyper::http::response::Builder, body: Body) -> Response<Body> {
    response.body(body).unwrap_or_else(|error| {
        let mut response = Response::new(full(error.to_string().into()));
        *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        response
    })
}
