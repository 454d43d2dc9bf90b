//! A worker's side: requests with replies, and calls that are pulled before tickets are asked for.

use std::{sync::Arc, time::Duration};

use async_nats::{
    Message, Request as Asking, RequestErrorKind, StatusCode, Subscriber,
    jetstream::{
        self, AckKind,
        consumer::{PullConsumer, pull::BatchConfig},
    },
};
use futures_util::{StreamExt as _, future::join_all};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use super::{Broker, LinkError, Meeting, PATIENCE, about_reply, about_request, is_plain, numbered};
use crate::workers::{Link, Reply, Request, link::Replied};

/// How long a pull waits for a call. After that the desk is asked without one: calls may get lost.
const PULL: Duration = Duration::from_secs(5);
/// How often the server says that it has not forgotten a pull. Two of these without a word, and the consumer is made anew.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long nobody may coordinate a run before the worker greets whoever does now.
const ALONE: Duration = Duration::from_secs(4);
/// How long a call that could not be answered stays away.
const LATER: Duration = Duration::from_millis(100);
/// How long a call may be out before the server gives it to others.
const ACK_WAIT: Duration = Duration::from_secs(30);

/// The way to a coordinator through a NATS server. It connects when it is first used.
#[derive(Clone)]
pub struct NatsLink(Arc<Inner>);

struct Inner {
    broker: Broker,
    token: String,
    meeting: Mutex<Option<Meeting>>,
    way: std::sync::Mutex<Option<Way>>,
    pulling: Mutex<Option<Pulling>>,
}

/// The run that the worker works for.
#[derive(Clone)]
struct Way {
    run: String,
    /// Since when nobody has listened there.
    alone_since: Option<Instant>,
}

/// Where calls come in.
struct Pulling {
    run: String,
    consumer: PullConsumer,
    inbox: String,
    calls: Subscriber,
    news: Subscriber,
}

impl std::fmt::Debug for NatsLink {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsLink").field("broker", &self.0.broker).finish_non_exhaustive()
    }
}

impl NatsLink {
    /// The way through a server, to coordinators that have the same token.
    ///
    /// # Errors
    /// The address can't be used.
    pub fn new(broker: Broker, token: &str) -> Result<Self, String> {
        broker.check()?;
        Ok(Self(Arc::new(Inner {
            broker,
            token: token.to_owned(),
            meeting: Mutex::default(),
            way: std::sync::Mutex::default(),
            pulling: Mutex::default(),
        })))
    }

    async fn send(&self, request: &Request) -> Result<Reply, LinkError> {
        let meeting = self.meeting().await?;
        match request {
            Request::Hello { .. } => {
                self.0.set_way(None);
                let reply =
                    exchange(&meeting, meeting.hello(), request).await.map_err(|trouble| match trouble {
                        Trouble::Nobody => {
                            LinkError::Passing("nobody coordinates a run there yet".to_owned())
                        }
                        Trouble::Link(error) => error,
                    })?;
                if let Reply::Welcome { run, .. } = &reply {
                    if !is_plain(run) {
                        return Err(LinkError::Lasting("the run's id can't stand in a subject".to_owned()));
                    }
                    self.0.set_way(Some(Way { run: run.clone(), alone_since: None }));
                }
                Ok(reply)
            }
            Request::Take { worker, most, holds, wait: true } => {
                let Some(way) = self.0.way() else { return Ok(Reply::Stranger) };
                let calls = self.calls(&meeting, &way.run, *most as usize).await?;
                let now = Request::Take { worker: *worker, most: *most, holds: holds.clone(), wait: false };
                let reply = self.to_run(&meeting, way, &now).await?;
                acknowledge(&meeting, calls, &reply);
                Ok(reply)
            }
            _ => match self.0.way() {
                Some(way) => self.to_run(&meeting, way, request).await,
                None => Ok(Reply::Stranger),
            },
        }
    }

    async fn meeting(&self) -> Result<Meeting, LinkError> {
        let mut meeting = self.0.meeting.lock().await;
        match &*meeting {
            Some(meeting) => Ok(meeting.clone()),
            None => {
                let opened = Meeting::open(&self.0.broker, &self.0.token, "samara worker").await?;
                Ok(meeting.insert(opened).clone())
            }
        }
    }

    /// Asks the coordinator of the run. Who finds nobody there for a while has lost it.
    async fn to_run(&self, meeting: &Meeting, way: Way, request: &Request) -> Result<Reply, LinkError> {
        let asked = exchange(meeting, meeting.of_run(&way.run, "ask"), request).await;
        let since = way.alone_since.unwrap_or_else(Instant::now);
        match asked {
            Ok(reply) => {
                if way.alone_since.is_some() {
                    self.0.found(&way.run, None);
                }
                Ok(reply)
            }
            Err(Trouble::Nobody) if since.elapsed() >= ALONE => Ok(Reply::Stranger),
            Err(Trouble::Nobody) => {
                self.0.found(&way.run, Some(since));
                Err(LinkError::Passing("nobody coordinates the run at the moment".to_owned()))
            }
            Err(Trouble::Link(error)) => Err(error),
        }
    }

    /// Calls for tickets, as many as could be taken: they come at once, or the first of them after a while, or none.
    async fn calls(&self, meeting: &Meeting, run: &str, most: usize) -> Result<Vec<Message>, LinkError> {
        let mut held = self.0.pulling.lock().await;
        let pulling = match held.take().filter(|pulling| pulling.run == run) {
            Some(pulling) => held.insert(pulling),
            None => held.insert(Pulling::begin(meeting, run).await?),
        };
        match pulling.pull(most.max(1)).await {
            Some(calls) => Ok(calls),
            None => {
                // The server has forgotten the consumer, or was away: it is made again the next time.
                *held = None;
                Ok(Vec::new())
            }
        }
    }
}

impl Inner {
    fn set_way(&self, way: Option<Way>) {
        *self.way.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = way;
    }

    fn way(&self) -> Option<Way> {
        self.way.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Whether somebody listens where a run is coordinated.
    fn found(&self, run: &str, alone_since: Option<Instant>) {
        let mut way = self.way.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(way) = way.as_mut().filter(|way| way.run == run) {
            way.alone_since = alone_since;
        }
    }
}

impl Link for NatsLink {
    fn ask<'a>(&'a self, request: &'a Request) -> Replied<'a> {
        Box::pin(self.send(request))
    }
}

impl Pulling {
    async fn begin(meeting: &Meeting, run: &str) -> Result<Self, LinkError> {
        let failed = |error: &dyn std::error::Error| LinkError::Passing(super::chain(error));
        let consumer = meeting.consumer(run, ACK_WAIT).await?;
        let inbox = meeting.client.new_inbox();
        let calls = meeting.client.subscribe(inbox.clone()).await.map_err(|error| failed(&error))?;
        let news = meeting.client.subscribe(meeting.of_run(run, "news")).await;
        let news = news.map_err(|error| failed(&error))?;
        Ok(Self { run: run.to_owned(), consumer, inbox, calls, news })
    }

    /// Pulls a call and then all that are there, up to so many; `None` if the consumer has to be made again.
    async fn pull(&mut self, most: usize) -> Option<Vec<Message>> {
        let first = BatchConfig {
            batch: 1,
            expires: Some(PULL),
            idle_heartbeat: HEARTBEAT,
            ..BatchConfig::default()
        };
        self.consumer.request_batch(first, self.inbox.clone().into()).await.ok()?;
        let mut calls = Vec::new();
        match self.next().await {
            Next::Call(call) => calls.push(*call),
            Next::Ended => return Some(calls),
            Next::Broken => return None,
        }
        if most > 1 {
            let rest = BatchConfig { batch: most - 1, no_wait: true, ..BatchConfig::default() };
            self.consumer.request_batch(rest, self.inbox.clone().into()).await.ok()?;
            while calls.len() < most {
                match self.next().await {
                    Next::Call(call) => calls.push(*call),
                    Next::Ended => break,
                    // Those that came count; the next pull finds out.
                    Next::Broken => break,
                }
            }
        }
        Some(calls)
    }

    /// The next word of the server about a pull.
    async fn next(&mut self) -> Next {
        loop {
            let heard = tokio::select! {
                heard = timeout(HEARTBEAT * 5 / 2, self.calls.next()) => heard,
                // The run may be over: whoever waits asks.
                _ = self.news.next() => return Next::Ended,
            };
            let Ok(Some(message)) = heard else { return Next::Broken };
            match message.status {
                None | Some(StatusCode::OK) if message.reply.is_some() => {
                    return Next::Call(Box::new(message));
                }
                Some(StatusCode::IDLE_HEARTBEAT) => {}
                Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND) => return Next::Ended,
                status => {
                    tracing::debug!(?status, description = message.description, "workers: a pull ended");
                    // A server that answers at once what is of no use is not asked at once again.
                    tokio::time::sleep(LATER).await;
                    return Next::Broken;
                }
            }
        }
    }
}

/// What a server says about a pull.
enum Next {
    Call(Box<Message>),
    /// Nothing more comes of it.
    Ended,
    /// The consumer is gone, or the server silent.
    Broken,
}

/// Acknowledges calls: as many as there were tickets for, and those that nothing waits for any more. The others come back.
fn acknowledge(meeting: &Meeting, calls: Vec<Message>, reply: &Reply) {
    let Reply::Tickets { tickets, left, .. } = reply else {
        // They come back by themselves.
        return;
    };
    if calls.is_empty() {
        return;
    }
    let unanswered = calls.len().saturating_sub(tickets.len());
    let back = unanswered.min(usize::try_from(*left).unwrap_or(usize::MAX));
    let done = calls.len() - back;
    let context = meeting.jetstream.clone();
    tokio::spawn(async move {
        let noted = calls.into_iter().enumerate().map(|(number, message)| {
            let call = jetstream::Message { message, context: context.clone() };
            let kind = if number < done { AckKind::Ack } else { AckKind::Nak(Some(LATER)) };
            async move { call.double_ack_with(kind).await }
        });
        // A call whose acknowledgement gets lost comes back, and finds no ticket.
        let _ = timeout(PATIENCE, join_all(noted)).await;
    });
}

/// Why a request has no reply.
enum Trouble {
    /// Nobody listens.
    Nobody,
    Link(LinkError),
}

impl From<LinkError> for Trouble {
    fn from(error: LinkError) -> Self {
        Self::Link(error)
    }
}

/// Sends a request and waits for its reply.
async fn exchange(meeting: &Meeting, subject: String, request: &Request) -> Result<Reply, Trouble> {
    let message = serde_json::to_vec(request).map_err(|error| LinkError::Lasting(error.to_string()))?;
    let no_numbers = || LinkError::Passing("no random numbers".to_owned());
    let number = meeting.seal.number().ok_or_else(no_numbers)?;
    let sealed = meeting.wrapped(&about_request(&number), &message).await?;
    let asking = Asking::new().payload(sealed.into()).headers(numbered(&number)).timeout(Some(PATIENCE));
    let answered =
        meeting.client.send_request(subject, asking).await.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => Trouble::Nobody,
            RequestErrorKind::TimedOut => {
                LinkError::Passing("the coordinator does not answer in time".to_owned()).into()
            }
            kind => LinkError::Passing(format!("the way through the NATS server broke ({kind})")).into(),
        })?;
    let reply = meeting.unwrapped(&about_reply(&number), &answered.payload).await?;
    // Who has another token hears nothing, so that this is somebody else who listens there.
    let reply = reply.ok_or_else(|| LinkError::Passing("a reply is not sealed with the token".to_owned()))?;
    let wrong = |_| LinkError::Lasting("the coordinator is of another version".to_owned());
    Ok(serde_json::from_slice(&reply).map_err(wrong)?)
}
