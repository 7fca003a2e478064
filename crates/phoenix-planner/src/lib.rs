//! Turns desired and observed state into an acyclic, ordered plan of actions, and renders it.
