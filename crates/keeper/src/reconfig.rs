//! reconfig (16) at the leader: another configuration, as a transaction that a quorum of both must have (upstream:
//! `PrepRequestProcessor`, case reconfig; "Dynamic Reconfiguration of Primary/Backup Clusters", Shraer et al. 2012).

use base::Str;
use bytes::Bytes;
use zab::QuorumConfig;
use zk_wire::txn::TxnBody;
use zk_wire::{ErrorCode, Id, OpCode, ReconfigRequest, SetDataTxn, TxnHeader, perms};

use crate::ensemble::Order;
use crate::membership::{MemberRole, Membership};
use crate::op;
use crate::path;
use crate::prep::{Against, Prep};
use crate::server::Keeper;

/// The configuration in a text, for counting votes. `None` for a text that makes no sense or has no voter.
pub(crate) fn quorum_config(text: &str) -> Option<QuorumConfig> {
    let membership = Membership::parse(text).ok()?;
    membership.voters().next()?;
    Some(of_membership(&membership))
}

fn of_membership(membership: &Membership) -> QuorumConfig {
    let observes = |(_, member): &(&zab::Sid, &crate::membership::Member)| member.role == MemberRole::Observer;
    QuorumConfig {
        version: membership.version,
        verifier: membership.verifier(),
        observers: membership.members.iter().filter(observes).map(|(sid, _)| *sid).collect(),
        text: membership.to_string().as_str().into(),
    }
}

impl Keeper {
    /// Checks a reconfig, in upstream's order, and makes its transaction, whose proposal carries the configuration. `None`
    /// when nothing was understood.
    pub(crate) fn reconfigure(
        &mut self,
        moved: Result<(), ErrorCode>,
        ids: &[Id],
        header: &mut TxnHeader,
        body: &Bytes,
    ) -> Option<TxnBody> {
        let request: ReconfigRequest = op::decode(body).ok()?;
        match moved.and_then(|()| self.next_config(ids, header, &request)) {
            Ok((txn, config)) => {
                if let Some(member) = self.member_mut() {
                    member.proposing = Some(config);
                }
                Some(txn)
            }
            Err(code) => {
                header.opcode = OpCode::ERROR.0;
                Some(TxnBody::error(code))
            }
        }
    }

    fn next_config(
        &mut self,
        ids: &[Id],
        header: &TxnHeader,
        request: &ReconfigRequest,
    ) -> Result<(TxnBody, QuorumConfig), ErrorCode> {
        if !self.config.reconfig_enabled {
            return Err(ErrorCode::RECONFIG_DISABLED);
        }
        self.sessions.check(header.client_id)?;
        let Order::Member(member) = &self.order else { return Err(ErrorCode::UNIMPLEMENTED) };
        if member.peer.next_config().is_some() {
            return Err(ErrorCode::RECONFIG_IN_PROGRESS);
        }
        let current = member.peer.current_config();
        if request.cur_config_id != -1 && request.cur_config_id != current.version {
            return Err(ErrorCode::BAD_VERSION);
        }
        let membership = Membership::parse(&current.text).map_err(|_| ErrorCode::BAD_ARGUMENTS)?;
        let mut next = match request.new_members.as_deref() {
            Some(members) => membership.replaced(members),
            None => membership.changed(request.joining_servers.as_deref(), request.leaving_servers.as_deref()),
        }
        .map_err(|_| ErrorCode::BAD_ARGUMENTS)?;
        next.version = header.zxid.0;
        let voters_min = if self.config.standalone_enabled { 2 } else { 1 };
        if next.voters().count() < voters_min {
            return Err(ErrorCode::BAD_ARGUMENTS);
        }
        if !member.peer.has_quorum(&next.verifier()) {
            return Err(ErrorCode::NEW_CONFIG_NO_QUORUM);
        }
        let config = of_membership(&next);
        let against = Against {
            tree: &self.tree,
            outstanding: &mut self.outstanding,
            sessions: &self.sessions,
            config: &self.config,
        };
        let mut prep = Prep::new(against, header.client_id, ids, header.zxid, header.time_ms);
        let mut node = prep.record(path::CONFIG)?;
        prep.check_acl(&node.acl, perms::WRITE)?;
        node.set_data(path::CONFIG, Some(config.text.as_bytes()));
        let stat = node.stat_mut();
        (stat.version, stat.mzxid, stat.mtime) = (-1, header.zxid, header.time_ms);
        let path = Str::from(path::CONFIG);
        prep.put(&path, node);
        prep.keep();
        let data = Some(Bytes::copy_from_slice(config.text.as_bytes()));
        Ok((TxnBody::SetData(SetDataTxn { path, data, version: -1 }), config))
    }
}
