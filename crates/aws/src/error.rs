//! Every failure of the SDK to one of our kinds, in one place: the caller decides by the kind alone.

use std::error::Error as StdError;
use std::fmt::Display;
use std::time::Duration;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use quotelake_core::{BoxError, Error, ErrorKind};

/// The error of a call that failed; `what` says what was being done and on which object.
pub(crate) fn failed<E>(what: impl Display, error: SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    match error {
        SdkError::ServiceError(failure) => {
            let (answer, response) = (failure.err(), failure.raw());
            let code = answer.code().unwrap_or("no error code");
            let mut text = format!("{what}: {code}");
            if let Some(message) = answer.message() {
                text = format!("{text}: {message}");
            }
            let error = Error::new(kind_of(answer.code(), response.status().as_u16()), text);
            match retry_after(response) {
                Some(after) => error.with_retry_after(after),
                None => error,
            }
        }
        SdkError::TimeoutError(_) => Error::unavailable(format!("{what}: no answer in time")),
        SdkError::ResponseError(failure) => {
            let text = format!("{what}: the answer cannot be read");
            match failure.raw().status().as_u16() {
                200..=299 => Error::unavailable(text),
                status => Error::new(kind_of(None, status), text),
            }
        }
        unsent => {
            let refused = matches!(unsent, SdkError::ConstructionFailure(_));
            match unsent.into_source() {
                Ok(cause) => not_sent(&what, refused, cause),
                Err(error) => Error::unavailable(format!("{what}: no answer")).with_source(error),
            }
        }
    }
}

/// A request that never reached the service. No connection is a passing fault, no credentials is not, and a request that the
/// SDK itself refuses is wrong.
fn not_sent(what: &impl Display, refused: bool, cause: BoxError) -> Error {
    let (kind, why) = match credentials_error(cause.as_ref()) {
        Some(CredentialsError::ProviderTimedOut(_) | CredentialsError::ProviderError(_)) => {
            (ErrorKind::Unavailable, "the credentials' provider did not answer")
        }
        Some(_) => (ErrorKind::Unauthorized, "no usable credentials"),
        None if refused => (ErrorKind::InvalidInput, "the request cannot be made"),
        None => (ErrorKind::Unavailable, "the service cannot be reached"),
    };
    Error::new(kind, format!("{what}: {why}")).with_source(cause)
}

/// The credentials' provider's own error, if a chain of causes has one.
fn credentials_error<'a>(cause: &'a (dyn StdError + 'static)) -> Option<&'a CredentialsError> {
    let mut next = Some(cause);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// What services call a refusal to answer so many calls.
const THROTTLED: &[&str] = &[
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "SlowDown",
    "OverLimit",
    "KmsThrottled",
    "KMSThrottlingException",
    "LimitExceededException",
    "BandwidthLimitExceeded",
];

/// What they call a fault of their own.
const UNAVAILABLE: &[&str] = &[
    "InternalError",
    "InternalFailure",
    "InternalException",
    "InternalServerError",
    "InternalServiceError",
    "InternalServiceException",
    "OperationTimeoutException",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "ServiceUnavailableException",
];

/// Somebody else was first.
const CONFLICT: &[&str] = &[
    "ConcurrentModificationException",
    "ConditionalRequestConflict",
    "OperationAborted",
    "PreconditionFailed",
];

/// A missing bucket, stream, queue or bus is the set-up's fault: none of them is "no such object".
const CONFIG: &[&str] = &[
    "NoSuchBucket",
    "NonExistentQueue",
    "QueueDoesNotExist",
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "RequestTimeTooSkewed",
];

/// What is asked for is not there.
const NOT_FOUND: &[&str] = &[
    "NoSuchKey",
    "NotFound",
    "NotFoundException",
    "EntityNotFoundException",
    "ParameterNotFound",
    "ResourceNotFoundException",
];

/// The caller may not, or is not believed to be who it says.
const UNAUTHORIZED: &[&str] = &[
    "AccessDenied",
    "AccessDeniedException",
    "AuthorizationError",
    "AuthorizationErrorException",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// The kind of each code that says one.
const KINDS: [(&[&str], ErrorKind); 6] = [
    (THROTTLED, ErrorKind::Throttled),
    (UNAVAILABLE, ErrorKind::Unavailable),
    (CONFLICT, ErrorKind::Conflict),
    (CONFIG, ErrorKind::Config),
    (NOT_FOUND, ErrorKind::NotFound),
    (UNAUTHORIZED, ErrorKind::Unauthorized),
];

/// The kind of a service's error code, or of its HTTP status where the code says no more than that.
pub(crate) fn kind_of(code: Option<&str>, status: u16) -> ErrorKind {
    let code = code.map_or("", bare);
    if let Some((_, kind)) = KINDS.iter().find(|(codes, _)| codes.contains(&code)) {
        return *kind;
    }
    match status {
        401 | 403 => ErrorKind::Unauthorized,
        404 => ErrorKind::NotFound,
        408 | 500.. => ErrorKind::Unavailable,
        409 | 412 => ErrorKind::Conflict,
        429 => ErrorKind::Throttled,
        _ => ErrorKind::InvalidInput,
    }
}

/// `AWS.SimpleQueueService.NonExistentQueue` and `com.amazonaws.glue#EntityNotFoundException` without what is in front.
fn bare(code: &str) -> &str {
    let code = code.rsplit('#').next().unwrap_or(code);
    code.rsplit('.').next().unwrap_or(code)
}

/// The service's hint: whole seconds in `retry-after`, milliseconds in `x-amz-retry-after`.
fn retry_after(response: &HttpResponse) -> Option<Duration> {
    let number = |name: &str| response.headers().get(name)?.trim().parse::<u64>().ok();
    let seconds = || number("retry-after").map(Duration::from_secs);
    number("x-amz-retry-after").map(Duration::from_millis).or_else(seconds)
}

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::result::ConnectorError;
    use aws_smithy_types::body::SdkBody;
    use aws_smithy_types::error::ErrorMetadata;

    use super::*;

    fn response(status: u16, headers: &[(&'static str, &'static str)]) -> HttpResponse {
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::empty());
        for (name, value) in headers {
            response.headers_mut().insert(*name, *value);
        }
        response
    }

    fn answered(status: u16, code: Option<&str>, headers: &[(&'static str, &'static str)]) -> Error {
        let meta = ErrorMetadata::builder().message("the service's words");
        let meta = match code {
            Some(code) => meta.code(code),
            None => meta,
        };
        failed("reading x", SdkError::service_error(meta.build(), response(status, headers)))
    }

    #[test]
    fn codes_decide_before_the_status_does() {
        let cases = [
            (400, Some("ThrottlingException"), ErrorKind::Throttled),
            (503, Some("SlowDown"), ErrorKind::Throttled),
            (500, Some("ServiceUnavailableException"), ErrorKind::Unavailable),
            (400, Some("com.amazonaws.glue#ConcurrentModificationException"), ErrorKind::Conflict),
            (412, Some("PreconditionFailed"), ErrorKind::Conflict),
            (409, Some("ConditionalRequestConflict"), ErrorKind::Conflict),
            (404, Some("NoSuchKey"), ErrorKind::NotFound),
            (404, Some("NoSuchBucket"), ErrorKind::Config),
            (400, Some("AWS.SimpleQueueService.NonExistentQueue"), ErrorKind::Config),
            (400, Some("EntityNotFoundException"), ErrorKind::NotFound),
            (400, Some("AccessDeniedException"), ErrorKind::Unauthorized),
            (400, Some("ExpiredTokenException"), ErrorKind::Unauthorized),
            (400, Some("ValidationException"), ErrorKind::InvalidInput),
            (418, Some("NewAndStrange"), ErrorKind::InvalidInput),
            (502, Some("NewAndStrange"), ErrorKind::Unavailable),
            (403, None, ErrorKind::Unauthorized),
            (404, None, ErrorKind::NotFound),
            (412, None, ErrorKind::Conflict),
            (429, None, ErrorKind::Throttled),
            (503, None, ErrorKind::Unavailable),
        ];
        for (status, code, kind) in cases {
            assert_eq!(answered(status, code, &[]).kind(), kind, "{status} {code:?}");
        }
    }

    #[test]
    fn the_text_names_the_object_the_code_and_the_services_words() {
        let error = answered(404, Some("NoSuchKey"), &[]);
        assert_eq!(error.to_string(), "reading x: NoSuchKey: the service's words");
        assert_eq!(error.retry_after(), None);
    }

    #[test]
    fn hints_of_when_to_try_again_are_kept() {
        let seconds = answered(503, Some("SlowDown"), &[("retry-after", "3")]);
        assert_eq!(seconds.retry_after(), Some(Duration::from_secs(3)));
        let millis = answered(503, Some("SlowDown"), &[("retry-after", "3"), ("x-amz-retry-after", "1500")]);
        assert_eq!(millis.retry_after(), Some(Duration::from_millis(1500)));
        assert_eq!(answered(503, None, &[("retry-after", "soon")]).retry_after(), None);
    }

    #[test]
    fn what_never_arrived_is_passing_unless_credentials_are_missing() {
        let unsent = |cause: BoxError| {
            let error = ConnectorError::other(cause, None);
            failed("reading x", SdkError::<ErrorMetadata, _>::dispatch_failure(error)).kind()
        };
        assert_eq!(unsent("connection refused".into()), ErrorKind::Unavailable);
        assert_eq!(unsent(CredentialsError::not_loaded("none in the chain").into()), ErrorKind::Unauthorized);
        assert_eq!(unsent(CredentialsError::provider_error("busy").into()), ErrorKind::Unavailable);
        let refused = SdkError::<ErrorMetadata, _>::construction_failure("no bucket was given");
        assert_eq!(failed("reading x", refused).kind(), ErrorKind::InvalidInput);
        let slow = SdkError::<ErrorMetadata, _>::timeout_error("30 s");
        assert_eq!(failed("reading x", slow).kind(), ErrorKind::Unavailable);
        let torn = SdkError::<ErrorMetadata, _>::response_error("half an answer", response(200, &[]));
        assert_eq!(failed("reading x", torn).kind(), ErrorKind::Unavailable);
    }
}
