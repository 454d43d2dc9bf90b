//! Reinforcement learning: that it finds what is rewarded, begins where it should, and is the same however it is done.

use std::{path::Path, sync::Arc};

use samara_seedling::{
    Engine, EngineSettings, Model, Penalties, Reply, Request, Sampling, Stream, Weights, shipped,
    train::{
        Corpus, Size,
        policy::{Policy, PolicySettings, Rollout, advantage, conditions},
        tune::Base,
    },
};

/// A small model with the walkers' vocabulary that has learnt nothing.
fn base() -> Base {
    let tokenizer = shipped::tokenizer(Corpus::Walkers).expect("a tokenizer");
    let config = Size::Tiny.config(tokenizer.vocab_size());
    Base { weights: Weights::initial(config, &mut Stream::new(5, 0)), tokenizer }
}

fn policy(base: Base, learning_rate: f64, threads: usize) -> Policy {
    let settings = PolicySettings { learning_rate, ..PolicySettings::of(Corpus::Walkers) };
    Policy::new(settings, base, threads).expect("a policy")
}

/// What the policy draws behind a prompt, `count` times, of so many tokens at most.
fn draw(policy: &Policy, prompt: &str, (count, tokens): (u64, usize), seed: u64) -> Vec<Rollout> {
    let settings = EngineSettings { threads: 2, ..EngineSettings::default() };
    let engine = Engine::start(
        Arc::new(Model::new(&policy.weights())),
        Arc::new(policy.tokenizer().clone()),
        settings,
    );
    let request = |number| Request::Complete {
        prompt: prompt.into(),
        sampling: Sampling {
            max_tokens: tokens,
            temperature: 1.0,
            top_p: 1.0,
            stop: Vec::new(),
            seed: Stream::new(seed, number).next_u64(),
            penalties: Penalties::default(),
        },
    };
    let replies = engine.ask_all((0..count).map(request).collect());
    let prompt = policy.tokenizer().encode(prompt);
    let rollout = |reply| match reply {
        Ok(Reply::Text { drawn, .. }) => Rollout { prompt: prompt.clone(), written: drawn },
        other => panic!("{other:?}"),
    };
    replies.into_iter().map(rollout).collect()
}

/// Rewarded for how near the first token is to one of the vocabulary.
fn near(rollout: &Rollout, best: u32) -> f64 {
    -f64::from(rollout.written[0].abs_diff(best)) / 100.0
}

#[test]
fn it_finds_the_best_arm_of_a_bandit_for_each_condition() {
    let names = ["low".to_owned(), "high".to_owned()];
    let base = conditions::extend(base(), &names, 1).expect("conditions");
    let mut policy = policy(base, 1e-2, 2);
    let arms = [("low", 150), ("high", 600)];
    let miss = |policy: &Policy, name: &str, best: u32| {
        let drawn = draw(policy, &conditions::token(name), (200, 1), 99);
        let missed = drawn.iter().map(|one| -near(one, best)).sum::<f64>();
        missed / drawn.len() as f64
    };
    let before: Vec<f64> = arms.iter().map(|(name, best)| miss(&policy, name, *best)).collect();
    for step in 0..120 {
        let (mut rollouts, mut advantages) = (Vec::new(), Vec::new());
        for (name, best) in arms {
            let drawn = draw(&policy, &conditions::token(name), (32, 1), step);
            let rewards: Vec<f64> = drawn.iter().map(|one| near(one, best)).collect();
            advantages.extend(advantage::leave_one_out(&rewards));
            rollouts.extend(drawn);
        }
        policy.step(&rollouts, &advantages).expect("a step");
    }
    for ((name, best), before) in arms.into_iter().zip(before) {
        let after = miss(&policy, name, best);
        assert!(before > 1.5 && after < 0.2, "{name}: {before} -> {after} hundreds of tokens away");
    }
}

/// Three steps on what is drawn, rewarded by length.
fn learn(policy: &mut Policy, steps: std::ops::Range<u64>) {
    for step in steps {
        let rollouts = draw(policy, "def make_walker():\n", (12, 10), step);
        let rewards: Vec<f64> = rollouts.iter().map(|one| f64::from(one.written[0] % 7)).collect();
        policy.step(&rollouts, &advantage::entropic(&rewards)).expect("a step");
    }
}

fn model(policy: &Policy, folder: &Path) -> Vec<u8> {
    policy.write_model(folder).expect("written");
    std::fs::read(folder.join("model.safetensors")).expect("weights")
}

#[test]
fn the_weights_are_the_same_for_any_threads_and_after_a_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let [one, other, checkpoint] = ["one", "other", "checkpoint"].map(|name| folder.path().join(name));
    let mut alone = policy(base(), 1e-3, 1);
    learn(&mut alone, 0..4);
    let mut begun = policy(base(), 1e-3, 3);
    learn(&mut begun, 0..2);
    begun.save(&checkpoint).expect("saved");
    let mut resumed = Policy::resume(&checkpoint, 2).expect("a checkpoint");
    assert_eq!(resumed.step_number(), 2);
    learn(&mut resumed, 2..4);
    let rollouts = draw(&alone, "def make_walker():\n", (8, 10), 7);
    assert_eq!(alone.log_probabilities(&rollouts), resumed.log_probabilities(&rollouts));
    assert_eq!(model(&alone, &one), model(&resumed, &other));
}

#[test]
fn the_distance_is_nothing_before_the_first_step_and_something_behind_it() {
    let mut policy = policy(base(), 1e-3, 2);
    let rollouts = draw(&policy, "def make_walker():\n", (8, 10), 7);
    let told = policy.log_probabilities(&rollouts);
    assert!(told.iter().all(|one| one.policy == one.reference && one.policy < 0.0), "{told:?}");
    learn(&mut policy, 0..2);
    let after = policy.log_probabilities(&rollouts);
    assert!(after.iter().zip(&told).all(|(after, told)| after.reference == told.reference));
    assert!(after.iter().any(|one| one.policy != one.reference));
}

#[test]
fn a_checkpoint_that_is_cut_off_or_of_another_shape_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    policy(base(), 1e-3, 1).save(folder.path()).expect("saved");
    let lists = folder.path().join("policy.safetensors");
    let whole = std::fs::read(&lists).expect("lists");
    std::fs::write(&lists, &whole[..whole.len() / 2]).expect("cut off");
    let error = Policy::resume(folder.path(), 1).expect_err("cut off").to_string();
    assert!(error.contains("policy.safetensors") && error.contains("hint: "), "{error}");
    std::fs::write(folder.path().join("policy.json"), "{}").expect("replaced");
    let error = Policy::resume(folder.path(), 1).expect_err("no checkpoint").to_string();
    assert!(error.contains("policy.json"), "{error}");
}
