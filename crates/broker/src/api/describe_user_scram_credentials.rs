//! DescribeUserScramCredentials (50), version 0: which users have SCRAM credentials in ZooKeeper, and with how many
//! iterations (`ZkAdminManager.describeUserScramCredentials`, KIP-554). The credentials themselves leave no broker.

use base::Str;
use kafka_wire::ErrorCode;
use kafka_wire::messages::{
    DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse,
    DescribeUserScramCredentialsResponseCredentialInfos, DescribeUserScramCredentialsResponseResults,
};

use crate::node::Node;
use crate::shard::RequestToken;

pub(crate) fn handle(node: &mut Node, token: RequestToken, request: &DescribeUserScramCredentialsRequest) {
    let known = node.configs.quotas().scram();
    let asked: Vec<Str> = match request.users.as_deref() {
        None | Some([]) => known.keys().cloned().collect(),
        Some(users) => users.iter().map(|user| user.name.clone()).collect(),
    };
    let one = |user: &Str| {
        let mut result = DescribeUserScramCredentialsResponseResults { user: user.clone(), ..Default::default() };
        let twice = asked.iter().filter(|other| *other == user).count() > 1;
        match known.get(user) {
            _ if twice => {
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
    let mut results: Vec<_> = asked.iter().map(one).collect();
    results.dedup_by(|a, b| a.user == b.user);
    node.ctx.reply(token, DescribeUserScramCredentialsResponse { results, ..Default::default() });
}
