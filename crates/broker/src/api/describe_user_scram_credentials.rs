//! DescribeUserScramCredentials (50), version 0: which users have SCRAM credentials in ZooKeeper, and with how many
//! iterations (`ZkAdminManager.describeUserScramCredentials`, KIP-554). The credentials themselves leave no broker.

use std::collections::BTreeMap;

use base::Str;
use kafka_wire::ErrorCode;
use kafka_wire::messages::{
    DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
    DescribeUserScramCredentialsResponseCredentialInfos, DescribeUserScramCredentialsResponseResults,
};

use crate::node::Node;
use crate::shard::RequestToken;

pub(crate) fn handle(node: &mut Node, token: RequestToken, request: &DescribeUserScramCredentialsRequest) {
    let results = describe(node.configs.quotas().scram(), request);
    node.ctx.reply(token, DescribeUserScramCredentialsResponse { results, ..Default::default() });
}

/// One result for each user that is asked for, or for all that are known.
fn describe(
    known: &BTreeMap<Str, Vec<(i8, i32)>>,
    request: &DescribeUserScramCredentialsRequest,
) -> Vec<DescribeUserScramCredentialsResponseResults> {
    // How often each is asked for.
    let mut asked: BTreeMap<&Str, usize> = BTreeMap::new();
    match request.users.as_deref() {
        None | Some([]) => asked.extend(known.keys().map(|user| (user, 1))),
        Some(users) => users.iter().for_each(|user| *asked.entry(&user.name).or_default() += 1),
    }
    let one = |(user, times): (&Str, usize)| {
        let mut result = DescribeUserScramCredentialsResponseResults { user: user.clone(), ..Default::default() };
        match known.get(user) {
            _ if times > 1 => {
                let why =
                    format!("Cannot describe SCRAM credentials for the same user twice in a single request: {user}");
                (result.error_code, result.error_message) = (ErrorCode::DUPLICATE_RESOURCE.0, Some(Str::from(why)));
            }
            None => {
                let why = format!("Attempt to describe a user credential that does not exist: {user}");
                (result.error_code, result.error_message) = (ErrorCode::RESOURCE_NOT_FOUND.0, Some(Str::from(why)));
            }
            Some(mechanisms) => {
                let info = |(mechanism, iterations): &(i8, i32)| DescribeUserScramCredentialsResponseCredentialInfos {
                    mechanism: *mechanism,
                    iterations: *iterations,
                };
                result.credential_infos = mechanisms.iter().map(info).collect();
            }
        }
        result
    };
    asked.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_wire::messages::DescribeUserScramCredentialsRequestUsers;

    #[test]
    fn each_user_has_one_result() {
        let known = BTreeMap::from([(Str::from("ann"), vec![(2, 8192)]), (Str::from("bob"), vec![(1, 4096)])]);
        let described = |users: &[&str]| {
            let user = |name: &&str| DescribeUserScramCredentialsRequestUsers { name: Str::from(*name) };
            let request = DescribeUserScramCredentialsRequest { users: Some(users.iter().map(user).collect()) };
            let result = |result: DescribeUserScramCredentialsResponseResults| {
                (result.user.to_string(), result.error_code, result.credential_infos.len())
            };
            describe(&known, &request).into_iter().map(result).collect::<Vec<_>>()
        };
        let found = |user: &str| (user.to_string(), 0, 1);
        assert_eq!(described(&[]), [found("ann"), found("bob")], "nobody named, all described");
        let twice = ("ann".to_string(), ErrorCode::DUPLICATE_RESOURCE.0, 0);
        let unknown = ("eve".to_string(), ErrorCode::RESOURCE_NOT_FOUND.0, 0);
        assert_eq!(described(&["ann", "bob", "ann", "eve"]), [twice, found("bob"), unknown]);
    }
}
