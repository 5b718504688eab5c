//! the real world: sockets, threads, clocks, configuration, HTTP.
