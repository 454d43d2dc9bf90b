//! Gradients of the network against central finite differences, for every parameter tensor.

use samara_seedling::{
    ModelConfig, RopeScaling, Stream, Weights,
    config::Design,
    kernel::Real,
    rope::Rotary,
    train::{
        layout::Layout,
        network::{Network, Workspace},
        sequence::Sequence,
        sequence::Target,
    },
};

fn config() -> ModelConfig {
    ModelConfig {
        vocab_size: 40,
        hidden_size: 24,
        intermediate_size: 20,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_dim: 6,
        max_positions: 128,
        rms_eps: 1e-5,
        rope_theta: 10_000.0,
        tied: true,
        attention_bias: false,
        qk_norm: false,
        rope_scaling: RopeScaling::None,
        bos: None,
        eos: Vec::new(),
        subjects: false,
        design: Design::default(),
    }
}

/// Documents of which one spans two blocks of attention's rows and one has branches; soft targets, positions without any,
/// and in one document targets that should not follow, as a policy's have them.
fn documents() -> Vec<Sequence> {
    let mut stream = Stream::new(3, 0);
    [(70, Vec::new()), (5, Vec::new()), (40, vec![11, 20, 21])]
        .into_iter()
        .map(|(length, branches)| {
            let tokens: Vec<u32> = (0..length).map(|_| stream.below(40) as u32).collect();
            let mut targets = Vec::new();
            for position in (0..length).step_by(3) {
                let share = stream.unit() as f32;
                let sign = if length == 5 { -1.0 } else { 1.0 };
                let mut target =
                    |weight: f32| Target { position, token: stream.below(40) as u32, weight: sign * weight };
                targets.extend([target(share), target(1.0 - share)]);
            }
            Sequence { tokens, targets, branches }
        })
        .collect()
}

/// The largest relative error of any tensor: |analytic - numeric| / (|analytic| + |numeric|) over its vectors.
fn worst<T: Real>(step: f64) -> f64 {
    let config = config();
    let layout = Layout::new(&config).expect("trainable");
    let mut stream = Stream::new(5, 0);
    // Larger than a model starts with, so that no gradient is lost in rounding.
    let parameters: Vec<T> = (0..layout.len).map(|_| T::from_f64(0.3 * stream.normal())).collect();
    let rotary = Rotary::new(&config, 128);
    let documents = documents();
    let loss = |parameters: &[T]| {
        Network::new(&config, &layout, parameters, &rotary)
            .loss(&documents, None, &mut Workspace::default())
            .sum
    };
    let mut gradient = vec![T::ZERO; layout.len];
    Network::new(&config, &layout, &parameters, &rotary).loss(
        &documents,
        Some(&mut gradient),
        &mut Workspace::default(),
    );
    let mut tensors = vec![layout.embedding.clone(), layout.final_norm.clone()];
    for layer in &layout.layers {
        tensors.extend([
            layer.attention_norm.clone(),
            layer.qkv.clone(),
            layer.o.clone(),
            layer.ffn_norm.clone(),
            layer.gate_up.clone(),
            layer.down.clone(),
        ]);
    }
    let mut worst: f64 = 0.0;
    for tensor in tensors {
        let positions: Vec<usize> = (0..12).map(|_| tensor.start + stream.below(tensor.len())).collect();
        let (mut apart, mut size) = (0.0, 0.0);
        for position in positions {
            let mut moved = parameters.clone();
            let at = |moved: &mut Vec<T>, by: f64| {
                moved[position] = T::from_f64(parameters[position].to_f64() + by);
                (loss(moved), moved[position].to_f64())
            };
            let (high, above) = at(&mut moved, step);
            let (low, below) = at(&mut moved, -step);
            let numeric = (high - low) / (above - below);
            let analytic = gradient[position].to_f64();
            apart += (numeric - analytic).powi(2);
            size += numeric.powi(2) + analytic.powi(2);
        }
        assert!(size > 0.0, "nothing depends on the tensor at {tensor:?}");
        worst = worst.max((apart / size).sqrt());
    }
    worst
}

#[test]
fn gradients_equal_central_finite_differences_in_f64() {
    let worst = worst::<f64>(1e-5);
    assert!(worst < 1e-6, "{worst}");
}

#[test]
fn gradients_equal_central_finite_differences_in_f32() {
    let worst = worst::<f32>(1e-2);
    assert!(worst < 1e-2, "{worst}");
}

#[test]
fn branches_have_the_losses_of_separate_documents() {
    let config = config();
    let layout = Layout::new(&config).expect("trainable");
    let mut stream = Stream::new(6, 0);
    let parameters: Vec<f64> = (0..layout.len).map(|_| 0.3 * stream.normal()).collect();
    let rotary = Rotary::new(&config, 128);
    let network = Network::new(&config, &layout, &parameters, &rotary);
    let together = documents().remove(2);
    let trunk = together.branches[0];
    let mut apart = Vec::new();
    for (i, part) in together.parts().into_iter().enumerate() {
        let tokens = [&together.tokens[..part.trunk], &together.tokens[part.own.clone()]].concat();
        let targets = together.targets.iter().filter(|target| part.own.contains(&target.position));
        let moved = |target: &Target| {
            let back = if i == 0 { 0 } else { part.own.start - trunk };
            Target { position: target.position - back, ..*target }
        };
        apart.push(Sequence { tokens, targets: targets.map(moved).collect(), branches: Vec::new() });
    }
    let loss = |documents: &[Sequence]| network.loss(documents, None, &mut Workspace::default());
    let (a, b) = (loss(&[together]), loss(&apart));
    assert!((a.sum - b.sum).abs() < 1e-9 && (a.weight - b.weight).abs() < 1e-9, "{a:?} {b:?}");
}

#[test]
fn weights_survive_the_way_into_one_list_and_back() {
    let weights = Weights::initial(config(), &mut Stream::new(1, 0));
    let layout = Layout::new(&config()).expect("trainable");
    let flat = layout.flatten(&weights);
    assert_eq!(flat.len(), weights.parameters());
    let mut other = Weights::initial(config(), &mut Stream::new(2, 0));
    layout.unflatten(&flat, &mut other);
    assert_eq!(other.embedding, weights.embedding);
    assert_eq!(other.layers[1].down, weights.layers[1].down);
}
