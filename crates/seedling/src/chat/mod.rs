//! Chats, written as a model was trained to read them: the Jinja templates that models bring along.
//!
//! A template is somebody else's program: its steps and memory, its depth and its length are bounded, it reads no
//! clock and no file. What messages say stays text: see [`Prompt`]. Knows nothing of networks and of what is asked.

mod prompt;
mod python;
mod source;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use minijinja::{Environment, Error, ErrorKind, UndefinedBehavior, Value, syntax::SyntaxConfig};

pub use prompt::Prompt;

use crate::{SeedlingError, Tokenizer};

/// No template may be longer, in bytes; the longest that is known has some 30 thousand.
const MAX_TEMPLATE_BYTES: usize = 1 << 18;

/// How much a rendering may do: a unit is one step, or 64 bytes that are made. 64 MiB at most, then.
const FUEL: u64 = 1 << 20;

/// No message that a template gives when it refuses is shown beyond this, in characters.
const MAX_REASON: usize = 300;

/// The name under which the one template is kept.
const NAME: &str = "chat_template";

const AGAIN: &str = "use the chat template of the model's publisher, or ask for plain continuations";

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// What holds for the whole chat.
    System,
    /// Who asks.
    User,
    /// The model.
    Assistant,
}

/// Something that is said in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// By whom.
    pub role: Role,
    /// What; never markup, whatever it looks like.
    pub content: String,
}

/// The template by which a model's chats are written.
#[derive(Debug, Clone)]
pub struct ChatTemplate {
    origin: PathBuf,
    environment: Arc<Environment<'static>>,
    /// The texts of the tokens that begin and end a text; templates write them by these names.
    bos: String,
    eos: String,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl Message {
    /// A message.
    pub fn new(role: Role, content: impl Into<String>) -> Self {
        Self { role, content: content.into() }
    }
}

impl ChatTemplate {
    /// A template as written; `bos` and `eos` are the texts of the tokens that begin and end a text (empty if there are
    /// none), `origin` is what errors name.
    ///
    /// # Errors
    /// If it is too long, or not a template.
    pub fn new(source: &str, bos: &str, eos: &str, origin: &Path) -> Result<Self, SeedlingError> {
        let refuse = |what: String| SeedlingError::file(origin, what, AGAIN);
        if source.len() > MAX_TEMPLATE_BYTES {
            return Err(refuse(format!("the chat template is longer than {MAX_TEMPLATE_BYTES} bytes")));
        }
        let mut environment = environment();
        environment
            .add_template_owned(NAME, source::without_generation_marks(source))
            .map_err(|error| refuse(format!("the chat template can't be read: {}", reason(&error))))?;
        Ok(Self {
            origin: origin.to_owned(),
            environment: Arc::new(environment),
            bos: bos.to_owned(),
            eos: eos.to_owned(),
        })
    }

    /// The chat as the model reads it, for [`Tokenizer::encode_prompt`]. `ask` adds what comes before an answer of the
    /// model. Thinking is turned off where the template knows how (`enable_thinking`), and "today" is
    /// 26 July 2024, so that a chat is the same on each day.
    ///
    /// A message of [`Role::System`] that the template refuses or leaves out is put before what the user says first.
    ///
    /// # Errors
    /// If the template refuses the messages or fails, takes too many steps, or makes a text too long.
    pub fn render(
        &self,
        messages: &[Message],
        ask: bool,
        tokenizer: &Tokenizer,
    ) -> Result<Prompt, SeedlingError> {
        let first = self.prompt(messages, ask, tokenizer);
        let Some(merged) = without_system(messages) else { return first };
        match first {
            Ok(prompt) if is_said(&prompt, messages) => Ok(prompt),
            Ok(_) => self.prompt(&merged, ask, tokenizer),
            Err(error) => self.prompt(&merged, ask, tokenizer).map_err(|_| error),
        }
    }

    fn prompt(
        &self,
        messages: &[Message],
        ask: bool,
        tokenizer: &Tokenizer,
    ) -> Result<Prompt, SeedlingError> {
        let texts = messages.iter().map(|message| message.content.as_str()).collect::<Vec<_>>();
        let seam = prompt::seam(&texts).ok_or_else(|| {
            SeedlingError::request(
                "the messages contain every noncharacter from U+FDD0 to U+FDEF",
                "leave one out",
            )
        })?;
        let said = messages.iter().map(|message| {
            let content = tokenizer.guard(&message.content, seam);
            Value::from_pairs([("role", Value::from(message.role.name())), ("content", Value::from(content))])
        });
        let chat = Value::from_pairs([
            ("messages", said.collect::<Value>()),
            ("bos_token", Value::from(&*self.bos)),
            ("eos_token", Value::from(&*self.eos)),
            ("add_generation_prompt", Value::from(ask)),
            ("enable_thinking", Value::from(false)),
            ("tools", Value::from(())),
            ("documents", Value::from(())),
        ]);
        let template = self.environment.get_template(NAME);
        let text =
            template.and_then(|template| template.render(chat)).map_err(|error| self.failed(&error))?;
        Ok(Prompt { text, seam })
    }

    fn failed(&self, error: &Error) -> SeedlingError {
        let what = match error.kind() {
            ErrorKind::OutOfFuel => "takes too many steps, or makes too much text".to_owned(),
            _ => format!("fails: {}", reason(error)),
        };
        let what = format!("the chat template of {} {what}", self.origin.display());
        SeedlingError::request(what, AGAIN)
    }
}

/// What an error says, within bounds and without control characters.
fn reason(error: &Error) -> String {
    let said = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    let line = error.line().map_or_else(String::new, |line| format!(" (line {line})"));
    let shown = said.chars().take(MAX_REASON).map(|c| if c.is_control() { ' ' } else { c });
    shown.collect::<String>() + &line
}

/// The messages with those of the system put before what the user says first; `None` if there are none, or no user.
fn without_system(messages: &[Message]) -> Option<Vec<Message>> {
    let of = |role| move |message: &&Message| message.role == role;
    let system = messages.iter().filter(of(Role::System)).map(|message| &*message.content);
    let system = system.collect::<Vec<_>>().join("\n\n");
    let first = messages.iter().position(|message| message.role == Role::User)?;
    let merged = messages.iter().enumerate().filter(|(_, message)| message.role != Role::System);
    let merged = merged.map(|(at, message)| match at == first {
        true => Message::new(Role::User, format!("{system}\n\n{}", message.content)),
        false => message.clone(),
    });
    (!system.is_empty()).then(|| merged.collect())
}

/// Whether all that the system says is in a prompt, blanks around it apart.
fn is_said(prompt: &Prompt, messages: &[Message]) -> bool {
    let text = prompt.text();
    let mut system = messages.iter().filter(|message| message.role == Role::System);
    system.all(|message| text.contains(message.content.trim()))
}

/// Jinja as chat templates are written for: blocks take their line, Python's methods are there.
fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    let syntax = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
    environment.set_syntax(syntax.expect("the usual delimiters are good ones"));
    environment.set_undefined_behavior(UndefinedBehavior::Lenient);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    python::add(&mut environment);
    environment
}
