//! What an evaluation costs beyond its evaluator. Printed, not judged: a figure depends on the machine.

use crate::common::{folder, job, no_calls, options, returned, start};

/// CPU time of this thread.
fn own() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1e9
}

#[test]
#[ignore = "a measurement: run it with --ignored --nocapture, and SAMARA_SANDBOX_PYTHON with numpy"]
fn what_an_evaluation_that_does_nothing_costs() {
    let folder = folder();
    let harness = "
try: import numpy
except ImportError: pass
def evaluate(request): return {'score': 1.0}";
    let Some(evaluators) = start(&options(harness, folder.path())) else { return };
    let server = evaluators.servers()[0];
    let ticks = || -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{server}/stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        // Its own time and that of children that it has waited for.
        fields[11..15].iter().map(|field| field.parse::<f64>().unwrap()).sum::<f64>() / 100.0
    };
    let job = job("x = 1\n");
    let mut walls: Vec<f64> = Vec::new();
    let mut inside = 0.0;
    let (host, servers) = (own(), ticks());
    for _ in 0..500 {
        let verdict = evaluators.run(&job, &mut no_calls).unwrap();
        walls.push(verdict.wall.as_secs_f64());
        inside += verdict.cpu.as_secs_f64();
        assert_eq!(returned(verdict), r#"{"score": 1.0}"#);
    }
    let (host, servers) = (own() - host, ticks() - servers);
    walls.sort_by(f64::total_cmp);
    let each = |seconds: f64| seconds / 500.0 * 1e3;
    println!(
        "{}: host {:.2} ms, server with its trees {:.2} ms (the trees alone {:.2} ms) of CPU; wall {:.2} ms at the median, {:.2} at 95 %",
        evaluators.isolation().python,
        each(host),
        each(servers),
        each(inside),
        walls[250] * 1e3,
        walls[475] * 1e3
    );
}
