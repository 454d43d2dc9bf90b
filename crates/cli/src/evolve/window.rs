//! How wide the window is: how many candidates are made at once, each from an archive that does not know the others.
//!
//! A wide window keeps evaluators busy while models write, and costs quality: a candidate is varied from what was best
//! a window ago. So it is no wider than what keeps the evaluation slots busy, and no wider than a fiftieth of the run.

/// What is known of a run before it begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    /// Seconds until a model has written a program; 0 if no model writes.
    pub model_s: f64,
    /// Seconds of an evaluation.
    pub evaluation_s: f64,
    /// Evaluations at once.
    pub slots: usize,
    /// Candidates in total.
    pub steps: u64,
}

/// Seconds that a model on a server is taken to need, if nobody says.
pub(crate) const MODEL_S: f64 = 10.0;
/// The widest window that is chosen.
const WIDEST: f64 = 16.0;
/// Candidates that at least follow one after the other.
const IN_A_ROW: f64 = 50.0;
/// An evaluation is not taken to be shorter.
const SHORTEST_S: f64 = 0.001;

impl Pace {
    /// The window: 1 or more.
    pub(crate) fn window(&self) -> usize {
        let evaluation_s = self.evaluation_s.max(SHORTEST_S);
        // While one candidate of each slot is evaluated, others are written.
        let busy = (self.slots.max(1) as f64 * (1.0 + self.model_s.max(0.0) / evaluation_s)).ceil();
        let deep = (self.steps as f64 / IN_A_ROW).floor();
        busy.min(deep).clamp(1.0, WIDEST) as usize
    }

    /// The choice in words.
    pub(crate) fn told(&self) -> String {
        let model = if self.model_s > 0.0 {
            format!("{} s a model call, ", rough(self.model_s))
        } else {
            String::new()
        };
        let slots = if self.slots == 1 { "1 slot".to_owned() } else { format!("{} slots", self.slots) };
        format!(
            "window {}: {model}{} s an evaluation, {slots}, {} candidates (search.window sets another)",
            self.window(),
            rough(self.evaluation_s),
            self.steps
        )
    }
}

/// Seconds with two digits.
fn rough(seconds: f64) -> String {
    match seconds {
        seconds if seconds >= 10.0 => format!("{seconds:.0}"),
        seconds if seconds >= 1.0 => format!("{seconds:.1}"),
        seconds if seconds >= 0.1 => format!("{seconds:.2}"),
        seconds => format!("{seconds:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(model_s: f64, evaluation_s: f64, slots: usize, steps: u64) -> usize {
        Pace { model_s, evaluation_s, slots, steps }.window()
    }

    #[test]
    fn without_a_model_the_window_is_as_wide_as_there_are_slots() {
        assert_eq!(window(0.0, 0.01, 2, 400), 2);
        assert_eq!(window(0.0, 60.0, 8, 10_000), 8);
    }

    #[test]
    fn a_window_keeps_the_slots_busy_while_models_write() {
        assert_eq!(window(10.0, 20.0, 2, 10_000), 3);
        assert_eq!(window(10.0, 10.0, 4, 10_000), 8);
        assert_eq!(window(10.0, 0.2, 2, 10_000), 16, "no wider than is good");
    }

    #[test]
    fn a_short_run_is_made_one_after_the_other() {
        assert_eq!(window(10.0, 0.2, 8, 99), 1);
        assert_eq!(window(10.0, 0.2, 8, 400), 8);
        assert_eq!(window(10.0, 0.0, 0, 0), 1);
    }

    #[test]
    fn the_choice_is_told_with_what_it_follows_from() {
        let pace = Pace { model_s: 10.0, evaluation_s: 0.254, slots: 2, steps: 401 };
        assert_eq!(
            pace.told(),
            "window 8: 10 s a model call, 0.25 s an evaluation, 2 slots, 401 candidates (search.window sets another)"
        );
    }
}
