//! Placeholder of samara-engine.
