//! the broker's decisions: partitions, coordinators, controller.
