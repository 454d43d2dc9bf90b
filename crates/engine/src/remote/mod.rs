//! Running programs on a sandbox server: `samara sandbox serve`, or one with OpenELM's routes (`openelm`).
//!
//! What a server answers is a stranger's: it is read up to a bound, and what is no verdict fails the candidate. A server
//! that is down, busy or silent is asked again a few times and then ends the run, whose journal stays intact.

mod openelm;
#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use reqwest::{Client, RequestBuilder, Response, StatusCode, Url, header};
use samara_sandbox::{Ending, Isolation, Job, SandboxError, Tier, Verdict, json::from_value, told};
use serde_json::{Value as Json, json};
use tokio::sync::Semaphore;

/// Bytes of an answer at most: the result that a program may give, as JSON, with room to spare.
const MOST_ANSWER: usize = 48 << 20;

/// How often a program is sent that found no server, or a busy one, and how long to wait before the first repetition;
/// each further wait is twice as long.
const ATTEMPTS: u32 = 6;
const FIRST_WAIT: Duration = Duration::from_millis(200);

/// How long a server has to answer beyond the wall time of a program: others may wait before it.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long a server has to say what it is.
const GREETING: Duration = Duration::from_secs(10);

/// A server that runs programs. Clones share its connections.
#[derive(Debug, Clone)]
pub(crate) struct Remote {
    client: Client,
    base: Url,
    token: Option<header::HeaderValue>,
    kind: Kind,
    isolation: Isolation,
    turns: Arc<Semaphore>,
    /// [`PATIENCE`] and [`FIRST_WAIT`], but for tests.
    patience: Duration,
    first_wait: Duration,
}

/// What a server understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The route `/v1/run`: jobs and verdicts.
    Samara,
    /// OpenELM's routes.
    OpenElm,
}

/// Why a program was not run.
enum Trouble {
    /// It may work the next time.
    Passing(String),
    /// It never will.
    Lasting(SandboxError),
    /// What the server said of this program is no answer.
    Answer(String),
}

/// The base of a server's routes.
///
/// # Errors
/// What is wrong with the address.
pub(crate) fn address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text.trim_end_matches('/')).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err("it is no address of HTTP".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a password, which would be recorded with the run".to_owned());
    }
    Ok(url)
}

impl Remote {
    /// Finds out what answers at an address. Blocks until it has. `token` is sent with every request; `at_once` is how
    /// many programs are sent at the same time.
    ///
    /// # Errors
    /// If nobody answers there, or not as a sandbox server does.
    pub(crate) fn start(base: &str, token: Option<&str>, at_once: usize) -> Result<Self, SandboxError> {
        let base = address(base).map_err(|why| SandboxError::Setting(format!("sandbox.server: {why}")))?;
        let token = token.map(bearer).transpose()?;
        // On a thread of its own with a client of its own: this may be called where blocking is forbidden, and
        // connections belong to the runtime that made them.
        let greeting = std::thread::scope(|threads| {
            threads.spawn(|| greet(&base)).join().map_err(|_| SandboxError::Remote("no thread".to_owned()))?
        });
        let (kind, isolation) = greeting?;
        Ok(Self {
            client: client(&base)?,
            base,
            token,
            kind,
            isolation,
            turns: Arc::new(Semaphore::new(at_once)),
            patience: PATIENCE,
            first_wait: FIRST_WAIT,
        })
    }

    /// What the server says of its isolation; of one with OpenELM's routes nothing is known, which is the weakest tier.
    pub(crate) fn isolation(&self) -> Isolation {
        self.isolation.clone()
    }

    /// Whether the tier is the server's word, and not just unknown.
    pub(crate) fn tells_its_tier(&self) -> bool {
        self.kind == Kind::Samara
    }

    /// Runs a job. A server that says nothing of use about it fails it.
    ///
    /// # Errors
    /// If the server is down, refuses us, or stays busy.
    pub(crate) async fn run(&self, job: &Job) -> Result<Verdict, SandboxError> {
        let _turn = self.turns.acquire().await.map_err(|error| SandboxError::Remote(error.to_string()))?;
        let mut wait = self.first_wait;
        let mut last = String::new();
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tracing::warn!(why = last.as_str(), attempt, "the sandbox server is asked again");
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            match self.once(job).await {
                Ok(verdict) => return Ok(verdict),
                Err(Trouble::Lasting(error)) => return Err(error),
                Err(Trouble::Answer(why)) => return Ok(self.verdict(Ending::Failed { why })),
                Err(Trouble::Passing(why)) => last = why,
            }
        }
        Err(SandboxError::Remote(format!("{} was asked {ATTEMPTS} times: {last}", self.base)))
    }

    async fn once(&self, job: &Job) -> Result<Verdict, Trouble> {
        let (path, body) = match self.kind {
            Kind::Samara => ("v1/run", asked(job)),
            Kind::OpenElm => ("eval_p3_solution", openelm::asked(job)),
        };
        let mut request = self.client.post(join(&self.base, path)).timeout(job.limits.wall + self.patience);
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, token.clone());
        }
        let request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_string());
        let response = send(request).await?;
        let status = response.status();
        let answer = read(response).await?;
        match self.kind {
            Kind::Samara => verdict_of(status, &answer),
            Kind::OpenElm => openelm::ending(status, &answer).map(|ending| self.verdict(ending)),
        }
    }

    fn verdict(&self, ending: Ending) -> Verdict {
        Verdict {
            ending,
            cpu: Duration::ZERO,
            wall: Duration::ZERO,
            peak_memory: 0,
            scratch_bytes: 0,
            stdout: String::new(),
            isolation: self.isolation(),
        }
    }
}

/// The request of `/v1/run`.
fn asked(job: &Job) -> Json {
    let limits = &job.limits;
    json!({
        "prelude": job.prelude,
        "program": job.program,
        "entry": job.entry,
        "arguments": job.arguments.iter().map(from_value).collect::<Vec<_>>(),
        "seed": job.seed,
        "limits": {
            "cpu_seconds": limits.cpu.as_secs_f64(),
            "wall_seconds": limits.wall.as_secs_f64(),
            "memory_bytes": limits.memory,
            "output_bytes": limits.output,
            "scratch_bytes": limits.scratch_bytes,
        },
    })
}

/// The verdict in an answer of `/v1/run`.
fn verdict_of(status: StatusCode, answer: &[u8]) -> Result<Verdict, Trouble> {
    let parsed: Result<Json, _> = serde_json::from_slice(answer);
    if status == StatusCode::OK {
        let json = parsed.map_err(|_| no_answer("it is no JSON"))?;
        return told::to_verdict(&json).map_err(|why| no_answer(&why));
    }
    let said = parsed.ok().and_then(|json| Some(brief(json.get("error")?.as_str()?)));
    Err(refused(status, said))
}

/// What a status other than that of an answer means.
fn refused(status: StatusCode, said: Option<String>) -> Trouble {
    let said = said.map_or(String::new(), |said| format!(": {said}"));
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Trouble::Lasting(SandboxError::Remote(format!(
            "the server lets nobody in without its token ({status}{said}); name its variable in sandbox.token_env"
        ))),
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::BAD_GATEWAY
        | StatusCode::GATEWAY_TIMEOUT
        | StatusCode::REQUEST_TIMEOUT => Trouble::Passing(format!("the server is busy ({status}{said})")),
        _ => Trouble::Answer(format!("the server refuses the program ({status}{said})")),
    }
}

fn no_answer(why: &str) -> Trouble {
    Trouble::Answer(format!("what the server answered is no verdict: {why}"))
}

/// The beginning of what a server says, without characters that command a terminal.
pub(crate) fn brief(said: &str) -> String {
    said.chars().filter(|c| !samara_search::commanding::commands(*c)).take(200).collect()
}

async fn send(request: RequestBuilder) -> Result<Response, Trouble> {
    request.send().await.map_err(|error| passing(&error))
}

/// Reads an answer up to the bound.
async fn read(mut response: Response) -> Result<Vec<u8>, Trouble> {
    let mut answer = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| passing(&error))? {
        if answer.len() + chunk.len() > MOST_ANSWER {
            return Err(no_answer("it is longer than 48 MiB"));
        }
        answer.extend_from_slice(&chunk);
    }
    Ok(answer)
}

fn passing(error: &reqwest::Error) -> Trouble {
    let what = if error.is_timeout() {
        "it does not answer in time"
    } else if error.is_connect() {
        "it can't be reached"
    } else {
        "the connection broke"
    };
    Trouble::Passing(what.to_owned())
}

pub(crate) fn bearer(token: &str) -> Result<header::HeaderValue, SandboxError> {
    let unusable = |_| SandboxError::Setting("the token of sandbox.token_env can't be sent".to_owned());
    let mut value = header::HeaderValue::try_from(format!("Bearer {token}")).map_err(unusable)?;
    value.set_sensitive(true);
    Ok(value)
}

pub(crate) fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

pub(crate) fn client(base: &Url) -> Result<Client, SandboxError> {
    // The first installation wins; a second one is refused and changes nothing.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder = Client::builder();
    let host = base.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if loopback || host == "localhost" {
        // A proxy from the environment would look for the server on its own machine.
        builder = builder.no_proxy();
    }
    builder
        .connect_timeout(GREETING)
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .map_err(|error| SandboxError::Remote(format!("the HTTP client can't be set up: {error}")))
}

/// Asks a server what it is.
fn greet(base: &Url) -> Result<(Kind, Isolation), SandboxError> {
    let failed = |why: &dyn std::fmt::Display| SandboxError::Remote(format!("{base}: {why}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| failed(&error))?.block_on(async {
        let asked = client(base)?.get(join(base, "health")).timeout(GREETING);
        let told = |trouble: Trouble| match trouble {
            Trouble::Passing(why) | Trouble::Answer(why) => failed(&why),
            Trouble::Lasting(error) => error,
        };
        let response = send(asked).await.map_err(told)?;
        let status = response.status();
        let answer = read(response).await.map_err(told)?;
        if status == StatusCode::NOT_FOUND {
            // OpenELM's server has three routes and no others.
            return Ok((Kind::OpenElm, Isolation { tier: Tier::Process, python: "of a server".into() }));
        }
        let health: Option<Json> = serde_json::from_slice(&answer).ok();
        let isolation =
            health.filter(|_| status == StatusCode::OK).and_then(|health| told::isolation(&health).ok());
        isolation
            .map(|isolation| (Kind::Samara, isolation))
            .ok_or_else(|| failed(&format!("it answers /health with {status}, and is no sandbox server")))
    })
}
