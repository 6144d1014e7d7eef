//! The HTTP side of the Runtime API, version 2018-06-01: next invocation, response, error, failed start. Responses above
//! Lambda's 6 MiB are refused as Lambda does.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::FunctionError;
use super::exchange::{Exchange, Invocation};

/// A response of a function is at most this large.
const MAX_RESPONSE_BYTES: usize = 6 * 1024 * 1024;

/// Accepts connections until it is aborted; its connections end with it.
pub(super) async fn serve(listener: TcpListener, exchange: Arc<Exchange>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                // Without this, Nagle's algorithm and delayed acknowledgements add 40 ms to every answer.
                if stream.set_nodelay(true).is_err() {
                    continue;
                }
                let exchange = Arc::clone(&exchange);
                connections.spawn(async move {
                    let service = service_fn(|request| answer(request, Arc::clone(&exchange)));
                    // Head and body leave in one write. A connection that breaks is the function's end, seen elsewhere.
                    let connection = http1::Builder::new().writev(true).serve_connection(TokioIo::new(stream), service);
                    let _ = connection.await;
                });
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    exchange: Arc<Exchange>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path().to_owned();
    let Some(path) = path.strip_prefix("/2018-06-01/runtime/") else {
        return Ok(refuse(StatusCode::NOT_FOUND, "NotFound", &path));
    };
    let segments: Vec<&str> = path.split('/').collect();
    Ok(match (request.method(), &segments[..]) {
        (&Method::GET, ["invocation", "next"]) => hand_out(exchange.next().await),
        (&Method::POST, ["invocation", id, "response"]) => {
            let id = (*id).to_owned();
            match body(request).await {
                Some(body) if body.len() > MAX_RESPONSE_BYTES => {
                    let what =
                        format!("the response is {} bytes, more than {MAX_RESPONSE_BYTES}", body.len());
                    exchange
                        .answer(&id, Err(FunctionError::new("Function.ResponseSizeTooLarge", what.as_str())));
                    refuse(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &what)
                }
                Some(body) => accept(exchange.answer(&id, Ok(body)), &id),
                None => refuse(StatusCode::BAD_REQUEST, "InvalidRequest", "the body ended early"),
            }
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            let id = (*id).to_owned();
            let error = error_of(request).await;
            accept(exchange.answer(&id, Err(error)), &id)
        }
        (&Method::POST, ["init", "error"]) => {
            let error = error_of(request).await;
            exchange.fail_init(error);
            accept(true, "init")
        }
        _ => refuse(StatusCode::NOT_FOUND, "NotFound", path),
    })
}

async fn body(request: Request<Incoming>) -> Option<Bytes> {
    request.into_body().collect().await.ok().map(http_body_util::Collected::to_bytes)
}

/// Runtimes may send a stack trace and more; any part may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Reported {
    error_type: String,
    error_message: String,
}

async fn error_of(request: Request<Incoming>) -> FunctionError {
    let header = request.headers().get("Lambda-Runtime-Function-Error-Type");
    let header = header.and_then(|value| value.to_str().ok()).unwrap_or("Unhandled").to_owned();
    let body = body(request).await.unwrap_or_default();
    match serde_json::from_slice::<Reported>(&body) {
        Ok(reported) if reported.error_type.is_empty() => FunctionError::new(&header, reported.error_message),
        Ok(reported) => FunctionError::new(&reported.error_type, reported.error_message),
        Err(_) => FunctionError::new(&header, String::from_utf8_lossy(&body)),
    }
}

fn hand_out(invocation: Invocation) -> Response<Full<Bytes>> {
    let response = Response::builder()
        .header("Content-Type", "application/json")
        .header("Lambda-Runtime-Aws-Request-Id", &invocation.id)
        .header("Lambda-Runtime-Deadline-Ms", invocation.deadline_ms.to_string())
        .header("Lambda-Runtime-Invoked-Function-Arn", super::process::FUNCTION_ARN)
        .header(
            "Lambda-Runtime-Trace-Id",
            "Root=1-00000000-000000000000000000000000;Parent=0000000000000000;Sampled=0",
        )
        .body(Full::new(invocation.event));
    // All headers above are valid.
    response.unwrap_or_else(|_| refuse(StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError", "a header"))
}

fn accept(known: bool, id: &str) -> Response<Full<Bytes>> {
    if !known {
        return refuse(StatusCode::BAD_REQUEST, "InvalidRequestID", &format!("nobody waits for {id}"));
    }
    json(StatusCode::ACCEPTED, &serde_json::json!({ "status": "OK" }))
}

fn refuse(status: StatusCode, error_type: &str, what: &str) -> Response<Full<Bytes>> {
    json(status, &serde_json::json!({ "errorType": error_type, "errorMessage": what }))
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body.to_string())));
    *response.status_mut() = status;
    response
}
