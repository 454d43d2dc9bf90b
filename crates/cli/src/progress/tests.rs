//! The line for given states and times: nothing here waits or looks at a clock.

use super::*;

const SPENT: Charge = Charge { calls: 2436, tokens: 310_000, money: 1.25 };

fn seen() -> Seen {
    let numbers = Numbers { cells: (11, 20), qd_score: 8.144_12, best: Some(0.924_31), spent: SPENT };
    Seen {
        settled: 812,
        total: 2000,
        numbers: Some(numbers),
        change: None,
        calls: Some((8, Duration::from_secs(1))),
        workers: None,
        rate: Some(41.3),
        left: "left 0.75 of 2 money".to_owned(),
        eta: Some(151.0),
        elapsed: 62.0,
    }
}

#[test]
fn the_line_tells_what_fits_the_most_important_first() {
    let lines: Vec<String> = [200, 119, 79, 39, 19, 5, 0]
        .into_iter()
        .map(|width| {
            let line = line(&seen(), width);
            assert!(columns(&line) <= width, "{width}: {line}");
            format!("{width:>3}: {line}")
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn what_is_not_known_is_not_told() {
    let start =
        Seen { numbers: None, calls: None, rate: None, left: String::new(), eta: None, settled: 0, ..seen() };
    let free = Charge { money: 0.0, ..SPENT };
    let unscored = Numbers { cells: (0, 20), qd_score: 0.0, best: None, spent: free };
    let unscored =
        Seen { settled: 3, numbers: Some(unscored), calls: Some((1, Duration::ZERO)), ..start.clone() };
    let large = Numbers { cells: (1, 1 << 24), qd_score: -1.5e300, best: Some(0.999_999_9), spent: free };
    let large = Seen {
        settled: u64::MAX,
        total: u64::MAX,
        numbers: Some(large),
        eta: Some(2_592_000.0),
        elapsed: 1e18,
        ..start.clone()
    };
    let lines = [start, unscored, large].map(|seen| line(&seen, 200));
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_change_of_the_best_stands_behind_it() {
    let told = |change| line(&Seen { change, ..seen() }, 200);
    assert!(told(Some(0.3)).contains("  best 0.9243 (+0.3)  "), "{}", told(Some(0.3)));
    assert!(told(Some(-1.0)).contains("  best 0.9243 (-1)  "), "{}", told(Some(-1.0)));
    assert!(told(None).contains("  best 0.9243  "), "{}", told(None));
}

#[test]
fn durations_and_rates_are_short() {
    let durations = [0.0, 7.4, 59.6, 754.0, 12_345.0, 183_600.0].map(duration);
    assert_eq!(durations, ["0:00", "0:07", "1:00", "12:34", "3:25:45", "2 d 3 h"]);
    assert_eq!([412.4, 41.3, 4.13, 0.413, 1e-5].map(rough), ["412", "41", "4.1", "0.41", "1e-5"]);
}

/// A pace of so many candidates a second for so many seconds, each with one call of 100 tokens at a price of 0.01.
fn pace(rate: u64, seconds: u64) -> Pace {
    let mut pace = Pace::default();
    for second in 0..=seconds {
        let settled = rate * second;
        let spent = Charge { calls: settled, tokens: 100 * settled, money: 0.01 * settled as f64 };
        pace.note(Duration::from_secs(second), settled, spent);
    }
    pace
}

fn eta(pace: &Pace, seconds: u64, total: u64, budget: BudgetSettings) -> Option<f64> {
    pace.eta(Duration::from_secs(seconds), &Limits { total, budget }).map(f64::round)
}

#[test]
fn there_is_no_eta_before_enough_was_seen() {
    let free = BudgetSettings::default();
    assert_eq!(eta(&Pace::default(), 100, 10, free), None);
    assert_eq!((eta(&pace(100, 2), 2, 1000, free), pace(100, 2).rate(Duration::from_secs(2))), (None, None));
    assert_eq!(eta(&pace(1, 4), 4, 1000, free), None, "four candidates say too little");
    assert_eq!(eta(&pace(1, 5), 5, 1000, free), Some(995.0));
}

#[test]
fn the_eta_is_that_of_the_nearest_limit() {
    let pace = pace(10, 20);
    let with = |budget| eta(&pace, 20, 1200, budget);
    let free = BudgetSettings::default();
    assert_eq!(with(free), Some(100.0));
    assert_eq!(with(BudgetSettings { tokens: Some(50_000), ..free }), Some(30.0));
    assert_eq!(with(BudgetSettings { calls: Some(600), ..free }), Some(40.0));
    assert_eq!(with(BudgetSettings { money: Some(7.0), ..free }), Some(50.0));
    assert_eq!(with(BudgetSettings { wall_time_s: Some(35.0), money: Some(7.0), ..free }), Some(15.0));
    assert_eq!(with(BudgetSettings { wall_time_s: Some(1e300), ..free }), Some(100.0));
}

#[test]
fn the_eta_is_never_negative_or_absurd() {
    let free = BudgetSettings::default();
    let pace = pace(10, 20);
    assert_eq!(eta(&pace, 20, 100, free), Some(0.0), "more than the total are settled");
    assert_eq!(eta(&pace, 20, 1200, BudgetSettings { tokens: Some(5), ..free }), Some(0.0));
    assert_eq!(eta(&pace, 20, u64::MAX, free), None, "longer than anybody can say");
    // Nothing settles any more: it takes longer and longer, and then nobody knows.
    assert_eq!(eta(&pace, 40, 1200, free), Some(200.0));
    assert_eq!(eta(&pace, 40_000_000, 1200, free), None);
}

#[test]
fn the_eta_follows_the_last_minute() {
    let mut pace = pace(100, 100);
    for second in 101..=200 {
        pace.note(Duration::from_secs(second), 10_000 + (second - 100), Charge::default());
    }
    assert_eq!(pace.rate(Duration::from_secs(200)), Some(1.0));
    assert_eq!(eta(&pace, 200, 10_200, BudgetSettings::default()), Some(100.0));
    assert!(pace.points.len() <= 122, "{}", pace.points.len());
}

#[test]
fn what_is_left_is_told_in_the_units_that_are_limited() {
    let spent = Charge { calls: 12, tokens: 700, money: 0.25 };
    assert_eq!(left(&BudgetSettings::default(), &spent), "");
    let budget = BudgetSettings { money: Some(1.0), tokens: Some(600), ..BudgetSettings::default() };
    assert_eq!(left(&budget, &spent), "left 0.75 of 1 money, 0 of 600 tokens");
    let budget = BudgetSettings { calls: Some(20), ..BudgetSettings::default() };
    assert_eq!(left(&budget, &spent), "left 8 of 20 calls");
}

#[test]
fn calls_in_flight_are_those_of_the_moment_when_the_line_is_drawn() {
    let calls = Arc::new(CallsInFlight::default());
    let progress = Progress::new(10, BudgetSettings::default(), true).with_calls(calls.clone());
    let line = || locked(&progress.view).line(Duration::ZERO, 100);
    let first = calls.begin();
    let second = calls.begin();
    assert!(line().contains("  2 calls"), "{}", line());
    drop(second);
    assert!(line().contains("  1 call"), "{}", line());
    drop(first);
    assert!(line().contains("  0 calls"), "{}", line());
}

#[test]
fn the_oldest_call_is_told_once_somebody_might_wonder() {
    assert_eq!(in_flight(3, Duration::from_secs(2)), "3 calls");
    assert_eq!(in_flight(1, Duration::from_secs(12)), "1 call, oldest 0:12");
}
