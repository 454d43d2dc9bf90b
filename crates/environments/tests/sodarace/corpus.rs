//! What the embedded model learns from runs in Python and makes the walker that the corpus says.

use samara_seedling::{Stream, walkers};

use crate::run::run;

#[test]
fn programs_of_the_corpus_run_and_make_the_walkers_that_its_interpreter_makes() {
    for number in 0..60 {
        let example = walkers::training_example(&mut Stream::new(77, number));
        for program in example.shown.iter().chain([&example.written]) {
            let body = run(&program.text).unwrap_or_else(|error| panic!("{error}\n{}", program.text));
            assert!(body.is_valid(), "{}", program.text);
            assert_eq!(body.muscles.len(), program.body.muscles.len());
            // Sines may differ in the last bit.
            let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
            let alike =
                body.joints.iter().zip(&program.body.joints).all(|(a, b)| near(a.0, b.0) && near(a.1, b.1));
            assert!(alike && body.joints.len() == program.body.joints.len(), "{}", program.text);
            for (a, b) in body.muscles.iter().zip(&program.body.muscles) {
                let drives = near(a.amplitude, b.amplitude) && near(a.phase, b.phase);
                assert!((a.from, a.to) == (b.from, b.to) && drives, "{}", program.text);
            }
        }
    }
}
