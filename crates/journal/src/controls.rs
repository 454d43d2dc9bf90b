//! What became of a run's limits and notes on the way, as its events have it.
//!
//! Settings that a session was begun with hold for the whole run, as if it had been begun with them. What was asked while
//! it went on holds from the place where it came: candidates behind it were planned from what had settled by then.

use samara_search::{Change, Limit, Limits, Order, Scheduled};

use crate::record::{Control, Event, EventKind, Live};

/// A note that was put above prompts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The first candidate that it is for.
    pub first: u64,
    /// What it says; empty where the one before was taken away.
    pub text: String,
}

/// The changes of limits on the way, in their order. `base` are those of the run's settings with all that its sessions
/// were begun with.
pub fn schedule(events: &[Event], base: Limits) -> Vec<Scheduled> {
    let mut limits = base;
    let mut changes = Vec::new();
    for event in events {
        let EventKind::Control(Control { settings, live }) = &event.kind else { continue };
        let before = limits;
        match live {
            Some(_) => settings
                .iter()
                .filter_map(|setting| Limit::read(setting))
                .for_each(|limit| limit.hold(&mut limits)),
            // What a session was begun with goes over what was asked before.
            None => settings
                .iter()
                .filter_map(|setting| setting.split_once('='))
                .for_each(|(key, _)| limits.take(key.trim(), &base)),
        }
        let first = live.as_ref().map_or(event.after, |live| live.first.max(event.after));
        if limits != before {
            changes.push(Scheduled { after: event.after, change: Change { first, limits } });
        }
    }
    changes
}

/// The limits that a run goes on with: `base` where nothing was asked on the way.
pub fn limits(events: &[Event], base: Limits) -> Limits {
    schedule(events, base).last().map_or(base, |last| last.change.limits)
}

/// How many candidates a run is to have: `begun` as its settings had it, or what it was changed to last.
pub fn planned(events: &[Event], begun: u64) -> u64 {
    let settings = events.iter().rev().filter_map(|event| match &event.kind {
        EventKind::Control(control) => Some(control.settings.iter().rev()),
        EventKind::Migration(_) | EventKind::Work(_) => None,
    });
    let mut candidates = settings.flatten().filter_map(|setting| match Limit::read(setting) {
        Some(Limit::Candidates(most)) => Some(most),
        _ => None,
    });
    candidates.next().unwrap_or(begun)
}

/// The notes, in their order.
pub fn notes(events: &[Event]) -> Vec<Note> {
    let note = |live: &Live| match &live.order {
        Order::Note(text) => Some(Note { first: live.first, text: text.clone() }),
        Order::Finish | Order::StopAfter(_) | Order::Budget(_) => None,
    };
    lives(events).filter_map(|(_, live)| note(live)).collect()
}

/// The note above the prompts of a candidate.
pub fn note_of(notes: &[Note], candidate: u64) -> Option<&str> {
    let last = notes.iter().rev().find(|note| note.first <= candidate)?;
    Some(&*last.text).filter(|text| !text.is_empty())
}

/// Whether an event is something that was asked while the run went on.
pub fn is_live(event: &Event) -> bool {
    matches!(&event.kind, EventKind::Control(Control { live: Some(_), .. }))
}

/// What was asked while the run went on, each with the number of candidates that were settled.
pub fn lives(events: &[Event]) -> impl Iterator<Item = (u64, &Live)> {
    events.iter().filter_map(|event| match &event.kind {
        EventKind::Control(Control { live: Some(live), .. }) => Some((event.after, live)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use samara_search::BudgetSettings;

    use super::*;

    fn session(after: u64, settings: &[&str]) -> Event {
        let settings = settings.iter().map(|set| (*set).to_owned()).collect();
        Event { after, kind: EventKind::Control(Control::of(settings)) }
    }

    fn live(after: u64, first: u64, order: Order, settings: &[&str]) -> Event {
        let settings = settings.iter().map(|set| (*set).to_owned()).collect();
        Event { after, kind: EventKind::Control(Control { settings, live: Some(Live { first, order }) }) }
    }

    fn longer_of(total: u64) -> Event {
        session(56, &[&format!("search.total_steps={total}")])
    }

    fn told(events: &[Event]) -> Vec<(u64, u64, u64, Option<u64>)> {
        let budget = BudgetSettings { calls: Some(50), ..BudgetSettings::default() };
        let base = Limits { total_steps: 300, budget };
        let told = |one: Scheduled| {
            let Change { first, limits } = one.change;
            (one.after, first, limits.total_steps, limits.budget.calls)
        };
        schedule(events, base).into_iter().map(told).collect()
    }

    #[test]
    fn what_was_asked_holds_from_its_place_until_a_session_is_begun_with_another() {
        let finish = live(40, 56, Order::Finish, &["search.total_steps=56"]);
        let calls = live(45, 80, Order::Budget(Limit::Calls(90)), &["search.budget.calls=90"]);
        let longer = session(56, &["search.total_steps=300"]);
        assert_eq!(told(std::slice::from_ref(&longer)), [], "as if it had been begun with it");
        assert_eq!(
            told(&[finish.clone(), calls.clone(), longer]),
            [(40, 56, 56, Some(50)), (45, 80, 56, Some(90)), (56, 56, 300, Some(90))]
        );
        let budget = session(60, &["search.budget={calls = 50}"]);
        assert_eq!(told(&[calls, budget]), [(45, 80, 300, Some(90)), (60, 60, 300, Some(50))]);
        let last = [longer_of(9), session(60, &["search.patience=5", "search.total_steps=1_000"])];
        assert_eq!((planned(&last, 7), planned(&last[..1], 7), planned(&[], 7)), (1000, 9, 7));
        let hostile = live(40, 3, Order::Finish, &["search.total_steps=3"]);
        assert_eq!(told(&[hostile]), [(40, 40, 3, Some(50))]);
    }

    #[test]
    fn a_note_is_above_prompts_from_its_first_candidate_until_the_next_one() {
        let note = |after, first, text: &str| live(after, first, Order::Note(text.into()), &[]);
        let notes = notes(&[note(1, 5, "rhyme"), note(2, 9, "be brief"), note(2, 12, "")]);
        let found = [0, 4, 5, 8, 9, 11, 12, 99].map(|index| note_of(&notes, index));
        let (rhyme, brief) = (Some("rhyme"), Some("be brief"));
        assert_eq!(found, [None, None, rhyme, rhyme, brief, brief, None, None]);
    }
}
