use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::*;

/// A function's end of the API, byte by byte over a socket.
struct Client(TcpStream);

struct Reply {
    status: u16,
    head: String,
    body: String,
}

impl Client {
    async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    async fn request(&mut self, method: &str, path: &str, headers: &str, body: &str) -> Reply {
        let request = format!(
            "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.write_all(request.as_bytes()).await.unwrap();
        let (mut bytes, mut chunk) = (Vec::new(), [0; 4096]);
        loop {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_lowercase();
                let length = head
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length: "))
                    .unwrap()
                    .parse::<usize>()
                    .unwrap();
                if body.len() == length {
                    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
                    return Reply { status, head, body: body.to_owned() };
                }
            }
            let read = self.0.read(&mut chunk).await.unwrap();
            assert!(read > 0, "the connection ended");
            bytes.extend_from_slice(&chunk[..read]);
        }
    }

    async fn next(&mut self) -> (String, Reply) {
        let reply = self.request("GET", "invocation/next", "", "").await;
        let id =
            reply.head.lines().find_map(|line| line.strip_prefix("lambda-runtime-aws-request-id: ")).unwrap();
        (id.to_owned(), reply)
    }
}

#[tokio::test]
async fn an_event_is_handed_out_with_its_headers_and_answered() {
    let api = RuntimeApi::start().await.unwrap();
    let address = api.address();
    let function = tokio::spawn(async move {
        let mut client = Client::connect(address).await;
        for _ in 0..3 {
            let (id, next) = client.next().await;
            assert_eq!(next.status, 200);
            for header in [
                "lambda-runtime-deadline-ms: ",
                "lambda-runtime-invoked-function-arn: arn:aws:lambda:",
                "lambda-runtime-trace-id: ",
            ] {
                assert!(next.head.contains(header), "{header} in {}", next.head);
            }
            let answer = client.request("POST", &format!("invocation/{id}/response"), "", &next.body).await;
            assert_eq!((answer.status, answer.body.as_str()), (202, "{\"status\":\"OK\"}"));
            let again = client.request("POST", &format!("invocation/{id}/response"), "", "{}").await;
            assert_eq!(again.status, 400, "an invocation is answered once");
        }
    });
    let mut fastest = Duration::MAX;
    for number in 0..3 {
        let start = Instant::now();
        assert_eq!(api.invoke(&json!({ "number": number })).await.unwrap(), json!({ "number": number }));
        fastest = fastest.min(start.elapsed());
    }
    assert!(
        fastest < Duration::from_millis(40),
        "no answer waits for a delayed acknowledgement: {fastest:?}"
    );
    function.await.unwrap();
}

#[tokio::test]
async fn errors_of_the_function_reach_the_caller() {
    let api = RuntimeApi::start().await.unwrap();
    let address = api.address();
    let function = tokio::spawn(async move {
        let mut client = Client::connect(address).await;
        let (id, _) = client.next().await;
        let error = r#"{"errorType":"invalid_input","errorMessage":"no such dataset","stackTrace":[]}"#;
        assert_eq!(client.request("POST", &format!("invocation/{id}/error"), "", error).await.status, 202);
        let (id, _) = client.next().await;
        let header = "Lambda-Runtime-Function-Error-Type: Unhandled.Panic\r\n";
        assert_eq!(
            client.request("POST", &format!("invocation/{id}/error"), header, "not json").await.status,
            202
        );
        let (id, _) = client.next().await;
        assert_eq!(
            client.request("POST", &format!("invocation/{id}/response"), "", "not json").await.status,
            202
        );
        assert_eq!(client.request("POST", "init/error", "", error).await.status, 202);
        assert_eq!(client.request("GET", "nothing/here", "", "").await.status, 404);
    });
    let expected = FunctionError::new("invalid_input", "no such dataset");
    assert_eq!(api.invoke(&json!({})).await.unwrap_err(), expected);
    assert_eq!(api.invoke(&json!({})).await.unwrap_err(), FunctionError::new("Unhandled.Panic", "not json"));
    assert_eq!(api.invoke(&json!({})).await.unwrap_err().error_type, "Runtime.InvalidResponse");
    function.await.unwrap();
    assert_eq!(api.init_error(), Some(expected));
}

#[tokio::test]
async fn a_response_over_the_limit_fails_the_invocation() {
    let api = RuntimeApi::start().await.unwrap();
    let address = api.address();
    let function = tokio::spawn(async move {
        let mut client = Client::connect(address).await;
        let (id, _) = client.next().await;
        let large = format!("\"{}\"", "x".repeat(6 * 1024 * 1024));
        client.request("POST", &format!("invocation/{id}/response"), "", &large).await.status
    });
    assert_eq!(api.invoke(&json!({})).await.unwrap_err().error_type, "Function.ResponseSizeTooLarge");
    assert_eq!(function.await.unwrap(), 413);
}

#[tokio::test]
async fn a_function_that_does_not_answer_times_out() {
    let api = RuntimeApi::start().await.unwrap().with_timeout(Duration::from_millis(500));
    assert_eq!(api.invoke(&json!({})).await.unwrap_err().error_type, "Sandbox.Timedout");
    let mut client = Client::connect(api.address()).await;
    let event = json!({ "second": true });
    let ((id, next), timed_out) = tokio::join!(client.next(), api.invoke(&event));
    assert_eq!(next.body, "{\"second\":true}", "the first was taken back");
    assert_eq!(timed_out.unwrap_err().error_type, "Sandbox.Timedout");
    let reply = client.request("POST", &format!("invocation/{id}/response"), "", "{}").await;
    assert_eq!(reply.status, 400, "nobody waits any more");
}

/// A script in place of a binary.
fn script(dir: &tempfile::TempDir, text: &str) -> std::path::PathBuf {
    let path = dir.path().join("bootstrap");
    std::fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

#[tokio::test]
async fn a_process_that_exits_fails_what_waits_and_its_log_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let api = RuntimeApi::start().await.unwrap();
    let exits =
        script(&dir, "echo api=$AWS_LAMBDA_RUNTIME_API size=$AWS_LAMBDA_FUNCTION_MEMORY_SIZE >&2; exit 3");
    let running = api.run_binary(exits, &[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")]).unwrap();
    let error = running.time_to_first_poll().await.unwrap_err();
    assert_eq!(
        (error.error_type.as_str(), error.error_message.as_str()),
        ("Runtime.ExitError", "exited: exit status: 3")
    );
    assert_eq!(api.invoke(&json!({})).await.unwrap_err(), error, "and what is asked later fails too");
    assert_eq!(running.log(), [format!("api={} size=512", api.address())]);
}

#[tokio::test]
async fn dropping_the_handle_kills_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let api = RuntimeApi::start().await.unwrap();
    let running = api.run_binary(script(&dir, "exec sleep 600"), &[("PATH", "/usr/bin:/bin")]).unwrap();
    let (pid, memory) = (running.pid(), running.memory().unwrap());
    assert!(memory.resident_kib > 0 && memory.peak_kib >= memory.resident_kib);
    let event = json!({});
    let waiting = api.invoke(&event);
    let dropped = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        drop(running);
    };
    let (failed, ()) = tokio::join!(waiting, dropped);
    assert_eq!(failed.unwrap_err().error_type, "Runtime.ExitError");
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "the process is gone");
}
