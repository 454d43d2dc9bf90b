//! How many attempts an endpoint should be sent at once: decisions alone, on times that are handed in.
//!
//! Two things are learnt of a server. A refusal says that one attempt too many was in flight, so it takes its own
//! place away: 64 sent to a server of 8 places leave 8. The rate says whether a wider limit helps: every so often the
//! limit is doubled or halved for a round, and the narrowest limit that keeps the rate is kept (hill climbing on
//! throughput, since a server that batches answers more slowly and yet more per second, and one that queues never
//! refuses). Trials that fail make the next ones rarer. After an outage the limit climbs by one an answer to where it
//! was, which doubles it per round trip.
//!
//! A few refusals say nothing of the limit: connections break, servers are restarted, others share them. One in two
//! dozen attempts is excused, since a limit that is too wide is refused far more often than that. Without that, one or
//! two in a hundred were enough to take a server of hundreds of places down to one.
//!
//! A limit that is not used says nothing of the server and stays (as RFC 2861 has it for TCP).

use std::time::Duration;

/// Attempts allowed before anything is known of the server.
const START: usize = 16;
/// Fewest answers that a rate is measured over.
const ROUND: usize = 32;
/// Most rounds between two trials.
const PATIENCE: u32 = 16;
/// A doubled limit is kept if the rate grows by this much, a halved one if it keeps this part of the best rate of late:
/// of the one before alone, a chain of small losses would add up.
const WORTH_MORE: f64 = 1.1;
const WORTH_LESS: f64 = 0.95;
/// What is left of the best rate after a round.
const FADING: f64 = 0.98;
/// One refusal among so many answers says nothing of the limit: networks break and servers are restarted at any load.
/// So many refusals may be saved up.
const TOLERANCE: usize = 24;
const SAVED: usize = 8;
/// First and longest pause when even a single attempt is refused.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A limit that is tried.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Trial {
    /// The limit before, and its rate.
    from: usize,
    rate: f64,
}

/// The pace of one endpoint. Times are since an arbitrary beginning.
#[derive(Debug)]
pub(crate) struct Pace {
    limit: usize,
    most: usize,
    /// The limit to climb back to.
    good: usize,
    trial: Option<Trial>,
    /// The best rate of late.
    best: f64,
    /// Whether the next trial is a wider limit.
    widen: bool,
    patience: u32,
    /// Rounds until the next trial.
    rest: u32,
    /// Answers that belong to the limit before this one.
    skip: usize,
    /// Answers of this round, and its beginning.
    counted: usize,
    since: Duration,
    /// Whether something was refused, and what that means is not yet known.
    pushed_back: bool,
    /// Answers that have not yet excused a refusal.
    credit: usize,
    /// Refusals in a row of single attempts.
    outage: u32,
    paused_until: Duration,
}

impl Pace {
    pub(crate) fn new(most: usize) -> Self {
        let limit = START.min(most);
        Self {
            limit,
            most,
            good: limit,
            trial: None,
            best: 0.0,
            widen: true,
            patience: 1,
            rest: 0,
            skip: 0,
            counted: 0,
            since: Duration::ZERO,
            pushed_back: false,
            credit: TOLERANCE * SAVED / 2,
            outage: 0,
            paused_until: Duration::ZERO,
        }
    }

    /// How many attempts may be in flight.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// How long nobody should enter.
    pub(crate) fn pause(&self, now: Duration) -> Option<Duration> {
        self.paused_until.checked_sub(now).filter(|pause| !pause.is_zero())
    }

    /// An attempt was answered while `used` were in flight, itself included.
    pub(crate) fn answered(&mut self, now: Duration, used: usize) {
        self.paused_until = Duration::ZERO;
        self.credit = (self.credit + 1).min(TOLERANCE * SAVED);
        if self.pushed_back {
            self.take_stock();
        } else if used * 2 < self.limit {
            self.begin_round(now, 0);
        } else if self.limit < self.good {
            self.limit += 1;
            self.begin_round(now, self.limit);
        } else if self.skip > 0 {
            self.skip -= 1;
            self.since = now;
        } else {
            self.counted += 1;
            if self.counted >= ROUND.max(self.limit) {
                let seconds = now.saturating_sub(self.since).as_secs_f64();
                self.end_round(now, self.counted as f64 / seconds.max(1e-9));
            }
        }
    }

    /// An attempt was refused, or not answered in time.
    pub(crate) fn refused(&mut self, now: Duration, after: Option<Duration>) {
        if after.is_none() && self.credit >= TOLERANCE {
            self.credit -= TOLERANCE;
            return;
        }
        self.pushed_back = true;
        if let Some(Trial { from, .. }) = self.trial.take() {
            self.be_patient();
            // A wider limit is what was refused; a narrower one has not had its chance.
            (self.limit, self.good) = (self.limit.max(from), self.good.max(from));
        }
        if self.limit > 1 {
            self.limit -= 1;
        } else {
            self.outage += 1;
            let pause = (PAUSE * 2_u32.saturating_pow(self.outage.min(10) - 1)).min(LONGEST_PAUSE);
            self.paused_until = self.paused_until.max(now + after.unwrap_or(pause));
        }
        self.begin_round(now, self.limit);
    }

    /// Answers after a refusal may belong to attempts before it; a whole limit of them shows what the server is like
    /// now.
    fn take_stock(&mut self) {
        self.skip = self.skip.saturating_sub(1);
        if self.skip > 0 {
            return;
        }
        if self.outage == 0 {
            // It serves some and refuses others: the truth is between this limit and the last good one.
            self.good = usize::midpoint(self.good, self.limit);
        } else {
            self.credit = TOLERANCE * SAVED / 2;
        }
        (self.outage, self.pushed_back) = (0, false);
    }

    fn begin_round(&mut self, now: Duration, skip: usize) {
        (self.skip, self.counted, self.since) = (skip, 0, now);
    }

    fn end_round(&mut self, now: Duration, rate: f64) {
        self.best = rate.max(self.best * FADING);
        if let Some(Trial { from, rate: before }) = self.trial.take() {
            let least = if self.limit > from { before * WORTH_MORE } else { self.best * WORTH_LESS };
            if rate >= least {
                self.patience = 1;
            } else {
                self.limit = from;
                self.widen = !self.widen;
                self.be_patient();
            }
        } else if self.rest > 0 {
            self.rest -= 1;
        } else {
            let next = if self.widen { (self.limit * 2).min(self.most) } else { (self.limit / 2).max(1) };
            if next == self.limit {
                self.widen = !self.widen;
            } else {
                self.trial = Some(Trial { from: self.limit, rate });
                self.limit = next;
            }
        }
        self.good = self.limit;
        self.begin_round(now, self.limit);
    }

    /// After a trial that failed.
    fn be_patient(&mut self) {
        self.rest = self.patience;
        self.patience = (self.patience * 2).min(PATIENCE);
    }
}

#[cfg(test)]
mod tests {
    use std::{cmp::Reverse, collections::BinaryHeap};

    use super::*;

    /// A server in a simulation of discrete events.
    struct Server {
        /// Requests served at once.
        places: usize,
        /// Whether further ones are refused; else they wait.
        refuses: bool,
        /// How much longer an answer takes for each other one in the making, in parts of its time: a server that
        /// batches.
        slowing: f64,
        /// Milliseconds of one answer, least and most.
        latency: (u64, u64),
        /// When everything is refused, in milliseconds.
        storm: std::ops::Range<u64>,
        /// Of a thousand attempts, how many are refused or never answered (in turns) whatever the server has to do.
        harmed: u64,
    }

    /// What a simulation measured.
    struct Seen {
        /// When answers came, in microseconds.
        answers: Vec<u64>,
        /// When attempts were refused.
        refusals: Vec<u64>,
        /// Attempts in flight at the end.
        limit: usize,
        /// The largest limit in the second half.
        widest: usize,
    }

    /// A client that always has something to ask, for some seconds.
    fn simulate(server: &Server, seconds: u64) -> Seen {
        let mut pace = Pace::new(1024);
        let mut dice = 1_u64;
        let mut seen = Seen { answers: Vec::new(), refusals: Vec::new(), limit: 0, widest: 0 };
        // (when, whether it is an answer), earliest first; those that wait for a place of the server.
        let mut events: BinaryHeap<Reverse<(u64, u64, bool)>> = BinaryHeap::new();
        let (mut serving, mut queued, mut number, mut now) = (0, 0_usize, 0, 0);
        let end = seconds * 1_000_000;
        while now < end {
            let mut in_flight = events.len() + queued;
            let at = Duration::from_micros(now);
            let pause = pace.pause(at);
            while pause.is_none() && in_flight < pace.limit() {
                in_flight += 1;
                number += 1;
                let stormy = server.storm.contains(&(now / 1000));
                if !stormy && roll(&mut dice) % 1000 < server.harmed {
                    let late = if number % 2 == 0 { 1000 } else { 1_000_000 };
                    events.push(Reverse((now + late, number, false)));
                } else if stormy || (server.refuses && serving == server.places) {
                    events.push(Reverse((now + 1000, number, false)));
                } else if serving < server.places {
                    serving += 1;
                    events.push(Reverse((now + latency(server, serving, &mut dice), number, true)));
                } else {
                    queued += 1;
                }
            }
            let Some(Reverse((when, _, answer))) = events.pop() else {
                now += pause.map_or(1000, |pause| pause.as_micros() as u64 + 1);
                continue;
            };
            now = when;
            let at = Duration::from_micros(now);
            if answer {
                pace.answered(at, events.len() + queued + 1);
                seen.answers.push(now);
                if queued > 0 {
                    queued -= 1;
                    number += 1;
                    events.push(Reverse((now + latency(server, serving, &mut dice), number, true)));
                } else {
                    serving -= 1;
                }
            } else {
                pace.refused(at, None);
                seen.refusals.push(now);
            }
            if now > end / 2 {
                seen.widest = seen.widest.max(pace.limit());
            }
        }
        seen.limit = pace.limit();
        seen
    }

    fn roll(dice: &mut u64) -> u64 {
        *dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *dice >> 33
    }

    fn latency(server: &Server, serving: usize, dice: &mut u64) -> u64 {
        let (least, most) = server.latency;
        let alone = least * 1000 + roll(dice) % ((most - least) * 1000 + 1);
        alone + (alone as f64 * server.slowing * (serving - 1) as f64) as u64
    }

    /// Answers per second within some seconds, as a part of the best that the server can do.
    fn part_of_best(server: &Server, seen: &Seen, from: u64, to: u64) -> f64 {
        let within = |when: &&u64| (from * 1_000_000..to * 1_000_000).contains(*when);
        let rate = seen.answers.iter().filter(within).count() as f64 / (to - from) as f64;
        let alone = (server.latency.0 + server.latency.1) as f64 / 2e3;
        let mean = alone * (1.0 + server.slowing * (server.places - 1) as f64);
        rate / (server.places as f64 / mean)
    }

    fn server(places: usize, refuses: bool) -> Server {
        Server { places, refuses, slowing: 0.0, latency: (50, 150), storm: 0..0, harmed: 0 }
    }

    #[test]
    fn the_rate_stays_within_a_tenth_of_the_servers_best() {
        for places in [1, 2, 5, 8, 13, 32, 64, 100, 200] {
            for refuses in [false, true] {
                let server = server(places, refuses);
                let seen = simulate(&server, 400);
                let part = part_of_best(&server, &seen, 100, 400);
                assert!(part > 0.9, "{places} places, refuses: {refuses}: {part:.3}, limit {}", seen.limit);
                if refuses {
                    let late = seen.refusals.iter().filter(|when| **when > 100_000_000).count();
                    let answers = seen.answers.iter().filter(|when| **when > 100_000_000).count();
                    assert!(late * 20 < answers, "{places} places: {late} refusals, {answers} answers");
                }
            }
        }
    }

    #[test]
    fn a_server_that_batches_is_sent_enough_to_be_near_its_best() {
        // At 0.06, sixteen at once take about twice the time of one; more give ever less, up to 256.
        for slowing in [0.02, 0.06, 0.2] {
            let server = Server { slowing, ..server(256, false) };
            let seen = simulate(&server, 400);
            let part = part_of_best(&server, &seen, 100, 400);
            assert!(part > 0.9, "{slowing}: {part:.3}, limit {}", seen.limit);
        }
    }

    #[test]
    fn a_server_of_eight_places_is_not_sent_many_more_for_long() {
        for refuses in [false, true] {
            let seen = simulate(&server(8, refuses), 400);
            assert!(seen.widest <= 64, "{}", seen.widest);
            assert!((6..=40).contains(&seen.limit), "{}", seen.limit);
        }
    }

    #[test]
    fn the_rate_is_back_soon_after_a_storm_of_refusals() {
        for (places, storm) in [(8, 20_000..23_000), (64, 20_000..40_000), (200, 20_000..50_000)] {
            let end = storm.end / 1000;
            let server = Server { storm, ..server(places, true) };
            let seen = simulate(&server, end + 20);
            let part = part_of_best(&server, &seen, end + 5, end + 20);
            let before = part_of_best(&server, &seen, 10, 20);
            assert!(part > 0.9 * before.min(1.0), "{places} places: {before:.3} before, {part:.3} after");
            let asked = seen.refusals.iter().filter(|when| (20_000_000..end * 1_000_000).contains(*when));
            assert!(asked.count() < 400, "a server in trouble is left alone");
        }
    }

    #[test]
    fn failures_that_have_nothing_to_do_with_the_limit_do_not_narrow_it() {
        for harmed in [5, 14, 30] {
            for (places, refuses) in [(64, false), (64, true), (200, true)] {
                let storm = 20_000..23_000;
                let server = Server { storm, harmed, latency: (9, 11), ..server(places, refuses) };
                let seen = simulate(&server, 58);
                let [before, after] =
                    [(5, 20), (28, 58)].map(|(from, to)| part_of_best(&server, &seen, from, to));
                let least = if harmed == 30 { 0.6 } else { 0.85 };
                let told =
                    format!("{harmed} of 1000, {places} places, refuses: {refuses}: {before:.2}, {after:.2}");
                assert!(before > least && after > least, "{told}");
            }
        }
    }

    #[test]
    fn a_limit_that_is_not_used_does_not_grow() {
        let mut pace = Pace::new(256);
        for step in 0..5000 {
            pace.answered(Duration::from_millis(step), 1);
        }
        assert_eq!(pace.limit(), START);
    }

    #[test]
    fn the_limit_stays_within_its_bounds_whatever_happens() {
        let mut pace = Pace::new(20);
        let mut dice = 7_u64;
        for step in 0..100_000_u64 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let now = Duration::from_millis(step);
            if dice >> 62 == 0 {
                pace.refused(now, None);
            } else {
                pace.answered(now, pace.limit());
            }
            assert!((1..=20).contains(&pace.limit()));
        }
    }
}
