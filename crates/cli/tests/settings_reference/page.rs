//! `docs/reference/settings.md` from the schema: a section a table, a key a row. Sentences that belong to no key stand
//! here.

use std::cell::RefCell;

use samara_search::schema::{ORDER, plain, range};
use serde_json::Value;

const HEAD: &str = "\
# Settings

TOML; an unknown key is an error that names the nearest known one, and so is a number out of its range. `--set KEY=VALUE` \
goes over the file, the file over these defaults.

`samara schema` prints a JSON schema of all of it. Editors check and complete an experiment by it (VS Code with Even Better \
TOML, others with taplo): `samara schema > samara.schema.json`, and `#:schema ./samara.schema.json` as the file's first line.

<!-- Made from `samara schema` by crates/cli/tests/settings_reference; change the settings' doc comments and run
SAMARA_BLESS=1 cargo test -p samara --test settings_reference -->
";

const MODELS: &str = "\
A table, or a string as in [any server](../guides/any-server.md). `lmx_generation` needs a generator and a judge, and an \
embedder if `quality` is `embedding`; environments of programs need a generator unless `search.operator` is `gp`, and an \
embedder if `descriptors` is `embedding`; the others need none. The built-in experiments name `embedded`. Which scoring \
methods a provider knows, and where each listens by default, is in [any server](../guides/any-server.md#scoring).";

const ENSEMBLE: &str = "\
In `[models.generator]`, instead of one model's settings; see [cost and cache](../guides/cost-and-cache.md).";

const PRICES: &str = "\
`NAME = { in = 0.5, out = 1.5 }`: money per million tokens of the models of that name that have no price of their own.";

const WRITING: &str = "How a model is asked for programs; without meaning for the operator `gp`.";

const SANDBOX: &str = "\
For environments that run programs. `tier`, `minimum_tier`, `trust_code`, `python` and `servers` may change when a run is \
resumed.";

const WORKERS: &str = "\
No result depends on them. The command line goes over them ([the guide](../guides/workers.md)), and they may change when \
a run is resumed.";

const SEARCH: &str = "\
Strategies other than `qdaif` are baselines: see [comparing](../guides/compare.md). Operators are those of \
[evolving programs](../guides/programs.md).";

const AXES: &str = "One per measure, in the order of the environment's measures.";

/// What there is to say of an environment beside its keys; nothing if its summary says enough.
fn about(environment: &str) -> &'static str {
    match environment {
        "function" => "One axis per dimension.",
        "string" => "One axis per letter of the target; a letter's measure is its position in the alphabet.",
        "image" => "Three axes: mean red, green and blue, 0 to 255. The operator is `prompt` by default.",
        "lmx_generation" => "One axis per question of `diversity`, of the same name.",
        "p3_problem" | "p3_probsol" => {
            "With `features` the axes are named `tokens`, `branches`, `depth`, `calls` or `literals`; with `embedding` there \
             may be any number of axes of any name. The operator is `prompt` by default."
        }
        "sodarace" => {
            "Three axes: height and width in metres, and mass. See [creatures that walk](../guides/sodarace.md)."
        }
        _ => "",
    }
}

/// The whole page.
pub(crate) fn page(schema: &Value) -> String {
    let page = Page { root: schema, told: RefCell::default() };
    let section = |name: &str| &schema["properties"][name];
    let definition = |name: &str| &schema["definitions"][name];
    let mut text = HEAD.to_owned();
    let mut add = |heading: &str, introduction: &str, section: &Value| {
        text.push_str(&format!("\n{heading}\n"));
        if !introduction.is_empty() {
            text.push_str(&format!("{introduction}\n"));
        }
        text.push_str(&page.table(section));
    };
    add("## [experiment]", "", section("experiment"));
    add("## [search]", SEARCH, section("search"));
    add("## [[axes]]", AXES, &section("axes")["items"]);
    let models = "## [models.generator], [models.judge], [models.embedder]";
    add(models, MODELS, definition("ModelSettings"));
    add("### An ensemble of generators", ENSEMBLE, definition("EnsembleSettings"));
    add("## [prices]", PRICES, &section("prices")["additionalProperties"]);
    add("## [cache]", "", section("cache"));
    let mut writing = Vec::new();
    for environment in values(&section("experiment")["properties"]["environment"]) {
        let own = page.resolve(section_of(schema, &environment.name));
        if own["properties"].get("writing").is_some() {
            writing.push(format!("`{}`", environment.name));
        }
        let summary = sentence(&environment.meaning);
        let introduction = format!("{summary} {}", about(&environment.name));
        add(&format!("## [environment] of `{}`", environment.name), introduction.trim(), own);
    }
    if let Some((last, others)) = writing.split_last() {
        let heading = format!("## [environment.writing] of {} and {last}", others.join(", "));
        add(&heading, WRITING, definition("WritingSettings"));
    }
    add("## [sandbox]", SANDBOX, section("sandbox"));
    add("## [workers]", WORKERS, section("workers"));
    text
}

/// The section of an environment, by its case in the schema.
fn section_of<'a>(schema: &'a Value, environment: &str) -> &'a Value {
    let mut cases = schema["allOf"].as_array().expect("cases").iter();
    let named = |case: &&Value| {
        case["if"]["properties"]["experiment"]["properties"]["environment"]["const"] == environment
    };
    let case = cases.find(named).expect("every environment has a case");
    &case["then"]["properties"]["environment"]
}

/// One of the values that a setting may have.
struct Choice {
    name: String,
    meaning: String,
}

/// The values that a schema lists with their meanings.
fn values(schema: &Value) -> Vec<Choice> {
    let listed = schema["oneOf"].as_array().into_iter().flatten();
    let choice = |value: &Value| {
        let name = match (value["const"].as_str(), value["required"][0].as_str()) {
            (Some(name), _) => name.to_owned(),
            (None, Some(key)) => format!("{{ {key} = .. }}"),
            (None, None) => panic!("a value without a name: {value}"),
        };
        Choice { name, meaning: one_line(&value["description"]) }
    };
    listed.map(choice).collect()
}

/// Text that begins as a sentence does and ends with a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

fn one_line(description: &Value) -> String {
    description.as_str().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Page<'a> {
    root: &'a Value,
    /// The types of which a table has listed the values.
    told: RefCell<Vec<String>>,
}

impl<'a> Page<'a> {
    /// What a schema refers to, if it does nothing else.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let inner = schema["allOf"].get(0).unwrap_or(schema);
        match inner["$ref"].as_str().and_then(|path| path.strip_prefix('#')) {
            Some(path) => self.resolve(self.root.pointer(path).expect("a definition")),
            None => inner,
        }
    }

    fn table(&self, section: &'a Value) -> String {
        self.told.borrow_mut().clear();
        let mut rows = Vec::new();
        self.rows(section, "", &mut rows);
        format!("\n| key | default | meaning |\n|---|---|---|\n{}", rows.concat())
    }

    /// The rows of a section's keys; those of tables within it stand where the table's would.
    fn rows(&self, section: &'a Value, prefix: &str, rows: &mut Vec<String>) {
        let section = self.resolve(section);
        let needed =
            |key: &str| section["required"].as_array().is_some_and(|keys| keys.contains(&key.into()));
        let properties = section["properties"].as_object().expect("keys");
        let order = section[ORDER].as_array().expect("every section has an order");
        assert_eq!(order.len(), properties.len(), "the order lists every key of {section}");
        for key in order.iter().filter_map(Value::as_str) {
            let (property, name) = (&properties[key], format!("{prefix}{key}"));
            let inner = self.resolve(property);
            if key == "writing" {
                rows.push(row(
                    &name,
                    "",
                    "How the generator is asked for programs: see `[environment.writing]` below.",
                ));
            } else if inner.get("properties").is_some() {
                self.rows(inner, &format!("{name}."), rows);
            } else {
                rows.push(self.key(&name, property, needed(key)));
                if inner["type"] == "array" && self.resolve(&inner["items"]).get("properties").is_some() {
                    self.rows(&inner["items"], &format!("{name}[].",), rows);
                }
            }
        }
    }

    /// The values of a setting, unless another one of the table has had the same.
    fn values_once(&self, property: &'a Value, resolved: &'a Value) -> Vec<Choice> {
        let mut told = self.told.borrow_mut();
        if let Some(reference) = property["allOf"][0]["$ref"].as_str() {
            if told.iter().any(|other| other == reference) {
                return Vec::new();
            }
            told.push(reference.to_owned());
        }
        values(resolved)
    }

    fn key(&self, name: &str, property: &'a Value, needed: bool) -> String {
        let inner = self.resolve(property);
        let description = one_line(&property["description"]);
        assert!(!description.is_empty(), "`{name}` has no doc comment");
        let (meaning, default) = split(&description);
        let default = match (default, property.get("default")) {
            (Some(said), Some(value)) => {
                agree(name, said, value);
                said.trim_start_matches(": ").trim().trim_end_matches('.').to_owned()
            }
            (Some(said), None) => said.trim_start_matches(": ").trim().trim_end_matches('.').to_owned(),
            (None, Some(value)) if *value != "" => format!("`{value}`"),
            (None, _) if needed => "needed".to_owned(),
            (None, _) => String::new(),
        };
        let mut meaning = meaning.to_owned();
        if let Some(range) = unsaid_range(inner, &meaning) {
            meaning.push_str(&format!(" {}", sentence(&range)));
        }
        for value in self.values_once(property, inner) {
            meaning.push_str(&format!("<br>`{}`: {}", value.name, value.meaning));
        }
        row(name, &default, &meaning)
    }
}

fn row(name: &str, default: &str, meaning: &str) -> String {
    format!("| `{name}` | {default} | {} |\n", meaning.trim().replace('|', "\\|"))
}

/// A description without its last sentence, if that is about the default, and what it says.
fn split(description: &str) -> (&str, Option<&str>) {
    let said = description.strip_prefix("Default").map(|said| ("", said));
    match said.or_else(|| description.rsplit_once(" Default")) {
        Some((meaning, said)) => (meaning, Some(said)),
        None => (description, None),
    }
}

/// Expects a doc comment to name the default that there is. `Default: ` begins words instead of the value.
fn agree(name: &str, said: &str, value: &Value) {
    let bare = |text: &str| text.replace(['`', ',', '"', '[', ']', ' '], "");
    let value = match value {
        Value::String(text) if text.is_empty() => "empty".to_owned(),
        Value::Number(number) => plain(number),
        Value::Array(items) => {
            items.iter().map(|item| item.as_number().map_or_else(|| item.to_string(), plain)).collect()
        }
        other => other.to_string(),
    };
    let agrees = said.starts_with(": ") || bare(said).starts_with(&bare(&value));
    assert!(agrees, "the doc comment of `{name}` says the default is{said} but it is {value}");
}

/// The range of a number that its description does not name, if it says something to a person.
fn unsaid_range(schema: &Value, meaning: &str) -> Option<String> {
    let most = schema["maximum"].as_f64().filter(|most| *most < 1e6)?;
    let digits = meaning.replace(',', "");
    let said = digits.split(|c: char| !c.is_ascii_digit()).any(|word| word.parse() == Ok(most));
    // `1 to `window`` says more than a number.
    if said || meaning.contains(" to `") { None } else { range(schema) }
}
