//! How wide the window is: how many candidates are made at once, each from an archive that does not know the others.
//!
//! A wide window keeps models and evaluators busy, and costs quality: a candidate is varied from what was best a window
//! ago. Without a model nobody is waited for but the evaluation slots, of which none shall stand idle. With one the window
//! is no wider than what keeps the slots busy while it writes, and, as long as nobody said how long that takes, no wider
//! than a small part of the run.

/// What is known of a run before it begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    /// Seconds until a model has written a program; 0 if no model writes.
    pub model_s: f64,
    /// Seconds of an evaluation.
    pub evaluation_s: f64,
    /// Whether the user told one of these times, by `--model-latency` or `--evaluation-latency`.
    pub is_told: bool,
    /// Evaluations at once.
    pub slots: usize,
    /// Candidates in total.
    pub steps: u64,
}

/// Seconds that a model on a server is taken to need, if nobody says.
pub(crate) const MODEL_S: f64 = 10.0;
/// The widest window that is chosen by assumed times, and by told ones.
const WIDEST: [f64; 2] = [8.0, 64.0];
/// Windows that at least follow one after the other in a run, by assumed times and by told ones.
const IN_A_ROW: [f64; 2] = [25.0, 8.0];
/// Candidates in the making for every slot, where no model is waited for: one is evaluated, one waits.
const PER_SLOT: usize = 2;
/// An evaluation is not taken to be shorter.
const SHORTEST_S: f64 = 0.001;

impl Pace {
    /// The window: 1 or more.
    pub(crate) fn window(&self) -> usize {
        let slots = self.slots.max(1);
        if self.model_s <= 0.0 {
            return slots.saturating_mul(PER_SLOT);
        }
        let evaluation_s = self.evaluation_s.max(SHORTEST_S);
        // While one candidate of each slot is evaluated, others are written.
        let busy = (slots as f64 * (1.0 + self.model_s / evaluation_s)).ceil();
        let which = usize::from(self.is_told);
        let deep = (self.steps as f64 / IN_A_ROW[which]).floor();
        busy.min(deep).clamp(1.0, WIDEST[which]) as usize
    }

    /// The choice in words.
    pub(crate) fn told(&self) -> String {
        let made = match self.window() {
            1 => "programs are made one after the other".to_owned(),
            window => format!(
                "{window} programs are made at once, each from what was best {window} programs before"
            ),
        };
        let model = match (self.model_s > 0.0, self.is_told) {
            (false, _) => String::new(),
            (true, true) => format!("a model needs {} s for a program, ", rough(self.model_s)),
            (true, false) => format!(
                "a model is assumed to need {} s for a program (--model-latency tells it), ",
                rough(self.model_s)
            ),
        };
        let slots =
            if self.slots == 1 { "one at once".to_owned() } else { format!("{} at once", self.slots) };
        format!(
            "{made}: {model}an evaluation takes {} s, {slots}; set search.window for another number",
            rough(self.evaluation_s),
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
        Pace { model_s, evaluation_s, is_told: false, slots, steps }.window()
    }

    #[test]
    fn without_a_model_no_slot_stands_idle_however_short_the_run() {
        assert_eq!(window(0.0, 0.01, 2, 400), 4);
        assert_eq!(window(0.0, 60.0, 8, 50), 16);
        assert_eq!(window(0.0, 0.0, 0, 0), 2);
    }

    #[test]
    fn a_window_keeps_the_slots_busy_while_models_write() {
        assert_eq!(window(10.0, 20.0, 2, 10_000), 3);
        assert_eq!(window(10.0, 10.0, 4, 10_000), 8);
        assert_eq!(window(10.0, 0.2, 2, 10_000), 8, "no wider than is good");
    }

    #[test]
    fn a_short_run_is_made_in_small_windows() {
        assert_eq!(window(10.0, 0.2, 8, 24), 1);
        assert_eq!(window(10.0, 0.2, 8, 101), 4);
        assert_eq!(window(10.0, 0.0, 0, 0), 1);
    }

    #[test]
    fn told_times_allow_wider_windows_than_assumed_ones() {
        let told = |steps| Pace { model_s: 60.0, evaluation_s: 1.0, is_told: true, slots: 8, steps }.window();
        assert_eq!((told(101), told(401), told(10_000)), (12, 50, 64));
        let fast = Pace { model_s: 0.1, evaluation_s: 1.0, is_told: true, slots: 2, steps: 10_000 };
        assert_eq!(fast.window(), 3, "no wider than what keeps the slots busy");
    }

    #[test]
    fn the_choice_is_told_with_what_it_follows_from() {
        let pace = Pace { model_s: 10.0, evaluation_s: 0.254, is_told: false, slots: 2, steps: 401 };
        assert_eq!(
            pace.told(),
            "8 programs are made at once, each from what was best 8 programs before: a model is assumed to need 10 s \
             for a program (--model-latency tells it), an evaluation takes 0.25 s, 2 at once; set search.window for \
             another number"
        );
        assert_eq!(
            Pace { is_told: true, slots: 1, steps: 5, ..pace }.told(),
            "programs are made one after the other: a model needs 10 s for a program, an evaluation takes 0.25 s, one \
             at once; set search.window for another number"
        );
    }
}
