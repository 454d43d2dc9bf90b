//! What data for training can be asked for.

/// In which form samples are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// TRL's prompt and completion, for supervised finetuning.
    Sft,
    /// TRL's preferences: prompt, chosen and rejected.
    Dpo,
    /// TRL's unpaired preferences: prompt, completion and label.
    Kto,
    /// TRL's prompts alone, with columns that a reward may need.
    Grpo,
    /// OpenAI's messages.
    OpenaiSft,
    /// OpenAI's preferences: input, preferred and non-preferred output.
    OpenaiDpo,
}

impl Form {
    /// Whether a sample is two candidates.
    pub(super) fn is_paired(self) -> bool {
        matches!(self, Self::Dpo | Self::OpenaiDpo)
    }

    /// Whether OpenAI's keys are written.
    pub(super) fn is_openai(self) -> bool {
        matches!(self, Self::OpenaiSft | Self::OpenaiDpo)
    }
}

/// Which candidates are good enough to be learnt from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep {
    /// Every candidate that ever entered an archive, as ELM trains on (arXiv 2206.08896, appendix E).
    #[default]
    Admitted,
    /// The elites at the end.
    Elites,
}

/// Where the two candidates of a pair come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PairsFrom {
    /// A candidate and its best parent that it beats.
    #[default]
    Parent,
    /// Two candidates of one cell: the best and the worst, the next and the last but one, and so on.
    Cell,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// How samples are written.
    pub form: Form,
    /// Whether TRL's forms hold messages of a chat in place of texts. OpenAI's always do.
    pub chat: bool,
    /// Which candidates.
    pub keep: Keep,
    /// Only candidates whose objective, above `search.qd_offset`, is this part of the best of their cell over all runs
    /// or more; 0 to 1.
    pub min_share: Option<f64>,
    /// Which pairs.
    pub pairs: PairsFrom,
    /// The part of the samples that is held out, 0 to 1; drawn by their content.
    pub held_out: f64,
    /// What the held-out samples are drawn by.
    pub seed: u64,
}

impl Choice {
    /// All that entered, nothing held out.
    pub fn new(form: Form) -> Self {
        Self {
            form,
            chat: false,
            keep: Keep::default(),
            min_share: None,
            pairs: PairsFrom::default(),
            held_out: 0.0,
            seed: 0,
        }
    }
}
