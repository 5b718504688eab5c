//! ApiVersions (key 18), versions 0 to 4: what is served. Answered by the connection itself. A version above ours is
//! answered in version 0 with UNSUPPORTED_VERSION and the range of this API (KIP-511).

use kafka_wire::ApiKey;
use kafka_wire::messages::{ApiVersionsRequest, ApiVersionsResponse, ApiVersionsResponseApiKeys};

use crate::error;

/// The answer.
pub fn answer(version: i16, request: &ApiVersionsRequest) -> ApiVersionsResponse {
    let named = is_name(&request.client_software_name) && is_name(&request.client_software_version);
    if version >= 3 && !named {
        return ApiVersionsResponse { error_code: error::INVALID_REQUEST, ..Default::default() };
    }
    let served = kafka_wire::SERVED.iter().map(|served| range(served.key, served.min, served.max));
    ApiVersionsResponse { api_keys: served.collect(), ..Default::default() }
}

/// The answer, to be sent as version 0, to a version that is not served.
pub fn unsupported() -> ApiVersionsResponse {
    let served = kafka_wire::api::served_versions(ApiKey::ApiVersions).expect("ApiVersions is served");
    let own = range(ApiKey::ApiVersions, *served.start(), *served.end());
    ApiVersionsResponse { error_code: error::UNSUPPORTED_VERSION, api_keys: vec![own], ..Default::default() }
}

fn range(key: ApiKey, min_version: i16, max_version: i16) -> ApiVersionsResponseApiKeys {
    ApiVersionsResponseApiKeys { api_key: key as i16, min_version, max_version }
}

/// `[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?`
fn is_name(text: &str) -> bool {
    let (Some(first), Some(last)) = (text.bytes().next(), text.bytes().last()) else { return false };
    first.is_ascii_alphanumeric()
        && last.is_ascii_alphanumeric()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_names() {
        for (name, good) in [("a", true), ("kafka-python", true), ("3.0.12", true), ("", false), ("-a", false)] {
            assert_eq!(is_name(name), good, "{name}");
        }
        assert!(!is_name("a b") && !is_name("a-") && !is_name("ä"));
    }

    #[test]
    fn only_what_is_served_is_listed() {
        let named = ApiVersionsRequest { client_software_name: "x".into(), client_software_version: "1".into() };
        let listed = answer(4, &named);
        assert_eq!(listed.error_code, error::NONE);
        assert_eq!(listed.api_keys.len(), kafka_wire::SERVED.len());
        assert_eq!(answer(3, &ApiVersionsRequest::default()).error_code, error::INVALID_REQUEST);
        assert_eq!(answer(0, &ApiVersionsRequest::default()).error_code, error::NONE);
        let refused = unsupported();
        assert_eq!((refused.error_code, refused.api_keys[0].api_key, refused.api_keys[0].max_version), (35, 18, 4));
    }
}
