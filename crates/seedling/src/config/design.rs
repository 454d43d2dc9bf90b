//! How the computation of a model departs from Llama's: a closed set of choices, each of which some family makes.

/// How a model's computation departs from Llama's; the default is Llama's, and the only one that can be trained.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Design {
    /// How its tensors are named and laid out.
    pub layout: Layout,
    /// Its norms.
    pub norm: NormKind,
    /// The function inside its feed-forward layers.
    pub activation: Activation,
    /// How attention and the feed-forward layer follow each other.
    pub arrangement: Arrangement,
    /// Whether positions are added to the embedding, each a vector of its own, instead of rotating queries and keys.
    pub learned_positions: bool,
    /// How many of a head's dimensions are rotated, from the first on; `None` for all.
    pub rotary_dim: Option<usize>,
    /// What embeddings are multiplied by; `None` for 1.
    pub embedding_scale: Option<f64>,
    /// What the product of a query and a key is multiplied by; `None` for 1 / sqrt(head_dim).
    pub query_scale: Option<f64>,
    /// Logits are kept within this by `cap * tanh(logit / cap)`.
    pub logit_cap: Option<f64>,
    /// Layers that see the latest tokens alone.
    pub window: Option<Window>,
}

/// How tensors are named and laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Layout {
    /// Llama, Mistral, Qwen 2 and Qwen 3.
    #[default]
    Llama,
    /// Gemma 3.
    Gemma3,
    /// Phi-3.
    Phi3,
    /// GPT-2.
    Gpt2,
    /// GPT-NeoX and Pythia.
    GptNeox,
    /// CodeGen.
    Codegen,
}

/// How a vector is normed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NormKind {
    /// By its root mean square (Zhang & Sennrich 2019, arXiv 1910.07467).
    #[default]
    RootMeanSquare,
    /// By its mean and deviation, with a bias (Ba et al. 2016, arXiv 1607.06450).
    Layer,
}

/// The function inside a feed-forward layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// `silu(gate) * up` (Shazeer 2020, arXiv 2002.05202).
    #[default]
    SiluGated,
    /// `gelu(gate) * up`, with the approximation by tanh.
    GeluGated,
    /// `gelu(up)`, with the approximation by tanh (Hendrycks & Gimpel 2016, arXiv 1606.08415).
    GeluTanh,
    /// `gelu(up)`, exactly.
    Gelu,
}

impl Activation {
    /// Whether a layer has a gate.
    pub fn is_gated(self) -> bool {
        matches!(self, Self::SiluGated | Self::GeluGated)
    }
}

/// How attention and the feed-forward layer follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrangement {
    /// `x += attention(norm(x)); x += feed_forward(norm(x))`.
    #[default]
    Sequential,
    /// The same, with what is added normed too.
    PostNormed,
    /// `x += attention(norm(x)) + feed_forward(other_norm(x))`.
    Parallel,
    /// `n = norm(x); x += attention(n) + feed_forward(n)`.
    ParallelOneNorm,
}

/// Layers that see the latest tokens alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// How many tokens a token sees, itself included; 1 or more.
    pub size: usize,
    /// Whether a layer is one of them; one for each layer.
    pub local: Vec<bool>,
    /// The base of their rotary positions, which aren't stretched then; `None` for that of the other layers.
    pub theta: Option<f64>,
}
