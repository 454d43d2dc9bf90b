//! Placeholder of samara-journal.
