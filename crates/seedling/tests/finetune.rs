//! Finetuning: what is learnt, that it is the same however it is done, and what is refused.

use std::path::Path;

use samara_seedling::{
    Stream, Weights, shipped,
    train::{
        Corpus, Size, kind,
        tune::{Base, Sample, TuneSettings, Tuner},
    },
};

/// A small model with the walkers' vocabulary that has learnt nothing.
fn base(context: usize) -> Base {
    let tokenizer = shipped::tokenizer(Corpus::Walkers).expect("a tokenizer");
    let mut config = Size::Tiny.config(tokenizer.vocab_size());
    config.max_positions = context;
    Base { weights: Weights::initial(config, &mut Stream::new(5, 0)), tokenizer }
}

/// Programs that differ in a number.
fn samples(count: usize, first: usize) -> Vec<Sample> {
    let sample = |number: usize| Sample {
        prompt: "def make_walker():\n".into(),
        completion: format!(
            "    wc = walker_creator()\n    wc.add_joint({number}, 0)\n    return wc.get_walker()\n"
        ),
        weight: 1.0,
    };
    (first..first + count).map(sample).collect()
}

fn settings() -> TuneSettings {
    TuneSettings {
        epochs: 3.0,
        batch_tokens: 512,
        learning_rate: 4e-3,
        measure_every: 3,
        replay: 0.2,
        ..TuneSettings::of(Corpus::Walkers)
    }
}

fn tuner(settings: TuneSettings, threads: usize) -> Tuner {
    Tuner::new(settings, base(1024), (&samples(40, 0), &samples(8, 100)), threads).expect("a finetuning")
}

/// Trains to the end, or so many steps.
fn train(tuner: &mut Tuner, steps: u64) {
    for _ in 0..steps {
        if tuner.finished() {
            return;
        }
        tuner.step().expect("a step");
    }
}

fn model(tuner: &Tuner, folder: &Path) -> Vec<u8> {
    tuner.write_model(folder).expect("written");
    std::fs::read(folder.join("model.safetensors")).expect("weights")
}

#[test]
fn the_weights_are_the_same_for_any_threads_and_after_a_checkpoint() {
    let folder = tempfile::tempdir().expect("a folder");
    let [one, other, checkpoint] = ["one", "other", "checkpoint"].map(|name| folder.path().join(name));
    let mut alone = tuner(settings(), 1);
    alone.measure_first();
    train(&mut alone, u64::MAX);
    let mut begun = tuner(settings(), 3);
    begun.measure_first();
    train(&mut begun, 2);
    begun.save(&checkpoint).expect("saved");
    let (learnt, held_out) = (samples(40, 0), samples(8, 100));
    let mut resumed = Tuner::resume(&checkpoint, (&learnt, &held_out), 2).expect("a checkpoint");
    assert_eq!(resumed.step_number(), 2);
    train(&mut resumed, u64::MAX);
    assert!(alone.finished() && alone.steps() > 4);
    assert_eq!((alone.best(), alone.first()), (resumed.best(), resumed.first()));
    assert_eq!(model(&alone, &one), model(&resumed, &other));
    assert_eq!(kind::read(&one).expect("a kind"), Some(Corpus::Walkers));
}

#[test]
fn a_model_learns_what_it_is_shown_and_another_seed_learns_otherwise() {
    let mut tuner_one = tuner(settings(), 2);
    let before = tuner_one.measure_first();
    train(&mut tuner_one, u64::MAX);
    let after = tuner_one.best().expect("measured");
    assert!(after.samples < before.samples - 0.5, "{before:?} {after:?}");
    let mut tuner_two = tuner(TuneSettings { seed: 2, ..settings() }, 2);
    tuner_two.measure_first();
    train(&mut tuner_two, u64::MAX);
    assert_ne!(tuner_one.best(), tuner_two.best());
}

#[test]
fn it_ends_early_where_nothing_becomes_better_and_keeps_the_best_weights() {
    // So high a rate that the held-out loss soon rises.
    let wild =
        TuneSettings { learning_rate: 1.0, epochs: 200.0, measure_every: 1, patience: 2, ..settings() };
    let mut tuner = tuner(wild, 2);
    tuner.measure_first();
    let mut lowest = (0, tuner.first().expect("measured").samples);
    while !tuner.finished() {
        let Ok(progress) = tuner.step() else { break };
        let measured = progress.measured.expect("every step");
        if measured.samples < lowest.1 {
            lowest = (measured.step, measured.samples);
        }
    }
    assert_eq!(tuner.best().map(|best| (best.step, best.samples)), Some(lowest));
    assert!(tuner.step_number() < tuner.steps());
}

#[test]
fn samples_beyond_the_context_are_left_out_and_none_that_fits_is_refused() {
    let mut long = samples(3, 0);
    long[0].prompt = "def make_walker():\n".repeat(2000);
    let tuner = Tuner::new(settings(), base(1024), (&long, &[]), 1).expect("two fit");
    assert_eq!((tuner.left_out(), tuner.samples()), (1, (2, 0)));
    let refused = Tuner::new(settings(), base(8), (&long, &[]), 1).expect_err("none fits");
    assert!(
        refused.to_string().contains("the context 8") && refused.to_string().contains("hint: "),
        "{refused}"
    );
}

#[test]
fn settings_that_can_not_be_used_are_refused_by_name() {
    for (name, bad) in [
        ("epochs", TuneSettings { epochs: 0.0, ..settings() }),
        ("learning_rate", TuneSettings { learning_rate: f64::NAN, ..settings() }),
        ("replay", TuneSettings { replay: 1.0, ..settings() }),
        ("patience", TuneSettings { patience: 0, ..settings() }),
    ] {
        let refused = Tuner::new(bad, base(1024), (&samples(3, 0), &[]), 1).expect_err(name);
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let checkpoint = folder.path().join("checkpoint");
    tuner(settings(), 1).save(&checkpoint).expect("saved");
    let lists = checkpoint.join("tuning.safetensors");
    let bytes = std::fs::read(&lists).expect("lists");
    std::fs::write(&lists, &bytes[..bytes.len() / 2]).expect("cut");
    let (learnt, held_out) = (samples(40, 0), samples(8, 100));
    let refused = Tuner::resume(&checkpoint, (&learnt, &held_out), 1).expect_err("damaged");
    assert!(refused.to_string().contains("tuning.safetensors"), "{refused}");
}
