//! The error codes that partitions answer with, as plain numbers: how messages carry them.

#![allow(missing_docs, reason = "the names are upstream's")]

use kafka_wire::ErrorCode as Code;

use crate::ErrorCode;

pub const UNKNOWN_SERVER_ERROR: ErrorCode = Code::UNKNOWN_SERVER_ERROR.0;
pub const NONE: ErrorCode = Code::NONE.0;
pub const OFFSET_OUT_OF_RANGE: ErrorCode = Code::OFFSET_OUT_OF_RANGE.0;
pub const CORRUPT_MESSAGE: ErrorCode = Code::CORRUPT_MESSAGE.0;
pub const UNKNOWN_TOPIC_OR_PARTITION: ErrorCode = Code::UNKNOWN_TOPIC_OR_PARTITION.0;
pub const NOT_LEADER_OR_FOLLOWER: ErrorCode = Code::NOT_LEADER_OR_FOLLOWER.0;
pub const REPLICA_NOT_AVAILABLE: ErrorCode = Code::REPLICA_NOT_AVAILABLE.0;
pub const REQUEST_TIMED_OUT: ErrorCode = Code::REQUEST_TIMED_OUT.0;
pub const MESSAGE_TOO_LARGE: ErrorCode = Code::MESSAGE_TOO_LARGE.0;
pub const RECORD_LIST_TOO_LARGE: ErrorCode = Code::RECORD_LIST_TOO_LARGE.0;
pub const INVALID_TOPIC_EXCEPTION: ErrorCode = Code::INVALID_TOPIC_EXCEPTION.0;
pub const NOT_ENOUGH_REPLICAS: ErrorCode = Code::NOT_ENOUGH_REPLICAS.0;
pub const NOT_ENOUGH_REPLICAS_AFTER_APPEND: ErrorCode = Code::NOT_ENOUGH_REPLICAS_AFTER_APPEND.0;
pub const INVALID_REQUIRED_ACKS: ErrorCode = Code::INVALID_REQUIRED_ACKS.0;
pub const NOT_COORDINATOR: ErrorCode = Code::NOT_COORDINATOR.0;
pub const UNSUPPORTED_VERSION: ErrorCode = Code::UNSUPPORTED_VERSION.0;
pub const INVALID_REQUEST: ErrorCode = Code::INVALID_REQUEST.0;
pub const UNSUPPORTED_FOR_MESSAGE_FORMAT: ErrorCode = Code::UNSUPPORTED_FOR_MESSAGE_FORMAT.0;
pub const POLICY_VIOLATION: ErrorCode = Code::POLICY_VIOLATION.0;
pub const INVALID_TXN_STATE: ErrorCode = Code::INVALID_TXN_STATE.0;
pub const OUT_OF_ORDER_SEQUENCE_NUMBER: ErrorCode = Code::OUT_OF_ORDER_SEQUENCE_NUMBER.0;
pub const LOG_DIR_NOT_FOUND: ErrorCode = Code::LOG_DIR_NOT_FOUND.0;
pub const KAFKA_STORAGE_ERROR: ErrorCode = Code::KAFKA_STORAGE_ERROR.0;
pub const FETCH_SESSION_ID_NOT_FOUND: ErrorCode = Code::FETCH_SESSION_ID_NOT_FOUND.0;
pub const INVALID_FETCH_SESSION_EPOCH: ErrorCode = Code::INVALID_FETCH_SESSION_EPOCH.0;
pub const FENCED_LEADER_EPOCH: ErrorCode = Code::FENCED_LEADER_EPOCH.0;
pub const UNKNOWN_LEADER_EPOCH: ErrorCode = Code::UNKNOWN_LEADER_EPOCH.0;
pub const UNSUPPORTED_COMPRESSION_TYPE: ErrorCode = Code::UNSUPPORTED_COMPRESSION_TYPE.0;
pub const INVALID_RECORD: ErrorCode = Code::INVALID_RECORD.0;
pub const UNKNOWN_TOPIC_ID: ErrorCode = Code::UNKNOWN_TOPIC_ID.0;
pub const INCONSISTENT_TOPIC_ID: ErrorCode = Code::INCONSISTENT_TOPIC_ID.0;
pub const FETCH_SESSION_TOPIC_ID_ERROR: ErrorCode = Code::FETCH_SESSION_TOPIC_ID_ERROR.0;
