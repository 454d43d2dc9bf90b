//! The coordinator's side: replies to requests from the desk, and calls workers for tickets that wait.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_nats::{Message, Subscriber};
use futures_util::{StreamExt as _, future::join_all};
use tokio::{sync::Semaphore, time::Instant};

use super::{Broker, LinkError, Meeting, NUMBER, PATIENCE, about_reply, about_request, is_plain};
use crate::workers::Desk;

/// Requests that are replied to at once.
const AT_ONCE: usize = 1024;
/// How long workers have to hear that the run is over.
const GRACE: Duration = Duration::from_secs(2);
/// How often a ticket that goes on waiting is called again at least.
const AGAIN: Duration = Duration::from_secs(5);

/// A desk at a NATS server.
pub struct NatsDesk {
    meeting: Meeting,
    desk: Arc<Desk>,
    requests: futures_util::stream::Select<Subscriber, Subscriber>,
}

impl std::fmt::Debug for NatsDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsDesk").field("run", &self.desk.run()).finish_non_exhaustive()
    }
}

impl NatsDesk {
    /// Finds out whether a server can be used: it lets us in, and has JetStream.
    ///
    /// # Errors
    /// Why not, for a person.
    pub async fn check(broker: &Broker, token: &str) -> Result<(), LinkError> {
        let meeting = Meeting::open(broker, token, "samara").await?;
        // An account's figures are another thing in every version of the server; a stream is what is needed.
        meeting.calls().await.map(drop).map_err(|error| {
            LinkError::Lasting(format!(
                "the NATS server has no JetStream for us ({error}): nats-server --jetstream"
            ))
        })
    }

    /// Opens a desk there: from here on its messages are kept until they are served.
    ///
    /// # Errors
    /// The server can't be used.
    pub async fn open(broker: &Broker, token: &str, desk: Arc<Desk>) -> Result<Self, LinkError> {
        if !is_plain(desk.run()) {
            return Err(LinkError::Lasting("the run's id can't stand in a subject".to_owned()));
        }
        let meeting = Meeting::open(broker, token, "samara coordinator").await?;
        let failed = |error: &dyn std::error::Error| LinkError::Passing(super::chain(error));
        let hello = meeting.client.queue_subscribe(meeting.hello(), "coordinators".to_owned());
        let hello = hello.await.map_err(|error| failed(&error))?;
        let asked = meeting.client.subscribe(meeting.of_run(desk.run(), "ask"));
        let asked = asked.await.map_err(|error| failed(&error))?;
        meeting.client.flush().await.map_err(|error| failed(&error))?;
        Ok(Self { meeting, desk, requests: futures_util::stream::select(hello, asked) })
    }

    /// The name of the stream of calls.
    pub fn stream(&self) -> String {
        self.meeting.stream()
    }

    /// Serves workers until `stop` is ready, and a moment longer, in which they hear that the run is over.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let Self { meeting, desk, mut requests } = self;
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        let serving = async {
            while let Some(message) = requests.next().await {
                let Ok(turn) = Arc::clone(&turns).acquire_owned().await else { return };
                let (meeting, desk) = (meeting.clone(), Arc::clone(&desk));
                tokio::spawn(async move {
                    reply(&meeting, &desk, message).await;
                    drop(turn);
                });
            }
        };
        let ending = async {
            stop.await;
            over(&meeting, &desk).await;
        };
        tokio::select! {
            () = serving => {}
            () = ending => {}
            () = call_all(&meeting, &desk) => {}
        }
        let leaving = async {
            let consumer = meeting.jetstream.delete_consumer_from_stream(desk.run(), meeting.stream());
            // Else it is forgotten after a while.
            let _ = consumer.await;
            if let Ok(stream) = meeting.jetstream.get_stream_no_info(meeting.stream()).await {
                let _ = stream.purge().filter(meeting.of_run(desk.run(), "call")).await;
            }
            let _ = meeting.client.flush().await;
        };
        let _ = tokio::time::timeout(GRACE, leaving).await;
    }
}

/// Replies to a request. What was not sealed with the token has no reply.
async fn reply(meeting: &Meeting, desk: &Desk, message: Message) {
    let Some(inbox) = message.reply else { return };
    let number = message.headers.as_ref().and_then(|headers| headers.get(NUMBER));
    let Some(number) = number.map(ToString::to_string) else { return };
    let request = match meeting.unwrapped(&about_request(&number), &message.payload).await {
        Ok(Some(request)) => request,
        // It is asked again.
        Ok(None) | Err(_) => return,
    };
    let Some(reply) = desk.reply_to(&request).await else { return };
    match meeting.wrapped(&about_reply(&number), &reply).await {
        // Who does not hear it asks again.
        Ok(sealed) => drop(meeting.client.publish(inbox, sealed.into()).await),
        Err(why) => tracing::warn!(%why, "workers: a reply can't be sent"),
    }
}

/// Says that the run is over, until all that work for it have heard it or a while has passed.
async fn over(meeting: &Meeting, desk: &Desk) {
    let news = meeting.of_run(desk.run(), "news");
    let end = Instant::now() + GRACE;
    while desk.census().workers > 0 && Instant::now() < end {
        let _ = meeting.client.publish(news.clone(), "over".into()).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Calls workers for tickets that wait, and again after a while: calls may get lost, with the server or on the way.
async fn call_all(meeting: &Meeting, desk: &Desk) {
    let again = AGAIN.min(desk.lease());
    let mut called: BTreeMap<u64, Instant> = BTreeMap::new();
    // When the stream and its consumer were seen last.
    let mut seen: Option<Instant> = None;
    loop {
        let mut arrived = std::pin::pin!(desk.arrived());
        arrived.as_mut().enable();
        let wanted = desk.wanted();
        let now = Instant::now();
        if seen.is_none_or(|seen| now >= seen + again) {
            match meeting.consumer(desk.run(), desk.lease()).await {
                Ok(_) => seen = Some(now),
                Err(why) => {
                    tracing::info!(%why, "workers: waiting for the NATS server");
                    seen = None;
                    tokio::time::sleep(again.min(Duration::from_millis(500))).await;
                    continue;
                }
            }
        }
        called.retain(|id, since| *since + again > now && wanted.binary_search(id).is_ok());
        let fresh: Vec<u64> = wanted.into_iter().filter(|id| !called.contains_key(id)).collect();
        if call(meeting, desk.run(), &fresh).await {
            called.extend(fresh.into_iter().map(|id| (id, now)));
        } else {
            // The stream may be gone, with all that was in it.
            called.clear();
            seen = None;
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        tokio::select! {
            () = arrived => {}
            () = tokio::time::sleep(again) => {}
        }
    }
}

/// Publishes a call for each of these tickets; whether all came into the stream.
async fn call(meeting: &Meeting, run: &str, ids: &[u64]) -> bool {
    let subject = meeting.of_run(run, "call");
    let mut noted = Vec::with_capacity(ids.len());
    for id in ids {
        match meeting.jetstream.publish(subject.clone(), id.to_string().into()).await {
            Ok(note) => noted.push(note),
            Err(_) => return false,
        }
    }
    let all = join_all(noted.into_iter().map(IntoFuture::into_future));
    tokio::time::timeout(PATIENCE, all).await.is_ok_and(|all| all.iter().all(Result::is_ok))
}
