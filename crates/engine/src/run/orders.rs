//! What is asked of a run while it goes on: recorded first, then followed.

use samara_journal::{Event as Recorded, EventKind, Live, controls};
use samara_search::{Change, Limits, Order};
use tokio::sync::mpsc;

use super::{Command, Owner};
use crate::{EngineError, Event, log};

/// The next order; never if nobody can give one.
pub(super) async fn next(orders: &mut Option<mpsc::Receiver<Command>>) -> Command {
    if let Some(orders) = orders
        && let Some(command) = orders.recv().await
    {
        return command;
    }
    std::future::pending().await
}

impl Owner {
    /// Before the journal is folded: what was asked on the way is to come again at its places. `given` was asked of
    /// another run; what of it lies behind the `settled` candidates is asked of this one.
    pub(super) fn come_to(
        &mut self,
        settled: u64,
        mut events: Vec<Recorded>,
        given: Vec<Recorded>,
    ) -> Result<(), EngineError> {
        let comes =
            |event: &Recorded| controls::is_live(event) && event.after >= settled && !events.contains(event);
        self.ahead = given.into_iter().filter(comes).collect();
        events.extend(self.ahead.iter().cloned());
        self.workshop.notes = controls::notes(&events).into();
        self.search.schedule(controls::schedule(&events, Limits::of(self.search.settings())));
        for event in self.due(settled) {
            self.journal.note(&event)?;
        }
        Ok(())
    }

    /// What was asked of another run after so many candidates.
    pub(super) fn due(&mut self, after: u64) -> Vec<Recorded> {
        std::iter::from_fn(|| self.ahead.pop_front_if(|event| event.after <= after)).collect()
    }

    /// Follows the orders that wait to be heard. False if there were none.
    pub(super) fn follow_waiting(
        &mut self,
        orders: &mut Option<mpsc::Receiver<Command>>,
        observer: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<bool, EngineError> {
        let mut heard = false;
        while let Some(command) = orders.as_mut().and_then(|orders| orders.try_recv().ok()) {
            heard = true;
            self.follow(command, observer)?;
        }
        Ok(heard)
    }

    /// Follows an order, once it is recorded, and tells what it came to.
    pub(super) fn follow(
        &mut self,
        command: Command,
        observer: &mut (dyn FnMut(Event<'_>) + Send),
    ) -> Result<(), EngineError> {
        let Command { order, reply } = command;
        let told = match self.weigh(&order) {
            Err(why) => Err(why),
            Ok(change) => {
                let live = self.record_order(order, &change)?;
                self.search.limit(change.limits);
                log::ordered(self.search.settled(), &live);
                observer(Event::Ordered { live: &live, search: &self.search });
                Ok(live)
            }
        };
        // Whoever asked may be gone.
        let _ = reply.send(told);
        Ok(())
    }

    fn weigh(&self, order: &Order) -> Result<Change, String> {
        if let Some(ending) = self.closing {
            return Err(format!("the run is ending ({}): no further candidate begins", ending.name()));
        }
        if !self.ahead.is_empty() {
            return Err("the run follows the controls of another one".to_owned());
        }
        if matches!(order, Order::Note(text) if !text.is_empty()) && !self.tells_instructions() {
            return Err("no model of this run is told instructions: those that continue texts see the texts alone, and \
                        a note has no place"
                .to_owned());
        }
        self.search.weigh(order)
    }

    /// Whether a model that writes is told instructions above its prompts.
    fn tells_instructions(&self) -> bool {
        self.workshop.tools.models.generator.iter().any(|model| model.takes_instructions())
    }

    /// Records an order where it came. A session that is killed behind this has been asked.
    fn record_order(&mut self, order: Order, change: &Change) -> Result<Live, EngineError> {
        let settings = order.settings(change);
        let live = Live { first: change.first, order };
        let control = samara_journal::Control { settings, live: Some(live.clone()) };
        let event = Recorded { after: self.search.settled(), kind: EventKind::Control(control) };
        self.journal.note(&event)?;
        let noted = controls::notes(std::slice::from_ref(&event));
        self.workshop.notes = self.workshop.notes.iter().cloned().chain(noted).collect();
        Ok(live)
    }
}
