//! tokio shells around `client-core`: what tests, tools and the console speak to servers with.

pub mod zk;
