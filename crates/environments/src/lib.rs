//! Placeholder of samara-environments.
