//! What the desk replies to each message.

use std::sync::Arc;

use samara_lm::Introduction;
use tokio::time::{Instant, sleep_until};

use super::{Answered, Desk, state::Standing};
use crate::workers::{
    Answer, Duty, Outcome, PROTOCOL, Reply, Ticket,
    message::{MOST_ANSWERS, tame, tame_reason},
};

/// Slots of a worker at most.
const MOST_SLOTS: u32 = 4096;
/// Candidates that a worker may say it holds.
const MOST_HELD: usize = 2 * MOST_SLOTS as usize;
/// Results that can't be what was asked for, after which a worker gets no more tickets.
const MOST_BAD: u32 = 3;
/// A longer evaluation than any, in milliseconds.
const LONGEST_MS: f64 = 1e12;

impl Desk {
    pub(super) fn hello(
        &self,
        protocol: u32,
        samara: &str,
        name: &str,
        slots: u32,
        labels: &[String],
    ) -> Reply {
        let name = tame(name);
        let refused = |why: String| {
            self.tell(format!("worker {name} gets no tickets: {why}"));
            Reply::Refused { why }
        };
        if protocol != PROTOCOL || samara != self.task.samara {
            let own = &self.task.samara;
            return refused(format!(
                "it is samara {} (protocol {protocol}), and the run is driven by samara {own} (protocol {PROTOCOL})",
                tame(samara)
            ));
        }
        if let Some(missing) = self.task.labels.iter().find(|label| !labels.contains(label)) {
            return refused(format!("the run wants workers with the label {missing}"));
        }
        if !(1..=MOST_SLOTS).contains(&slots) {
            return refused(format!("it has {slots} slots; 1 to {MOST_SLOTS} are possible"));
        }
        let mut state = self.state();
        if state.over {
            return Reply::Over;
        }
        let Some(worker) = state.enter(name.clone(), slots as usize, Instant::now()) else {
            drop(state);
            return refused("there are too many".to_owned());
        };
        let beat_ms = u64::try_from((self.patience.lease / 3).as_millis()).unwrap_or(u64::MAX).max(1);
        let (run, task) = (self.run.clone(), Box::new(self.task.clone()));
        Reply::Welcome { protocol: PROTOCOL, worker, run, task, beat_ms }
    }

    pub(super) fn ready(&self, worker: u64, isolation: Option<String>, refuses: Option<String>) -> Reply {
        let mut state = self.state();
        let over = state.over;
        let Some(known) = state.heard(worker, Instant::now()) else { return Reply::Stranger };
        let (name, slots) = (known.name.clone(), known.slots);
        // It is asked once.
        if known.standing == Standing::Greeted {
            known.standing = if refuses.is_some() { Standing::Refused } else { Standing::Ready };
        }
        drop(state);
        self.tell(match (&refuses, isolation) {
            (Some(why), _) => format!("worker {name} takes no tickets: {}", tame_reason(why)),
            (None, Some(isolation)) => format!("worker {name}: {slots} slots, {}", tame(&isolation)),
            (None, None) => format!("worker {name}: {slots} slots"),
        });
        match refuses {
            _ if over => Reply::Over,
            Some(why) => Reply::Refused { why },
            None => Reply::Noted { drop: Vec::new() },
        }
    }

    /// Why a worker's models can't answer this run's questions: they are others than those that have begun to.
    pub(super) fn unlike(&self, models: Vec<Introduction>) -> Option<String> {
        let Duty::Ask { models: meant } = &self.task.duty else { return None };
        if models.len() != meant.len() {
            return Some(format!("it has {} of {} models", models.len(), meant.len()));
        }
        let mut why = None;
        self.introductions.send_if_modified(|known| match known {
            None => {
                *known = Some(models);
                true
            }
            Some(known) => {
                let mut pairs = meant.iter().zip(known.iter().zip(&models));
                why = pairs
                    .find(|(_, (known, model))| !known.is_of_the_same(model))
                    .map(|(meant, _)| format!("its {} is another model, or has other weights", meant.role));
                false
            }
        });
        why
    }

    pub(super) async fn take(&self, worker: u64, most: u32, holds: &[u64], wait: bool) -> Reply {
        let now = Instant::now();
        let end = if wait { now + self.patience.poll } else { now };
        if let Some(reply) = self.reconcile(worker, holds) {
            return reply;
        }
        loop {
            let mut arrived = std::pin::pin!(self.arrived.notified());
            // From here on it is told, so that nothing that arrives now is missed.
            arrived.as_mut().enable();
            let now = Instant::now();
            let (tickets, drop, left) = {
                let mut state = self.state();
                if state.over {
                    return Reply::Over;
                }
                let tickets = state.give(worker, most as usize, now, &self.patience);
                (tickets, state.unwanted(holds), state.waiting())
            };
            if !tickets.is_empty() || !drop.is_empty() || now >= end {
                return Reply::Tickets { tickets, drop, left: left as u64 };
            }
            tokio::select! {
                () = arrived => {}
                () = sleep_until(end) => {}
            }
        }
    }

    /// A worker says all that it holds, and was given more: that never came to it.
    fn reconcile(&self, worker: u64, holds: &[u64]) -> Option<Reply> {
        let (now, mut state) = (Instant::now(), self.state());
        let Some(known) = state.heard(worker, now) else { return Some(Reply::Stranger) };
        match known.standing {
            Standing::Ready => {}
            Standing::Refused => return Some(Reply::Refused { why: "it gets no tickets".to_owned() }),
            Standing::Greeted | Standing::Left => return Some(Reply::Stranger),
        }
        if holds.len() > MOST_HELD {
            return Some(Reply::Refused { why: "it holds too much".to_owned() });
        }
        state.extend(worker, holds, now, &self.patience);
        let missing = state.missing(worker, holds);
        for id in &missing {
            state.mislay(*id, &self.patience);
        }
        drop(state);
        if !missing.is_empty() {
            self.returned();
        }
        None
    }

    pub(super) fn beat(&self, worker: u64, holds: &[u64]) -> Reply {
        let (now, mut state) = (Instant::now(), self.state());
        if state.heard(worker, now).is_none_or(|known| known.standing == Standing::Left) {
            return Reply::Stranger;
        }
        let holds = &holds[..holds.len().min(MOST_HELD)];
        state.extend(worker, holds, now, &self.patience);
        let drop = state.unwanted(holds);
        if state.over { Reply::Over } else { Reply::Noted { drop } }
    }

    pub(super) fn leave(&self, worker: u64) -> Reply {
        let mut state = self.state();
        let Some(known) = state.heard(worker, Instant::now()) else { return Reply::Stranger };
        let (name, was) = (known.name.clone(), known.standing);
        if was != Standing::Refused {
            known.standing = Standing::Left;
        }
        for id in state.held(worker) {
            state.give_back(id);
        }
        drop(state);
        self.returned();
        if was == Standing::Ready {
            self.tell(format!("worker {name} has left"));
        }
        Reply::Noted { drop: Vec::new() }
    }

    /// Takes results in. The reply is that to the first one that can't be noted, if there is one.
    pub(super) fn done(&self, worker: u64, answers: Vec<Answer>) -> Reply {
        if answers.len() > MOST_ANSWERS {
            return Reply::Refused { why: format!("more than {MOST_ANSWERS} results at once") };
        }
        let replies: Vec<Reply> = answers.into_iter().map(|answer| self.noted(worker, answer)).collect();
        if self.state().waiting() > 0 {
            // A worker that waits may have a free slot now.
            self.arrived.notify_waiters();
        }
        let noted = Reply::Noted { drop: Vec::new() };
        replies.into_iter().find(|reply| *reply != noted).unwrap_or(noted)
    }

    fn noted(&self, worker: u64, answer: Answer) -> Reply {
        let mut state = self.state();
        let over = state.over;
        let noted = || if over { Reply::Over } else { Reply::Noted { drop: Vec::new() } };
        let known = state.heard(worker, Instant::now()).is_some();
        let id = answer.id;
        let Some(ticket) = state.given(id, worker) else {
            // It came too late, or was never asked of this worker; either way it changes nothing.
            state.late += 1;
            return if known { noted() } else { Reply::Stranger };
        };
        let ticket = Arc::clone(ticket);
        if let Err(why) = self.fits(&answer, &ticket) {
            drop(state);
            return self.bad(worker, &ticket, &why);
        }
        let name = state.name(worker);
        if let Outcome::Trouble { why } = &answer.outcome {
            let why = tame_reason(why);
            let undone = ticket.undone();
            state.trouble(id, worker, &why, &self.patience);
            drop(state);
            self.tell(format!("worker {name} could not {undone}: {why}"));
            self.returned();
            return noted();
        }
        let failed = u64::from(matches!(answer.outcome, Outcome::Failed { .. }));
        state.evaluated += 1;
        state.failed += failed;
        if let Some(worker) = state.heard(worker, Instant::now()) {
            worker.evaluated += 1;
            worker.failed += failed;
            worker.seconds += answer.ms / 1e3;
        }
        state.answer(id, Ok(Answered { answer, worker: name }));
        drop(state);
        noted()
    }

    /// Whether a result can be that of a ticket.
    fn fits(&self, answer: &Answer, ticket: &Ticket) -> Result<(), String> {
        if answer.protocol != PROTOCOL {
            return Err(format!("it speaks protocol {}", answer.protocol));
        }
        if answer.run != self.run {
            return Err("it is of another run".to_owned());
        }
        if answer.task != self.digest {
            return Err("it was evaluated by other settings or inputs".to_owned());
        }
        if answer.work != ticket.work.digest() {
            return Err(format!("it is of another {}", ticket.work.noun()));
        }
        if !answer.outcome.is_of(&ticket.work) {
            return Err(format!("it is none of a {}", ticket.work.noun()));
        }
        if !(0.0..=LONGEST_MS).contains(&answer.ms) {
            return Err("it took no time that there is".to_owned());
        }
        Ok(())
    }

    /// A worker has sent what can't be the result of its ticket. After a few of these it gets no more.
    fn bad(&self, worker: u64, ticket: &Ticket, why: &str) -> Reply {
        let id = ticket.id;
        let mut state = self.state();
        state.refused += 1;
        let why = format!("its result can't be that of {}: {why}", ticket.named());
        if state.holder(id) == Some(worker) {
            state.lose(id, &why, &self.patience);
        }
        let now = Instant::now();
        let refused = state.heard(worker, now).is_some_and(|known| {
            known.bad += 1;
            known.bad >= MOST_BAD
        });
        if refused {
            for id in state.held(worker) {
                state.give_back(id);
            }
            if let Some(known) = state.heard(worker, now) {
                known.standing = Standing::Refused;
            }
        }
        let name = state.name(worker);
        drop(state);
        self.returned();
        let more = if refused { "; it gets no more tickets" } else { "" };
        self.tell(format!("worker {name}: {why}{more}"));
        Reply::Refused { why }
    }
}
