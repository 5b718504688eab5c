//! DescribeClientQuotas (48), versions 0-1: what is set for the entities that match (`ZkAdminManager.describeClientQuotas`,
//! KIP-546). Answered from what this broker has read of `/config`.

use base::Str;
use kafka_wire::ErrorCode;
use kafka_wire::messages::{
    DescribeClientQuotasRequest, DescribeClientQuotasRequestComponents, DescribeClientQuotasResponse,
    DescribeClientQuotasResponseEntity, DescribeClientQuotasResponseEntries, DescribeClientQuotasResponseValues,
};

use crate::node::Node;
use crate::quota::{Entity, Quotas};
use crate::shard::RequestToken;

const TYPES: [&str; 3] = ["user", "client-id", "ip"];

const EXACT: i8 = 0;
const DEFAULT: i8 = 1;
const SPECIFIED: i8 = 2;

type Refusal = (ErrorCode, String);

pub(crate) fn handle(node: &mut Node, token: RequestToken, request: &DescribeClientQuotasRequest) {
    let response = match check(&request.components) {
        Ok(()) => DescribeClientQuotasResponse {
            entries: Some(matching(node.configs.quotas(), request)),
            ..Default::default()
        },
        Err((code, why)) => DescribeClientQuotasResponse {
            error_code: code.0,
            error_message: Some(Str::from(why)),
            entries: None,
            ..Default::default()
        },
    };
    node.ctx.reply(token, response);
}

fn check(components: &[DescribeClientQuotasRequestComponents]) -> Result<(), Refusal> {
    let invalid = |why: String| Err((ErrorCode::INVALID_REQUEST, why));
    for (at, component) in components.iter().enumerate() {
        let kind = &*component.entity_type;
        if kind.is_empty() {
            return invalid("Unexpected empty filter component entity type".to_string());
        }
        if !TYPES.contains(&kind) {
            return Err((ErrorCode::UNSUPPORTED_VERSION, format!("Custom entity type '{kind}' not supported")));
        }
        if components[..at].iter().any(|other| other.entity_type == component.entity_type) {
            let word = if kind == "client-id" { "client" } else { kind };
            return invalid(format!("Duplicate {word} filter component entity type"));
        }
        if component.match_type == EXACT && component.match_.is_none() {
            return invalid("Request specified MATCH_TYPE_EXACT, but set match string to null".to_string());
        }
        if !(EXACT..=SPECIFIED).contains(&component.match_type) {
            return invalid(format!("Unexpected match type: {}", component.match_type));
        }
    }
    let has = |kind: &str| components.iter().any(|component| *component.entity_type == *kind);
    if has("ip") && (has("user") || has("client-id")) {
        let why = "Invalid entity filter component combination, IP filter component should not be used with user or \
                   clientId filter component.";
        return invalid(why.to_string());
    }
    Ok(())
}

fn matching(quotas: &Quotas, request: &DescribeClientQuotasRequest) -> Vec<DescribeClientQuotasResponseEntries> {
    let entries = quotas.entries().filter(|(entity, _)| matches(entity, request)).map(|(entity, values)| {
        let part = |(kind, name): (&str, Option<&Str>)| DescribeClientQuotasResponseEntity {
            entity_type: Str::from(kind),
            entity_name: name.cloned(),
        };
        let value = |(key, value): (&Str, &f64)| DescribeClientQuotasResponseValues { key: key.clone(), value: *value };
        DescribeClientQuotasResponseEntries {
            entity: entity.parts().map(part).collect(),
            values: values.iter().map(value).collect(),
        }
    });
    entries.collect()
}

fn matches(entity: &Entity, request: &DescribeClientQuotasRequest) -> bool {
    let parts: Vec<(&str, Option<&Str>)> = entity.parts().collect();
    let met = |component: &DescribeClientQuotasRequestComponents| {
        let part = parts.iter().find(|(kind, _)| *kind == &*component.entity_type);
        part.is_some_and(|(_, name)| match component.match_type {
            EXACT => name.is_some() && *name == component.match_.as_ref(),
            DEFAULT => name.is_none(),
            _ => true,
        })
    };
    request.components.iter().all(met) && (!request.strict || parts.len() == request.components.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Properties;

    fn component(kind: &str, match_type: i8, name: Option<&str>) -> DescribeClientQuotasRequestComponents {
        DescribeClientQuotasRequestComponents { entity_type: Str::from(kind), match_type, match_: name.map(Str::from) }
    }

    fn found(components: &[DescribeClientQuotasRequestComponents], strict: bool) -> Vec<String> {
        let mut quotas = Quotas::default();
        let properties = Properties::from([("request_percentage".to_string(), "50".to_string())]);
        for path in ["users/a", "users/<default>", "users/a/clients/x", "clients/x", "clients/<default>", "ips/1.2.3.4"]
        {
            quotas.learn(Entity::from_path(path).expect("an entity"), &properties);
        }
        let request = DescribeClientQuotasRequest { components: components.to_vec(), strict };
        let text = |entry: DescribeClientQuotasResponseEntries| {
            let parts: Vec<String> = entry
                .entity
                .iter()
                .map(|part| format!("{}={}", part.entity_type, part.entity_name.as_deref().unwrap_or("*")))
                .collect();
            parts.join(",")
        };
        let mut found: Vec<String> = matching(&quotas, &request).into_iter().map(text).collect();
        found.sort();
        found
    }

    #[test]
    fn filters_find_what_they_name() {
        let (exact, default, any) = (EXACT, DEFAULT, SPECIFIED);
        assert_eq!(found(&[], false).len(), 6, "no filter, everything");
        assert_eq!(found(&[], true).len(), 0, "strictly nothing is named");
        assert_eq!(found(&[component("user", exact, Some("a"))], false), ["user=a", "user=a,client-id=x"]);
        assert_eq!(found(&[component("user", exact, Some("a"))], true), ["user=a"]);
        assert_eq!(found(&[component("user", default, None)], true), ["user=*"]);
        assert_eq!(found(&[component("client-id", any, None)], true), ["client-id=*", "client-id=x"]);
        let both = [component("client-id", any, None), component("user", any, None)];
        assert_eq!(found(&both, true), ["user=a,client-id=x"]);
        assert_eq!(found(&[component("ip", any, None)], false), ["ip=1.2.3.4"]);
    }

    #[test]
    fn filters_that_make_no_sense_are_refused() {
        let code = |components: &[DescribeClientQuotasRequestComponents]| check(components).expect_err("refused").0;
        assert_eq!(code(&[component("", 2, None)]), ErrorCode::INVALID_REQUEST);
        assert_eq!(code(&[component("planet", 2, None)]), ErrorCode::UNSUPPORTED_VERSION);
        assert_eq!(code(&[component("user", 2, None), component("user", 2, None)]), ErrorCode::INVALID_REQUEST);
        assert_eq!(code(&[component("user", 2, None), component("ip", 2, None)]), ErrorCode::INVALID_REQUEST);
        assert_eq!(code(&[component("user", 0, None)]), ErrorCode::INVALID_REQUEST);
        assert_eq!(code(&[component("user", 3, None)]), ErrorCode::INVALID_REQUEST);
    }
}
