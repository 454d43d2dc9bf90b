//! Transports: how a worker's message comes to the desk, and its reply back.
//!
//! A transport may lose, repeat and delay messages. It need not keep any: the desk gives out again what is lost.

mod broker;
mod http;
#[cfg(feature = "nats")]
pub mod nats;
#[cfg(not(feature = "nats"))]
#[path = "link/without_nats.rs"]
pub mod nats;

use std::{future::Future as StdFuture, pin::Pin, sync::Arc};

use super::{Desk, Reply, Request};

pub use broker::Broker;
pub use http::HttpLink;
pub use nats::{NatsDesk, NatsLink};

/// The reply to a message, at some time.
pub type Replied<'a> = Pin<Box<dyn StdFuture<Output = Result<Reply, LinkError>> + Send + 'a>>;

/// Why there is no reply.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It may come the next time: nobody is there, or the way is broken.
    #[error("{0}")]
    Passing(String),
    /// It never will: a wrong token, or somebody else who listens.
    #[error("{0}")]
    Lasting(String),
}

/// A worker's way to the coordinator.
pub trait Link: Send + Sync {
    /// Sends a message and waits for its reply.
    fn ask<'a>(&'a self, request: &'a Request) -> Replied<'a>;
}

/// The way within a process: messages are written and read as on any other.
#[derive(Debug, Clone)]
pub struct Local(pub Arc<Desk>);

impl Link for Local {
    fn ask<'a>(&'a self, request: &'a Request) -> Replied<'a> {
        Box::pin(async move {
            let message =
                serde_json::to_vec(request).map_err(|error| LinkError::Lasting(error.to_string()))?;
            let no_reply = || LinkError::Passing("it is no message".to_owned());
            let reply = self.0.reply_to(&message).await.ok_or_else(no_reply)?;
            serde_json::from_slice(&reply).map_err(|error| LinkError::Passing(error.to_string()))
        })
    }
}
