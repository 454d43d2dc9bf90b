//! A cascade: cheap stages first, and each next one only for candidates that reach its threshold. The rules are those of
//! OpenEvolve 0.4.1, but for a first stage that fails: it leaves no score, where upstream says 0.

use samara_search::Artifact;

use super::{
    fate::Loss,
    metrics::{Metric, Metrics},
    reply::Reply,
};

/// What the stages so far have come to.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Progress {
    pub(super) metrics: Metrics,
    pub(super) artifacts: Vec<Artifact>,
    /// The stages that there are.
    stages: Vec<String>,
    /// The stages that ran.
    ran: usize,
    ended: bool,
}

impl Progress {
    /// After the first stage, or a whole evaluation.
    pub(super) fn new(first: Reply) -> Self {
        let Reply { stages, metrics, artifacts, .. } = first;
        Self { metrics, artifacts, stages, ran: 1, ended: false }
    }

    /// The last stage that ran, from 1; `None` without a cascade.
    pub(super) fn stage(&self) -> Option<u32> {
        (!self.stages.is_empty()).then(|| u32::try_from(self.ran).unwrap_or(u32::MAX))
    }

    /// The function of the next stage, if the candidate has reached it. Without a threshold for it there is none.
    pub(super) fn next(&self, thresholds: &[f64]) -> Option<String> {
        let name = format!("evaluate_stage{}", self.ran + 1);
        let threshold = thresholds.get(self.ran - 1)?;
        let there = !self.ended && self.stages.contains(&name);
        (there && self.metrics.pass(*threshold)).then_some(name)
    }

    /// Adds what the next stage has come to. One that failed ends the cascade, and the earlier metrics stay.
    pub(super) fn add(&mut self, next: Result<Reply, Loss>) {
        self.ran += 1;
        match next {
            Ok(reply) => {
                match self.ran {
                    2 => self.metrics = self.metrics.merged(&reply.metrics),
                    _ => self.metrics.add(&reply.metrics),
                }
                self.merge(reply.artifacts);
            }
            Err(loss) => self.fail(loss),
        }
    }

    fn fail(&mut self, loss: Loss) {
        self.ended = true;
        let stage = format!("stage{}", self.ran);
        self.metrics.set(format!("{stage}_passed"), Metric::Number(0.0));
        let mut told = vec![Artifact::text("failure_stage", &stage)];
        if loss.late {
            self.metrics.set("timeout", Metric::Flag(true));
            told.push(Artifact::text(format!("{stage}_timeout"), "true"));
        }
        told.push(Artifact::text(format!("{stage}_stderr"), &loss.why));
        told.extend(loss.traceback.map(|text| Artifact::text(format!("{stage}_traceback"), &text)));
        told.extend(loss.artifacts);
        self.merge(told);
    }

    /// Later artifacts replace earlier ones of their name; what was printed is joined.
    fn merge(&mut self, later: Vec<Artifact>) {
        for artifact in later {
            let known = self.artifacts.iter_mut().find(|known| known.name == artifact.name);
            let Some(known) = known else {
                self.artifacts.push(artifact);
                continue;
            };
            let printed = matches!(&*artifact.name, "stdout" | "stderr");
            *known = match (known.as_text(), artifact.as_text()) {
                (Some(earlier), Some(later)) if printed => {
                    Artifact::text(known.name.clone(), &format!("{earlier}\n{later}"))
                }
                _ => artifact,
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::reply::End, *};

    fn reply(metrics: &[(&str, f64)], artifacts: &[(&str, &str)]) -> Reply {
        let mut made = Metrics::default();
        for (name, value) in metrics {
            made.set(*name, Metric::Number(*value));
        }
        Reply {
            ran: String::new(),
            stages: ["evaluate_stage1", "evaluate_stage2", "evaluate_stage3"].map(str::to_owned).to_vec(),
            wants_artifacts: true,
            metrics: made,
            artifacts: artifacts.iter().map(|(name, text)| Artifact::text(*name, text)).collect(),
            end: End::Measured,
        }
    }

    fn shown(progress: &Progress) -> Vec<(&str, &str)> {
        progress.artifacts.iter().map(|a| (&*a.name, a.as_text().expect("a text"))).collect()
    }

    #[test]
    fn stages_follow_while_their_thresholds_are_reached() {
        let thresholds = [0.5, 0.75, 0.9];
        let mut progress = Progress::new(reply(&[("combined_score", 0.5)], &[]));
        assert_eq!(progress.next(&thresholds).as_deref(), Some("evaluate_stage2"));
        assert_eq!((progress.next(&[0.6]), progress.next(&[])), (None, None));
        progress.add(Ok(reply(&[("combined_score", 0.8)], &[])));
        assert_eq!(progress.next(&thresholds).as_deref(), Some("evaluate_stage3"));
        assert_eq!(progress.next(&[0.5]), None, "no threshold, no third stage");
        progress.add(Ok(reply(&[("combined_score", 0.95)], &[])));
        assert_eq!((progress.next(&thresholds), progress.stage()), (None, Some(3)));
        assert_eq!(progress.metrics.get("combined_score"), Some(&Metric::Number(0.95)));
    }

    #[test]
    fn an_evaluator_without_stages_has_no_cascade() {
        let whole = Reply { stages: Vec::new(), ..reply(&[("combined_score", 9.0)], &[]) };
        let progress = Progress::new(whole);
        assert_eq!((progress.next(&[0.5]), progress.stage()), (None, None));
    }

    #[test]
    fn a_later_stage_that_fails_leaves_the_earlier_metrics_and_says_so() {
        let mut progress =
            Progress::new(reply(&[("combined_score", 0.6)], &[("stdout", "one"), ("note", "a")]));
        let late =
            Loss { late: true, traceback: Some("T".to_owned()), ..Loss::of_candidate("took long", "") };
        progress.add(Err(late.after(vec![Artifact::text("stdout", "two")])));
        assert_eq!(progress.metrics.get("combined_score"), Some(&Metric::Number(0.6)));
        assert_eq!(progress.metrics.get("stage2_passed"), Some(&Metric::Number(0.0)));
        assert_eq!(progress.metrics.get("timeout"), Some(&Metric::Flag(true)));
        assert_eq!((progress.next(&[0.0, 0.0]), progress.stage()), (None, Some(2)));
        let told = [
            ("stdout", "one\ntwo"),
            ("note", "a"),
            ("failure_stage", "stage2"),
            ("stage2_timeout", "true"),
            ("stage2_stderr", "took long"),
            ("stage2_traceback", "T"),
        ];
        assert_eq!(shown(&progress), told);
    }

    #[test]
    fn artifacts_of_a_later_stage_replace_those_of_their_name() {
        let mut progress = Progress::new(reply(&[], &[("a", "1"), ("b", "1")]));
        progress.add(Ok(reply(&[], &[("b", "2"), ("c", "2")])));
        assert_eq!(shown(&progress), [("a", "1"), ("b", "2"), ("c", "2")]);
    }
}
