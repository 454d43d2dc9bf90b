//! Placeholder of samara-lm.
