//! `gp`: numbers, loops, calls and statements of the parent's syntax tree are perturbed, without a model.
//!
//! The baseline of the ELM paper. The mutator is `gp.py`, a program of ours that runs inside the sandbox: Python's own
//! `ast` reads the parents' texts, and nothing executes them. Equal arguments give equal texts for one version of
//! Python (how `ast.unparse` writes may change between versions).
//!
//! Compiling the mutator would cost 10 ms of every job, so that it is compiled once, by a job of its own, and handed
//! to the others as marshalled code. Those bytes come from our text and go back into the sandbox; the host never
//! reads them.

use std::sync::OnceLock;

use samara_engine::{Abort, Bench, Context};
use samara_sandbox::Value;

use super::run;

/// Compiles a text to marshalled code.
const COMPILER: &str =
    "import marshal\n\ndef main(text):\n    return marshal.dumps(compile(text, '<gp>', 'exec'))\n";
/// Runs `vary` of the marshalled mutator.
const LOADER: &str = "import marshal\n\ndef main(code, *arguments):\n    scope = {'__name__': 'gp'}\n    \
                      exec(marshal.loads(code), scope)\n    return scope['vary'](*arguments)\n";
const MUTATOR: &str = include_str!("gp.py");

/// The mutator; it holds its compiled form once that is known.
#[derive(Debug, Default)]
pub struct Mutator {
    code: OnceLock<Vec<u8>>,
}

impl Mutator {
    /// `count` programs varied from the first of `parents`, with parts of the others if there are any. Each differs
    /// from the parent, compiles, and defines the functions `names`; `None` where no such variation was found. The
    /// seed is drawn from the candidate's stream.
    pub async fn vary(
        &self,
        parents: &[String],
        names: &[String],
        count: usize,
        context: &mut Context,
    ) -> Result<Vec<Option<String>>, Abort> {
        let code = match self.code.get() {
            Some(code) => code.clone(),
            None => self.compile(&mut context.bench).await?,
        };
        let mut job = context.bench.job(LOADER, "main")?;
        let texts = |texts: &[String]| Value::List(texts.iter().map(|text| Value::from(&**text)).collect());
        let seed = (context.stream.next_u64() >> 11) as i64;
        job.arguments = vec![
            Value::Bytes(code),
            texts(parents),
            Value::from(seed),
            Value::from(count as i64),
            texts(names),
        ];
        match run::value(job, &mut context.bench).await {
            Ok(Value::List(varied)) => Ok(varied.into_iter().map(text).collect()),
            Ok(_) => Err(Abort::failed("the mutator returned no list")),
            // A parent that Python can't parse, or that takes too long.
            Err(Abort::Invalid(reason) | Abort::Failed(reason)) => {
                Err(Abort::failed(format!("the mutator {}", reason.why)))
            }
            Err(stop) => Err(stop),
        }
    }

    async fn compile(&self, bench: &mut Bench) -> Result<Vec<u8>, Abort> {
        let mut job = bench.job(COMPILER, "main")?;
        job.arguments = vec![Value::from(MUTATOR)];
        match run::value(job, bench).await? {
            // Candidates that compile it side by side get the same bytes.
            Value::Bytes(code) => Ok(self.code.get_or_init(|| code).clone()),
            _ => Err(Abort::failed("the mutator does not compile: it came to no bytes")),
        }
    }
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::Str(text) => Some(text),
        _ => None,
    }
}
