//! atomic broadcast: epochs, quorums, proposals and commits.
