//! Counted memory: what requests make the server allocate is taken from a pool first.
//!
//! There are three pools, so that nobody waits for memory that is held by somebody who waits: what was asked (bodies,
//! arguments) waits for what runs (results), which waits for what is answered (texts), which waits for nobody but the
//! client that reads it.

use samara_sandbox::{Budget, Ending, Job, Verdict};
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What pools count in, in bytes.
const UNIT: usize = 4096;

fn units(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX)
}

/// A budget's parts: for what was asked, what runs, what is answered.
pub(crate) fn split(memory: usize) -> (usize, usize, usize) {
    (memory / 10 * 3, memory / 10 * 5, memory / 10 * 2)
}

/// Memory, with what is left of it.
#[derive(Debug, Clone)]
pub(crate) struct Pool {
    units: Arc<Semaphore>,
    size: usize,
}

impl Pool {
    pub(crate) fn new(bytes: usize) -> Self {
        let size = (bytes / UNIT).min(Semaphore::MAX_PERMITS);
        Self { units: Arc::new(Semaphore::new(size)), size }
    }

    /// Takes so many bytes, if they are there and nobody waits for them.
    pub(crate) fn try_take(&self, bytes: usize) -> Option<Share> {
        Arc::clone(&self.units).try_acquire_many_owned(units(bytes)).ok().map(Share)
    }

    /// Takes so many bytes once they are there, in the order of asking; `None` if the pool is smaller.
    pub(crate) async fn take(&self, bytes: usize) -> Option<Share> {
        if units(bytes) as usize > self.size {
            return None;
        }
        Arc::clone(&self.units).acquire_many_owned(units(bytes)).await.ok().map(Share)
    }

    /// Bytes that are taken.
    pub(crate) fn taken(&self) -> usize {
        (self.size - self.units.available_permits()) * UNIT
    }

    /// Bytes of the whole pool.
    pub(crate) fn size(&self) -> usize {
        self.size * UNIT
    }
}

/// Memory that is taken. Dropped after what lies in it.
#[derive(Debug)]
pub(crate) struct Share(OwnedSemaphorePermit);

impl Share {
    /// Bytes that it holds.
    pub(crate) fn size(&self) -> usize {
        self.0.num_permits() * UNIT
    }

    /// Takes so many bytes more, if they are there.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let more = Arc::clone(self.0.semaphore()).try_acquire_many_owned(units(bytes));
        more.map(|more| self.0.merge(more)).is_ok()
    }

    /// Gives back what exceeds so many bytes.
    pub(crate) fn keep(&mut self, bytes: usize) {
        let surplus = self.0.num_permits().saturating_sub(units(bytes) as usize);
        drop(self.0.split(surplus));
    }

    /// Takes so many bytes out of it; fewer if it has fewer.
    pub(crate) fn split(&mut self, bytes: usize) -> Option<Self> {
        let count = (units(bytes) as usize).min(self.0.num_permits());
        self.0.split(count).map(Self)
    }
}

/// A share that grows with what is counted.
#[derive(Debug)]
pub(crate) struct Account {
    share: RefCell<Share>,
    used: Cell<usize>,
}

/// Shares grow by this at least, in bytes.
const STEP: usize = 64 << 10;

impl Account {
    pub(crate) fn new(share: Share) -> Self {
        Self { share: RefCell::new(share), used: Cell::new(0) }
    }

    /// Counts so many bytes more; whether they are there.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let used = self.used.get().saturating_add(bytes);
        let mut share = self.share.borrow_mut();
        let lacking = used.saturating_sub(share.size());
        let enough = lacking == 0 || share.grow(lacking.max(STEP));
        if enough {
            self.used.set(used);
        }
        enough
    }

    /// What was counted.
    pub(crate) fn into_share(self) -> Share {
        let mut share = self.share.into_inner();
        share.keep(self.used.get());
        share
    }
}

/// Bytes that a request's value takes until its program has ended, without its text: while it is read, and then its copies
/// and their encoding on the way to the program.
pub(crate) const ASKED_NODE: usize = samara_sandbox::json::NODE + 64;
/// How often a text of the arguments is there at most: three values and two encodings that grow.
pub(crate) const ASKED_TEXT: usize = 9;

/// Bytes that running a job takes at most, without its arguments: the frame while it grows, the value in it, captured
/// output with its repaired copy, and the program on its way.
pub(crate) fn of_run(job: &Job) -> usize {
    let (limits, text) = (&job.limits, job.program.len() + job.prelude.len());
    of_result(limits.result) + 7 * limits.output as usize + 8 * text
}

/// Bytes that reading a result takes at most: what the codec says, and twice the frame more while it grows.
fn of_result(budget: Budget) -> usize {
    usize::try_from(budget.most_memory()).unwrap_or(usize::MAX).saturating_add(2 * budget.bytes as usize)
}

/// Bytes that a verdict holds.
pub(crate) fn of_verdict(verdict: &Verdict) -> usize {
    let value = match &verdict.ending {
        Ending::Ok { value } => value.memory(),
        Ending::Exception { kind, message } => kind.capacity() + message.capacity(),
        Ending::Syntax { message } => message.capacity(),
        // Words of the host's own.
        _ => 1 << 10,
    };
    value + verdict.stdout.capacity() + size_of::<Verdict>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_grows_and_shrinks_within_its_pool() {
        let pool = Pool::new(10 * UNIT);
        let mut share = pool.try_take(3 * UNIT).unwrap();
        assert!(share.grow(7 * UNIT) && !share.grow(1), "all of it is taken");
        assert!(pool.try_take(1).is_none());
        share.keep(2 * UNIT - 1);
        assert_eq!((share.size(), pool.taken()), (2 * UNIT, 2 * UNIT));
        let part = share.split(UNIT).unwrap();
        drop(share);
        assert_eq!(pool.taken(), UNIT);
        drop(part);
        assert_eq!((pool.taken(), pool.size()), (0, 10 * UNIT));
    }

    #[tokio::test]
    async fn what_no_pool_has_is_refused_instead_of_waited_for() {
        let pool = Pool::new(10 * UNIT);
        assert!(pool.take(11 * UNIT).await.is_none());
        assert!(pool.take(10 * UNIT).await.is_some());
    }

    #[test]
    fn an_account_holds_what_was_counted() {
        let pool = Pool::new(1 << 20);
        let account = Account::new(pool.try_take(0).unwrap());
        assert!((0..1000).all(|_| account.take(100)));
        assert!(!account.take(1 << 20) && account.take(1), "a refusal counts nothing");
        drop(account.into_share());
        assert_eq!(pool.taken(), 0);
    }

    #[test]
    fn the_largest_request_of_every_kind_fits_the_least_memory() {
        let bounds = crate::Bounds::default();
        let (asked, run, answers) = split(bounds.memory);
        let dearest = crate::job::dearest();
        assert!(of_run(&dearest) <= run, "{} of {run}", of_run(&dearest));
        assert!(bounds.nodes as usize * ASKED_NODE + bounds.body <= asked);
        assert!(bounds.body * ASKED_TEXT + bounds.body <= asked);
        assert!(bounds.output <= answers);
        // The program of an entry without an answer of its own, in which every byte may become six.
        assert!(6 * bounds.body <= answers);
    }
}
