//! How many attempts an endpoint should be sent at once: decisions alone, on times that are passed in.
//!
//! Two things are learnt about a server. A refusal says that one attempt too many was in flight, so it lowers the limit
//! by one: 64 attempts sent to a server with 8 slots leave a limit of 8. Throughput says whether a higher limit helps:
//! every so often the limit is doubled or halved for a round, and the lowest limit that keeps the throughput is kept
//! (hill climbing, since a server that batches answers more slowly and yet more per second, and one that queues never
//! refuses). Trials that fail make the next ones rarer. After an outage the limit climbs by one per answer to where it
//! was, which doubles it per round trip.
//!
//! Nothing is known of a server at first, and one that answers one request at a time, in many seconds, must not be
//! buried under a queue: the limit starts at 1 and grows as long as throughput grows with it ([`Ramp`]).
//!
//! A request that nobody waits for any longer may keep its server busy all the same. It is counted as in flight for
//! about as long as an answer usually takes, so that such requests don't pile up.
//!
//! A few refusals say nothing about the limit: connections break, servers are restarted, others share them. One in two
//! dozen attempts is excused, since a limit that is too high is refused far more often than that. Without this, one or
//! two failures in a hundred were enough to take a server with hundreds of slots down to one.
//!
//! A limit that is not used up says nothing about the server and stays (as RFC 2861 has it for TCP).

use std::time::Duration;

/// Attempts allowed before anything is known of the server.
const START: usize = 1;
/// While the limit first grows: the factor, and the one for a server that answers within [`QUICK`], where a step too far
/// makes a queue of moments.
const GROWTH: usize = 2;
const QUICK_GROWTH: usize = 4;
const QUICK: Duration = Duration::from_secs(2);
/// The limit goes on growing if throughput grew by this factor. One that grew by less is counted once more.
const GAIN_TO_GROW: f64 = 1.3;
/// Most answers that a rate is measured over while the limit first grows.
const FIRST_ROUND: usize = 32;
/// Weight of the newest answer in the usual time of one.
const NEWEST: f64 = 0.1;
/// Longest time that an abandoned request is counted as in flight, if nothing is known of the server.
const LONGEST_HOLD: Duration = Duration::from_secs(60);
/// Fewest answers that a rate is measured over.
const ROUND: usize = 32;
/// Most rounds between two trials.
const MAX_TRIAL_INTERVAL: u32 = 16;
/// A doubled limit is kept if throughput grows by this factor, a halved one if it keeps this share of the best recent
/// throughput: measured against the previous round alone, a chain of small losses would add up.
const GAIN_TO_DOUBLE: f64 = 1.1;
const KEPT_TO_HALVE: f64 = 0.95;
/// The factor by which the best throughput fades in a round.
const DECAY: f64 = 0.98;
/// This many answers excuse one refusal: networks break and servers are restarted at any load.
const ANSWERS_PER_EXCUSE: usize = 24;
/// Most excuses that can be saved up.
const MAX_EXCUSES: usize = 8;
/// First and longest pause when even a single attempt is refused.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A limit on trial.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Trial {
    /// The limit before the trial, and its throughput in answers per second.
    from: usize,
    throughput: f64,
}

/// The first growth of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct Ramp {
    /// The limit before the last step, and its throughput in answers per second; none before the first step.
    from: Option<(usize, f64)>,
    /// Whether this limit's answers are counted for the second time.
    again: bool,
}

/// The limit of one endpoint. Times are counted from an arbitrary start.
#[derive(Debug)]
pub(crate) struct ConcurrencyLimit {
    current: usize,
    max: usize,
    /// The limit to climb back to after refusals.
    recover_to: usize,
    /// Until the limit has been found for the first time.
    ramp: Option<Ramp>,
    trial: Option<Trial>,
    /// The best recent throughput, in answers per second.
    best: f64,
    /// Whether the next trial is of a higher limit.
    try_higher: bool,
    /// Rounds to wait after the next trial that fails.
    trial_interval: u32,
    /// Rounds until the next trial.
    rounds_to_wait: u32,
    /// Answers to ignore: they belong to the previous limit.
    ignore: usize,
    /// Answers of this round, and its start.
    counted: usize,
    round_started: Duration,
    /// Whether an attempt was refused, and it is not yet known what that means.
    assessing: bool,
    /// Answers that have not yet excused a refusal.
    credit: usize,
    /// Refusals in a row while a single attempt was allowed.
    outage: u32,
    paused_until: Duration,
    /// How long an answer usually takes; none before the first.
    usual: Option<Duration>,
}

impl ConcurrencyLimit {
    /// Never more than `max`.
    pub(crate) fn new(max: usize) -> Self {
        let current = START.min(max);
        Self {
            current,
            max,
            recover_to: current,
            ramp: Some(Ramp::default()),
            trial: None,
            best: 0.0,
            try_higher: true,
            trial_interval: 1,
            rounds_to_wait: 0,
            ignore: 0,
            counted: 0,
            round_started: Duration::ZERO,
            assessing: false,
            credit: ANSWERS_PER_EXCUSE * MAX_EXCUSES / 2,
            outage: 0,
            paused_until: Duration::ZERO,
            usual: None,
        }
    }

    /// One that has found its way to `current`.
    #[cfg(test)]
    pub(crate) fn at(current: usize, max: usize) -> Self {
        Self { current, recover_to: current, ramp: None, ..Self::new(max) }
    }

    /// How many attempts may be in flight.
    pub(crate) fn current(&self) -> usize {
        self.current
    }

    /// How long no attempt should be started.
    pub(crate) fn pause(&self, now: Duration) -> Option<Duration> {
        self.paused_until.checked_sub(now).filter(|pause| !pause.is_zero())
    }

    /// An attempt was answered after `took` while `used` were in flight, itself included.
    pub(crate) fn answered(&mut self, now: Duration, used: usize, took: Duration) {
        self.paused_until = Duration::ZERO;
        self.usual = Some(match self.usual {
            Some(usual) => usual.mul_f64(1.0 - NEWEST) + took.mul_f64(NEWEST),
            None => took,
        });
        self.credit = (self.credit + 1).min(ANSWERS_PER_EXCUSE * MAX_EXCUSES);
        if self.assessing {
            self.assess();
        } else if used * 2 < self.current {
            self.begin_round(now, 0);
        } else if self.current < self.recover_to {
            self.current += 1;
            self.begin_round(now, self.current);
        } else if self.ignore > 0 {
            self.ignore -= 1;
            self.round_started = now;
        } else {
            self.counted += 1;
            let enough = match self.ramp {
                Some(Ramp { again, .. }) => self.current.min(FIRST_ROUND) * (1 + usize::from(again)),
                None => ROUND.max(self.current),
            };
            if self.counted >= enough {
                let seconds = now.saturating_sub(self.round_started).as_secs_f64();
                let throughput = self.counted as f64 / seconds.max(1e-9);
                match self.ramp.take() {
                    Some(ramp) => self.grow(now, used, ramp, throughput),
                    None => self.end_round(now, throughput),
                }
            }
        }
    }

    /// After a round of the first growth: a larger limit, the same for another round, or the one before for good.
    fn grow(&mut self, now: Duration, used: usize, ramp: Ramp, throughput: f64) {
        self.best = throughput.max(self.best);
        let grew = ramp.from.is_none_or(|(_, before)| throughput >= before * GAIN_TO_GROW);
        // What is in flight now was begun under the limit of this round, and its answers belong to it.
        let old = used.saturating_sub(1);
        match ramp.from {
            _ if grew => {
                let quick = self.usual.is_some_and(|usual| usual < QUICK);
                let next = self.current * if quick { QUICK_GROWTH } else { GROWTH };
                // At its bound there is nothing to grow to.
                if self.current < self.max {
                    self.ramp = Some(Ramp { from: Some((self.current, throughput)), again: false });
                    self.current = next.min(self.max);
                }
                self.begin_round(now, old);
            }
            Some(_) if !ramp.again => {
                self.ramp = Some(Ramp { again: true, ..ramp });
                self.begin_round(now, 0);
            }
            Some((from, _)) => {
                self.current = from;
                self.begin_round(now, old);
            }
            None => {}
        }
        self.recover_to = self.current;
    }

    /// An attempt was given up after `waited` without an answer. Returns how much longer it counts as in flight.
    pub(crate) fn abandoned(&mut self, now: Duration, waited: Duration) -> Duration {
        self.refused(now, None);
        self.usual.unwrap_or(waited).min(LONGEST_HOLD)
    }

    /// An attempt was refused, or not answered in time.
    pub(crate) fn refused(&mut self, now: Duration, after: Option<Duration>) {
        if after.is_none() && self.credit >= ANSWERS_PER_EXCUSE {
            self.credit -= ANSWERS_PER_EXCUSE;
            return;
        }
        self.assessing = true;
        self.ramp = None;
        if let Some(Trial { from, .. }) = self.trial.take() {
            self.wait_longer();
            // A higher limit is what was refused; a lower one has not had its chance.
            (self.current, self.recover_to) = (self.current.max(from), self.recover_to.max(from));
        }
        if self.current > 1 {
            self.current -= 1;
        } else {
            self.outage += 1;
            let pause = (FIRST_PAUSE * 2_u32.saturating_pow(self.outage.min(10) - 1)).min(LONGEST_PAUSE);
            self.paused_until = self.paused_until.max(now + after.unwrap_or(pause));
        }
        self.begin_round(now, self.current);
    }

    /// What the refusals meant. Answers after a refusal may belong to attempts before it; as many answers as the limit
    /// allows show what the server is like now.
    fn assess(&mut self) {
        self.ignore = self.ignore.saturating_sub(1);
        if self.ignore > 0 {
            return;
        }
        if self.outage == 0 {
            // It serves some and refuses others: the right limit is between this one and the last good one.
            self.recover_to = usize::midpoint(self.recover_to, self.current);
        } else {
            self.credit = ANSWERS_PER_EXCUSE * MAX_EXCUSES / 2;
        }
        (self.outage, self.assessing) = (0, false);
    }

    fn begin_round(&mut self, now: Duration, ignore: usize) {
        (self.ignore, self.counted, self.round_started) = (ignore, 0, now);
    }

    fn end_round(&mut self, now: Duration, throughput: f64) {
        self.best = throughput.max(self.best * DECAY);
        if let Some(Trial { from, throughput: before }) = self.trial.take() {
            let least = if self.current > from { before * GAIN_TO_DOUBLE } else { self.best * KEPT_TO_HALVE };
            if throughput >= least {
                self.trial_interval = 1;
            } else {
                self.current = from;
                self.try_higher = !self.try_higher;
                self.wait_longer();
            }
        } else if self.rounds_to_wait > 0 {
            self.rounds_to_wait -= 1;
        } else {
            let next =
                if self.try_higher { (self.current * 2).min(self.max) } else { (self.current / 2).max(1) };
            if next == self.current {
                self.try_higher = !self.try_higher;
            } else {
                self.trial = Some(Trial { from: self.current, throughput });
                self.current = next;
            }
        }
        self.recover_to = self.current;
        self.begin_round(now, self.current);
    }

    /// After a trial that failed.
    fn wait_longer(&mut self) {
        self.rounds_to_wait = self.trial_interval;
        self.trial_interval = (self.trial_interval * 2).min(MAX_TRIAL_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use std::{cmp::Reverse, collections::BinaryHeap};

    use super::*;

    /// A server in a simulation of discrete events.
    struct Server {
        /// Requests served at once.
        slots: usize,
        /// Whether further ones are refused; else they wait.
        refuses: bool,
        /// How much longer an answer takes for each other one in progress, as a fraction of its time: a server
        /// that batches.
        slowing: f64,
        /// Milliseconds of one answer, least and most.
        latency: (u64, u64),
        /// When everything is refused, in milliseconds.
        outage: std::ops::Range<u64>,
        /// Of a thousand attempts, how many are refused or never answered (in turns) whatever the server has to do.
        failing: u64,
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
        highest: usize,
    }

    /// A client that always has something to ask, for some seconds.
    fn simulate(server: &Server, seconds: u64) -> Seen {
        let mut limit = ConcurrencyLimit::new(1024);
        let mut random = 1_u64;
        let mut seen = Seen { answers: Vec::new(), refusals: Vec::new(), limit: 0, highest: 0 };
        // (when, whether it is an answer), earliest first; those that wait for a slot of the server.
        let mut events: BinaryHeap<Reverse<(u64, u64, bool)>> = BinaryHeap::new();
        let mut begun = std::collections::HashMap::new();
        let mut queued: std::collections::VecDeque<u64> = std::collections::VecDeque::new();
        let (mut serving, mut number, mut now) = (0, 0, 0);
        let end = seconds * 1_000_000;
        while now < end {
            let mut in_flight = events.len() + queued.len();
            let at = Duration::from_micros(now);
            let pause = limit.pause(at);
            while pause.is_none() && in_flight < limit.current() {
                in_flight += 1;
                number += 1;
                begun.insert(number, now);
                let down = server.outage.contains(&(now / 1000));
                if !down && draw(&mut random) % 1000 < server.failing {
                    let late = if number % 2 == 0 { 1000 } else { 1_000_000 };
                    events.push(Reverse((now + late, number, false)));
                } else if down || (server.refuses && serving == server.slots) {
                    events.push(Reverse((now + 1000, number, false)));
                } else if serving < server.slots {
                    serving += 1;
                    events.push(Reverse((now + latency(server, serving, &mut random), number, true)));
                } else {
                    queued.push_back(number);
                }
            }
            let Some(Reverse((when, which, answer))) = events.pop() else {
                now += pause.map_or(1000, |pause| pause.as_micros() as u64 + 1);
                continue;
            };
            now = when;
            let at = Duration::from_micros(now);
            if answer {
                let took = Duration::from_micros(now - begun[&which]);
                limit.answered(at, events.len() + queued.len() + 1, took);
                seen.answers.push(now);
                if let Some(number) = queued.pop_front() {
                    events.push(Reverse((now + latency(server, serving, &mut random), number, true)));
                } else {
                    serving -= 1;
                }
            } else {
                limit.refused(at, None);
                seen.refusals.push(now);
            }
            if now > end / 2 {
                seen.highest = seen.highest.max(limit.current());
            }
        }
        seen.limit = limit.current();
        seen
    }

    fn draw(random: &mut u64) -> u64 {
        *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *random >> 33
    }

    fn latency(server: &Server, serving: usize, random: &mut u64) -> u64 {
        let (least, most) = server.latency;
        let alone = least * 1000 + draw(random) % ((most - least) * 1000 + 1);
        alone + (alone as f64 * server.slowing * (serving - 1) as f64) as u64
    }

    /// Answers per second in some seconds, as a share of the best that the server can do.
    fn share_of_best(server: &Server, seen: &Seen, from: u64, to: u64) -> f64 {
        let within = |when: &&u64| (from * 1_000_000..to * 1_000_000).contains(*when);
        let rate = seen.answers.iter().filter(within).count() as f64 / (to - from) as f64;
        let alone = (server.latency.0 + server.latency.1) as f64 / 2e3;
        let mean = alone * (1.0 + server.slowing * (server.slots - 1) as f64);
        rate / (server.slots as f64 / mean)
    }

    fn server(slots: usize, refuses: bool) -> Server {
        Server { slots, refuses, slowing: 0.0, latency: (50, 150), outage: 0..0, failing: 0 }
    }

    #[test]
    fn throughput_stays_within_a_tenth_of_the_servers_best() {
        for slots in [1, 2, 5, 8, 13, 32, 64, 100, 200] {
            for refuses in [false, true] {
                let server = server(slots, refuses);
                let seen = simulate(&server, 400);
                let share = share_of_best(&server, &seen, 100, 400);
                assert!(share > 0.9, "{slots} slots, refuses: {refuses}: {share:.3}, limit {}", seen.limit);
                if refuses {
                    let late = seen.refusals.iter().filter(|when| **when > 100_000_000).count();
                    let answers = seen.answers.iter().filter(|when| **when > 100_000_000).count();
                    assert!(late * 20 < answers, "{slots} slots: {late} refusals, {answers} answers");
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
            let share = share_of_best(&server, &seen, 100, 400);
            assert!(share > 0.9, "{slowing}: {share:.3}, limit {}", seen.limit);
        }
    }

    #[test]
    fn a_server_with_eight_slots_is_not_sent_many_more_for_long() {
        for refuses in [false, true] {
            let seen = simulate(&server(8, refuses), 400);
            assert!(seen.highest <= 64, "{}", seen.highest);
            assert!((6..=40).contains(&seen.limit), "{}", seen.limit);
        }
    }

    #[test]
    fn a_slow_server_that_answers_one_at_a_time_has_no_queue() {
        for refuses in [false, true] {
            let slow = Server { latency: (8000, 16_000), ..server(1, refuses) };
            let seen = simulate(&slow, 480);
            // The longest wait for an answer is far below any timeout.
            assert!(seen.highest <= 2, "{}", seen.highest);
            assert!(
                share_of_best(&slow, &seen, 0, 480) > 0.85,
                "{} answers in 8 minutes",
                seen.answers.len()
            );
        }
    }

    #[test]
    fn a_fast_server_is_near_its_best_within_moments() {
        for slots in [8, 64, 256] {
            let fast = Server { latency: (190, 210), ..server(slots, false) };
            let seen = simulate(&fast, 30);
            let share = share_of_best(&fast, &seen, 6, 30);
            assert!(share > 0.9, "{slots} slots: {share:.3}");
        }
    }

    #[test]
    fn throughput_recovers_soon_after_an_outage() {
        for (slots, outage) in [(8, 20_000..23_000), (64, 20_000..40_000), (200, 20_000..50_000)] {
            let end = outage.end / 1000;
            let server = Server { outage, ..server(slots, true) };
            let seen = simulate(&server, end + 20);
            let share = share_of_best(&server, &seen, end + 5, end + 20);
            let before = share_of_best(&server, &seen, 10, 20);
            assert!(share > 0.9 * before.min(1.0), "{slots} slots: {before:.3} before, {share:.3} after");
            let asked = seen.refusals.iter().filter(|when| (20_000_000..end * 1_000_000).contains(*when));
            assert!(asked.count() < 400, "a server in trouble is left alone");
        }
    }

    #[test]
    fn failures_that_have_nothing_to_do_with_the_limit_do_not_lower_it() {
        for failing in [5, 14, 30] {
            for (slots, refuses) in [(64, false), (64, true), (200, true)] {
                let outage = 20_000..23_000;
                let server = Server { outage, failing, latency: (9, 11), ..server(slots, refuses) };
                let seen = simulate(&server, 58);
                let [before, after] =
                    [(5, 20), (28, 58)].map(|(from, to)| share_of_best(&server, &seen, from, to));
                let least = if failing == 30 { 0.6 } else { 0.85 };
                let case =
                    format!("{failing} of 1000, {slots} slots, refuses: {refuses}: {before:.2}, {after:.2}");
                assert!(before > least && after > least, "{case}");
            }
        }
    }

    #[test]
    fn a_limit_that_is_not_used_does_not_grow() {
        let mut limit = ConcurrencyLimit::new(256);
        for step in 0..5000 {
            limit.answered(Duration::from_millis(step), 1, Duration::from_millis(1));
        }
        assert_eq!(limit.current(), QUICK_GROWTH, "the first step is taken before anything is known");
    }

    #[test]
    fn the_limit_stays_within_its_bounds_whatever_happens() {
        let mut limit = ConcurrencyLimit::new(20);
        let mut random = 7_u64;
        for step in 0..100_000_u64 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let now = Duration::from_millis(step);
            if random >> 62 == 0 {
                limit.refused(now, None);
            } else {
                limit.answered(now, limit.current(), Duration::from_millis(random >> 54));
            }
            assert!((1..=20).contains(&limit.current()));
        }
    }
}
