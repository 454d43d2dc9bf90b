//! Placeholder of samara-qd.
