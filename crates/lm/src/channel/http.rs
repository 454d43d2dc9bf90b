//! Servers that are asked in JSON over HTTP: a protocol (pure, of `providers/`) over one transport.
//!
//! Two things are found out by trying: which optional fields a server refuses (`fields.rs`), and whether the address lacks
//! its version.

use std::{
    borrow::Cow,
    collections::BTreeSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde_json::{Map, Value as Json};
use tokio::sync::OnceCell;

use super::{
    fields::{Adjustment, Edits, possible, shown, suggested},
    transport::Transport,
};
use crate::{
    error::{AttemptError, ErrorKind, LmError},
    log,
    operation::{Answer, Operation, Value},
    providers::facts::{Call, Protocol, Provider},
    reading::address,
    settings::ModelSettings,
};

/// Most fields that are left out one after the other because the server names them.
const MOST_NAMED: usize = 8;

/// A server.
#[derive(Debug)]
pub(crate) struct Http {
    transport: Transport,
    facts: &'static Provider,
    protocol: &'static Protocol,
    edits: Edits,
    learnt: Mutex<Learnt>,
    /// Held by whoever finds out what the server takes: others wait for what is found.
    finding: tokio::sync::Mutex<()>,
    /// Whether anything but a list of models was answered.
    answered: AtomicBool,
    /// Whether the server was found at another address than the given one.
    moved: OnceCell<bool>,
}

/// What was found out about a server.
#[derive(Debug, Default)]
struct Learnt {
    /// How requests to a path must be changed.
    adjustments: Vec<(&'static str, Adjustment)>,
    /// What was accepted, by path.
    proven: BTreeSet<(&'static str, String)>,
    remarks: Vec<String>,
}

impl Learnt {
    fn adjusted<'a>(&self, path: &str, body: &'a Json) -> Cow<'a, Json> {
        let mut adjusted = Cow::Borrowed(body);
        for (_, adjustment) in self.adjustments.iter().filter(|(of, _)| *of == path) {
            adjustment.apply(adjusted.to_mut());
        }
        adjusted
    }

    fn proven(&self, path: &str) -> BTreeSet<String> {
        self.proven.iter().filter(|(of, _)| *of == path).map(|(_, sign)| sign.clone()).collect()
    }
}

impl Http {
    pub(crate) fn new(settings: &ModelSettings, protocol: &'static Protocol) -> Result<Self, LmError> {
        let rename = settings.rename.iter().map(|(from, to)| (from.clone(), to.clone())).collect();
        Ok(Self {
            transport: Transport::new(settings)?,
            facts: settings.provider.facts(),
            protocol,
            edits: Edits { extra: extra(settings)?, remove: settings.remove.clone(), rename },
            learnt: Mutex::default(),
            finding: tokio::sync::Mutex::default(),
            answered: AtomicBool::new(false),
            moved: OnceCell::new(),
        })
    }

    pub(crate) fn address(&self) -> &str {
        self.transport.base()
    }

    /// What a person should know about the server.
    pub(crate) fn remarks(&self) -> Vec<String> {
        self.learnt().remarks.clone()
    }

    fn learnt(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remark(&self, remark: String) {
        log::remark(self.facts.name, &remark);
        self.learnt().remarks.push(remark);
    }

    pub(crate) async fn attempt(&self, operation: &Operation<'_>) -> Result<Answer, AttemptError> {
        let asked = match self.ask(operation).await {
            Err(error) if !self.answered.load(Ordering::Relaxed) && may_be_elsewhere(&error) => {
                if self.is_elsewhere().await {
                    self.ask(operation).await
                } else {
                    Err(self.with_address_hint(error))
                }
            }
            asked => asked,
        };
        if asked.is_ok() && !matches!(operation, Operation::Models) {
            self.answered.store(true, Ordering::Relaxed);
        }
        asked
    }

    async fn ask(&self, operation: &Operation<'_>) -> Result<Answer, AttemptError> {
        let mut replies = Vec::new();
        while let Some(Call { path, body }) = self.protocol.encode(operation, replies.len())? {
            replies.push(match body {
                None => self.transport.exchange(path, None).await?,
                Some(body) => self.post(operation, path, self.edits.apply(body)).await?,
            });
        }
        self.protocol.decode(operation, &replies)
    }

    /// Posts a body, without what the server is known to refuse; what else it refuses is found out.
    async fn post(
        &self,
        operation: &Operation<'_>,
        path: &'static str,
        body: Json,
    ) -> Result<Json, AttemptError> {
        let sent = self.learnt().adjusted(path, &body);
        let error = match self.transport.exchange(path, Some(&sent)).await {
            Ok(reply) => {
                self.note_accepted(path, &sent);
                return Ok(reply);
            }
            Err(error) => error,
        };
        if error.kind != ErrorKind::Invalid {
            return Err(error);
        }
        // Where one request can't ask for several completions with a seed, as many with seeds of their own can.
        let kept = if matches!(operation, Operation::Several { .. }) { Some("seed") } else { None };
        let _finding = self.finding.lock().await;
        let now = self.learnt().adjusted(path, &body);
        if now != sent {
            // Somebody has found it meanwhile.
            return self.transport.exchange(path, Some(&now)).await;
        }
        let sent = sent.into_owned();
        self.find(path, Trial { body: sent, made: Vec::new(), kept }, error).await
    }

    /// Finds what must be changed in a body that was refused, and keeps it in mind once a request has succeeded.
    async fn find(
        &self,
        path: &'static str,
        refused: Trial,
        refusal: AttemptError,
    ) -> Result<Json, AttemptError> {
        let (mut tried, mut error) = (refused, refusal);
        for _ in 0..MOST_NAMED {
            let possible = self.possible(path, &tried);
            let named = error.complaint.as_ref().and_then(|fault| suggested(fault, &tried.body, &possible));
            let Some(next) = named.filter(|next| !tried.made.contains(next)) else { break };
            tried = tried.with([next]);
            match self.transport.exchange(path, Some(&tried.body)).await {
                Err(other) if other.kind == ErrorKind::Invalid => error = other,
                Err(other) => return Err(other),
                Ok(reply) => {
                    self.learn(path, tried);
                    return Ok(reply);
                }
            }
        }
        self.find_unnamed(path, tried, error).await
    }

    /// The same where the server names no field: whether it is a field at all, and if so, which.
    async fn find_unnamed(
        &self,
        path: &'static str,
        tried: Trial,
        error: AttemptError,
    ) -> Result<Json, AttemptError> {
        let possible = self.possible(path, &tried);
        if possible.is_empty() {
            return Err(error);
        }
        let all = tried.with(possible.clone());
        let reply = match self.transport.exchange(path, Some(&all.body)).await {
            // It is something else: what was said first counts.
            Err(other) if other.kind == ErrorKind::Invalid => return Err(error),
            Err(other) => return Err(other),
            Ok(reply) => reply,
        };
        if possible.len() > 1 {
            for one in possible {
                let single = tried.with([one]);
                match self.transport.exchange(path, Some(&single.body)).await {
                    Ok(reply) => {
                        self.learn(path, single);
                        return Ok(reply);
                    }
                    Err(other) if other.kind == ErrorKind::Invalid => {}
                    // A server that is busy now tells nothing about fields; all of them are left out this once.
                    Err(_) => return Ok(reply),
                }
            }
        }
        self.learn(path, all);
        Ok(reply)
    }

    fn possible(&self, path: &str, trial: &Trial) -> Vec<Adjustment> {
        let optional: Vec<&str> =
            self.facts.optional.iter().copied().filter(|field| Some(*field) != trial.kept).collect();
        possible(&trial.body, &optional, &self.learnt().proven(path))
    }

    fn note_accepted(&self, path: &'static str, body: &Json) {
        let mut learnt = self.learnt();
        for sign in shown(body, self.facts.optional) {
            learnt.proven.insert((path, sign));
        }
    }

    fn learn(&self, path: &'static str, trial: Trial) {
        self.note_accepted(path, &trial.body);
        for adjustment in trial.made {
            let remark = adjustment.remark();
            if !self.learnt().remarks.contains(&remark) {
                self.remark(remark);
            }
            self.learnt().adjustments.push((path, adjustment));
        }
    }

    /// Whether the server's interface is at the address with a version, such as `/v1`, that was left out; asked once.
    async fn is_elsewhere(&self) -> bool {
        let look = || async {
            if !self.facts.has_version {
                return false;
            }
            let base = self.transport.base();
            for other in address::candidates(base).into_iter().filter(|other| other != base) {
                let Ok(Some(Call { path, .. })) = self.protocol.encode(&Operation::Models, 0) else {
                    continue;
                };
                let Ok(reply) = self.transport.exchange_at(&other, path, None).await else { continue };
                let models = self.protocol.decode(&Operation::Models, &[reply]).map(|answer| answer.value);
                if matches!(models, Ok(Value::Models(names)) if !names.is_empty()) {
                    self.transport.move_to(&other);
                    self.remark(format!("the server's interface is at {other}: write that as base_url"));
                    return true;
                }
            }
            false
        };
        let first = !self.moved.initialized();
        *self.moved.get_or_init(look).await && first
    }

    fn with_address_hint(&self, error: AttemptError) -> AttemptError {
        let base = self.transport.base();
        let candidates = address::candidates(base);
        let unknown = matches!(error.status, None | Some(404 | 405));
        if error.hint.is_some() || !self.facts.has_version || candidates.len() < 2 || !unknown {
            return error;
        }
        let others = candidates.join(" nor at ");
        error.hint(format!("there is no list of models at {others}: base_url is the address up to /v1"))
    }
}

/// A body on trial, and what was changed in it.
#[derive(Debug, Clone)]
struct Trial {
    body: Json,
    made: Vec<Adjustment>,
    /// A field that must stay.
    kept: Option<&'static str>,
}

impl Trial {
    fn with(&self, further: impl IntoIterator<Item = Adjustment>) -> Self {
        let mut trial = self.clone();
        for adjustment in further {
            adjustment.apply(&mut trial.body);
            trial.made.push(adjustment);
        }
        trial
    }
}

/// Whether a failure may come of an address at which something else answers.
fn may_be_elsewhere(error: &AttemptError) -> bool {
    match error.kind {
        ErrorKind::Refused => matches!(error.status, Some(404)),
        ErrorKind::Invalid => matches!(error.status, None | Some(400 | 405)),
        ErrorKind::Malformed | ErrorKind::Unsupported => true,
        _ => false,
    }
}

/// The extra fields of the settings.
pub(crate) fn extra(settings: &ModelSettings) -> Result<Map<String, Json>, LmError> {
    match serde_json::to_value(&settings.extra) {
        Ok(Json::Object(fields)) => Ok(fields),
        _ => Err(LmError::new(ErrorKind::Configuration, "`extra` can't be written as JSON")),
    }
}
