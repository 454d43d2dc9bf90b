//! Messages that are longer than the server takes: in an object store in memory, by the SHA-256 of what lies there.

use std::{sync::Arc, time::Duration};

use async_nats::{
    Client,
    jetstream::{
        Context,
        object_store::{Config, ObjectMetadata, ObjectStore},
        stream::StorageType,
    },
};
use tokio::io::AsyncReadExt as _;

use super::{LinkError, chain, seal::Seal};
use crate::workers::{
    message::MOST_BYTES,
    task::{digest_of, is_digest},
};

/// How long a message lies there if nobody fetches it.
const KEPT: Duration = Duration::from_secs(600);
/// How long it may take to bring it there or back.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of a piece at most.
const PIECE: usize = 128 << 10;
/// What the store is for.
const ABOUT: &[u8] = b"samara store";

/// The store of those who share a token.
#[derive(Clone)]
pub(super) struct Store {
    client: Client,
    jetstream: Context,
    seal: Arc<Seal>,
    bucket: String,
}

impl Store {
    pub(super) fn new(client: Client, jetstream: Context, seal: &Arc<Seal>) -> Self {
        let bucket = format!("samara-{}", seal.name());
        Self { client, jetstream, seal: Arc::clone(seal), bucket }
    }

    /// Puts a message there; its digest.
    pub(super) async fn put(&self, message: &[u8]) -> Result<String, LinkError> {
        let sealed = self.seal.seal(ABOUT, message);
        let sealed = sealed.ok_or_else(|| LinkError::Passing("no random numbers".to_owned()))?;
        let digest = digest_of(&sealed);
        let putting = async {
            let objects = self.objects().await?;
            let piece = PIECE.min(self.client.max_payload().saturating_sub(super::ROOM)).max(1);
            let meta =
                ObjectMetadata { name: digest.clone(), chunk_size: Some(piece), ..ObjectMetadata::default() };
            objects.put(meta, &mut &sealed[..]).await.map_err(|error| failed(&error))
        };
        in_time(putting).await?;
        Ok(digest)
    }

    /// The message of a digest, which is then there no more.
    pub(super) async fn take(&self, digest: &str) -> Result<Vec<u8>, LinkError> {
        let gone = || LinkError::Passing("a long message is not at the NATS server any more".to_owned());
        if !is_digest(digest) {
            return Err(gone());
        }
        let taking = async {
            let objects = self.objects().await?;
            let object = objects.get(digest).await.map_err(|error| failed(&error))?;
            let mut sealed = Vec::new();
            // Never more than a message may have, whatever lies there.
            let mut bounded = object.take(MOST_BYTES as u64 + 1024);
            bounded.read_to_end(&mut sealed).await.map_err(|error| failed(&error))?;
            // What stays there is forgotten after a while.
            let _ = objects.delete(digest).await;
            Ok(sealed)
        };
        let sealed = in_time(taking).await?;
        if digest_of(&sealed) != digest {
            return Err(gone());
        }
        self.seal.open(ABOUT, &sealed).ok_or_else(gone)
    }

    async fn objects(&self) -> Result<ObjectStore, LinkError> {
        if let Ok(objects) = self.jetstream.get_object_store(&self.bucket).await {
            return Ok(objects);
        }
        let config = Config {
            bucket: self.bucket.clone(),
            description: Some("samara: long messages, sealed".to_owned()),
            max_age: KEPT,
            max_bytes: -1,
            storage: StorageType::Memory,
            num_replicas: 1,
            ..Config::default()
        };
        self.jetstream.create_object_store(config).await.map_err(|error| failed(&error))
    }
}

fn failed(error: &dyn std::error::Error) -> LinkError {
    LinkError::Passing(format!("the object store of the NATS server: {}", chain(error)))
}

async fn in_time<T>(doing: impl Future<Output = Result<T, LinkError>>) -> Result<T, LinkError> {
    let late =
        |_| LinkError::Passing("the object store of the NATS server does not answer in time".to_owned());
    tokio::time::timeout(PATIENCE, doing).await.map_err(late)?
}
