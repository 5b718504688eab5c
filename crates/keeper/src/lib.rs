//! the coordination service: tree, sessions, watches, request pipeline.
