//! Reads facts from nodes and carries plans out on them.
