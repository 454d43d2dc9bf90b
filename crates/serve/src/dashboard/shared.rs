//! What tabs ask for after each look at the runs is made once for all of them: what is alive on a page, as it was when the
//! first of them asked.
//!
//! Nobody is told less than the event said that made them ask, since a look that finds something begins anew. While nobody
//! hears of events nobody looks, and nothing is shared.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::body::Bytes;
use tokio::sync::OnceCell;

/// Pages of a look that are shared at most: of more, each is made for whoever asks.
const MOST: usize = 64;

/// A text and, once somebody wants it so, the same packed.
pub(super) struct Text {
    pub(super) plain: Bytes,
    packed: OnceLock<Option<Bytes>>,
}

impl Text {
    pub(super) fn new(plain: impl Into<Bytes>) -> Self {
        Self { plain: plain.into(), packed: OnceLock::new() }
    }

    /// It as `pack` packs it, which is done once.
    pub(super) fn packed(&self, pack: impl FnOnce(&[u8]) -> Option<Vec<u8>>) -> Option<Bytes> {
        self.packed.get_or_init(|| pack(&self.plain).map(Bytes::from)).clone()
    }
}

type Cell = Arc<OnceCell<Arc<Text>>>;

/// What was made since a look.
#[derive(Default)]
pub(super) struct Shared {
    held: Mutex<(u64, BTreeMap<String, Cell>)>,
}

impl Shared {
    /// What is at an address since a look: made by `make` for the first who asks, and waited for by the others. What it
    /// refuses is not kept.
    pub(super) async fn get<E, F>(
        &self,
        look: u64,
        address: String,
        make: impl FnOnce() -> F,
    ) -> Result<Arc<Text>, E>
    where
        F: Future<Output = Result<Text, E>>,
    {
        let make = || async { make().await.map(Arc::new) };
        match self.cell(look, address) {
            Some(cell) => cell.get_or_try_init(make).await.cloned(),
            None => make().await,
        }
    }

    fn cell(&self, look: u64, address: String) -> Option<Cell> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.0 < look {
            *held = (look, BTreeMap::new());
        }
        // Who asked before that look is told what is new as well.
        let full = held.1.len() >= MOST && !held.1.contains_key(&address);
        (!full).then(|| Arc::clone(held.1.entry(address).or_default()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[tokio::test]
    async fn what_many_ask_for_is_made_once_a_look_and_refusals_are_not_kept() {
        let (shared, made) = (&Shared::default(), &AtomicUsize::new(0));
        let ask = |look, address: &str, good: bool| {
            let make = move || async move {
                let count = made.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                if good { Ok(Text::new(format!("{count}"))) } else { Err("no") }
            };
            let address = address.to_owned();
            async move { shared.get(look, address, make).await.map(|text| text.plain.clone()) }
        };
        let (a, b, c) = tokio::join!(ask(1, "a", true), ask(1, "a", true), ask(1, "b", true));
        assert_eq!((a.as_deref(), b.as_deref()), (Ok(&b"0"[..]), Ok(&b"0"[..])));
        assert_eq!((c.as_deref(), made.load(Ordering::SeqCst)), (Ok(&b"1"[..]), 2));
        assert_eq!(ask(2, "a", false).await, Err("no"));
        assert_eq!(ask(2, "a", true).await.as_deref(), Ok(&b"3"[..]));
        assert_eq!(ask(2, "a", false).await.as_deref(), Ok(&b"3"[..]), "it is there");
        for place in 0..2 * MOST {
            assert!(ask(3, &place.to_string(), true).await.is_ok());
        }
        assert_eq!(shared.held.lock().unwrap().1.len(), MOST);
        let text = Text::new("abc");
        assert_eq!(text.packed(|plain| Some(plain[1..].to_vec())).as_deref(), Some(&b"bc"[..]));
        assert_eq!(text.packed(|_| None).as_deref(), Some(&b"bc"[..]));
    }
}
