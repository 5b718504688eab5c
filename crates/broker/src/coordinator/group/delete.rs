//! DeleteGroups (API 42), one group of it: only a group without members goes, with all its offsets.

use base::Str;
use kafka_wire::ErrorCode as E;

use super::state::State;
use super::{GroupCoordinator, GroupReply, GroupReplyBody, records};
use crate::coordinator::runtime::Outcome;

pub(super) fn handle(coordinator: &GroupCoordinator, id: Str, outcome: &mut Outcome<GroupReply>) -> GroupReplyBody {
    let error = match coordinator.groups.get(&*id) {
        None => E::GROUP_ID_NOT_FOUND,
        Some(group) if group.state != State::Empty => E::NON_EMPTY_GROUP,
        Some(group) => {
            for (topic, partition) in coordinator.offsets.of_group(&group.id).into_iter().flat_map(|o| o.keys()) {
                outcome.records.push(records::offset_tombstone(&group.id, topic, *partition));
            }
            outcome.records.push(records::group_tombstone(&group.id));
            E::NONE
        }
    };
    GroupReplyBody::Delete { group: id, error_code: error.0 }
}
