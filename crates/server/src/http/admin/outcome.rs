//! What a command comes to.

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::{Map, Value};

/// An answer, before it is HTTP.
pub struct Outcome {
    /// 200 unless the command says otherwise.
    pub status: StatusCode,
    /// Added to the response.
    pub headers: Vec<(&'static str, String)>,
    /// The JSON object, without `command` and `error`.
    pub fields: Map<String, Value>,
    /// `error`, for people.
    pub error: Option<String>,
    /// Sent instead of JSON.
    pub stream: Option<Body>,
}

impl Outcome {
    /// Nothing but that it went well.
    pub fn ok() -> Self {
        let (headers, fields) = (Vec::new(), Map::new());
        Self { status: StatusCode::OK, headers, fields, error: None, stream: None }
    }

    /// A failure.
    pub fn error(status: StatusCode, why: impl Into<String>) -> Self {
        Self { status, error: Some(why.into()), ..Self::ok() }
    }

    /// The fields of a JSON object.
    pub fn fields(object: Value) -> Self {
        let fields = match object {
            Value::Object(fields) => fields,
            other => Map::from_iter([("result".to_string(), other)]),
        };
        Self { fields, ..Self::ok() }
    }
}
