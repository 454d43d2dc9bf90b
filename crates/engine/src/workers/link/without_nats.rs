//! What stands for NATS in a build without it: the same names, of which there is never a value.

use std::sync::Arc;

use super::{Broker, Link, LinkError, Replied};
use crate::workers::{Desk, Request};

/// A desk at a NATS server.
#[derive(Debug)]
pub enum NatsDesk {}

impl NatsDesk {
    /// Says that this build is without NATS.
    ///
    /// # Errors
    /// Always.
    pub async fn check(broker: &Broker, _token: &str) -> Result<(), LinkError> {
        broker.check().map_err(LinkError::Lasting)
    }

    /// Says that this build is without NATS.
    ///
    /// # Errors
    /// Always.
    pub async fn open(_broker: &Broker, _token: &str, _desk: Arc<Desk>) -> Result<Self, LinkError> {
        Err(LinkError::Lasting(super::broker::ABSENT.to_owned()))
    }

    /// The name of the stream of calls.
    pub fn stream(&self) -> String {
        match *self {}
    }

    /// Serves workers until `stop` is ready.
    pub async fn serve(self, _stop: impl Future<Output = ()>) {
        match self {}
    }
}

/// A worker's way through a NATS server.
#[derive(Debug)]
pub enum NatsLink {}

impl NatsLink {
    /// Says that this build is without NATS.
    ///
    /// # Errors
    /// Always.
    pub fn new(_broker: Broker, _token: &str) -> Result<Self, String> {
        Err(super::broker::ABSENT.to_owned())
    }
}

impl Link for NatsLink {
    fn ask<'a>(&'a self, _request: &'a Request) -> Replied<'a> {
        match *self {}
    }
}
