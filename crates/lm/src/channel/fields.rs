//! Optional fields of a request that a server refuses: which to leave out next. Decisions alone, on bodies and complaints.
//!
//! What a server's error says is a first guess and no more: it counts once the request without the field succeeds.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use crate::{providers::json, reading::faults::Fault};

/// What limits the tokens of an answer.
const TOKEN_LIMITS: [&str; 3] = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
/// Fewest tokens that servers want where they want a least number: OpenAI's Responses interface, and those upon it.
const FEWEST: u64 = 16;
/// No server means more by a least number.
const MOST_FEWEST: u64 = 1024;
/// Alternatives of a token that servers give where twenty are too many.
const FEWER_ALTERNATIVES: u64 = 5;

/// A change of a request that lets a server take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Adjustment {
    /// The field is left out; one within a table as `options.seed`.
    LeaveOut(String),
    /// The number is at most this.
    AtMost(String, u64),
    /// The number is at least this.
    AtLeast(String, u64),
}

impl Adjustment {
    fn field(&self) -> &str {
        match self {
            Self::LeaveOut(field) | Self::AtMost(field, _) | Self::AtLeast(field, _) => field,
        }
    }

    /// Changes a request's body.
    pub(crate) fn apply(&self, body: &mut Json) {
        match self {
            Self::LeaveOut(field) => drop(remove(body, field)),
            Self::AtMost(field, most) => {
                set(body, field, |number| number.min(*most));
            }
            Self::AtLeast(field, least) => {
                set(body, field, |number| number.max(*least));
            }
        }
    }

    /// What a person should know of it.
    pub(crate) fn remark(&self) -> String {
        match self {
            Self::LeaveOut(field) => format!("the server refuses `{field}`: it is left out"),
            Self::AtMost(field, most) => format!("the server refuses more than {most} as `{field}`"),
            Self::AtLeast(field, least) => format!("the server refuses fewer than {least} as `{field}`"),
        }
    }
}

fn set(body: &mut Json, field: &str, change: impl Fn(u64) -> u64) {
    if let Some(number) = body.get(field).and_then(Json::as_u64) {
        body[field] = change(number).into();
    }
}

/// Takes a field out of a body; one within a table as `table.field`.
pub(crate) fn remove(body: &mut Json, field: &str) -> Option<Json> {
    match field.split_once('.') {
        Some((table, rest)) => remove(body.get_mut(table)?, rest),
        None => body.as_object_mut()?.remove(field),
    }
}

fn find<'a>(body: &'a Json, field: &str) -> Option<&'a Json> {
    match field.split_once('.') {
        Some((table, rest)) => find(body.get(table)?, rest),
        None => body.get(field),
    }
}

/// What settings change in every request.
#[derive(Debug)]
pub(crate) struct Edits {
    pub extra: Map<String, Json>,
    pub remove: Vec<String>,
    pub rename: Vec<(String, String)>,
}

impl Edits {
    /// A body with the settings' fields, without those that they remove, under the names that they give.
    pub(crate) fn apply(&self, mut body: Json) -> Json {
        if let Some(fields) = body.as_object_mut() {
            json::merge(fields, &self.extra);
            if self.extra.contains_key("max_completion_tokens") {
                // Newer models accept this name only, and refuse the old one next to it.
                fields.remove("max_tokens");
            }
        }
        for field in &self.remove {
            remove(&mut body, field);
        }
        for (from, to) in &self.rename {
            if let Some(value) = remove(&mut body, from) {
                let (table, name) = to.rsplit_once('.').unwrap_or(("", to));
                let place = if table.is_empty() { Some(&mut body) } else { body.get_mut(table) };
                if let Some(fields) = place.and_then(Json::as_object_mut) {
                    fields.insert(name.to_owned(), value);
                }
            }
        }
        body
    }
}

/// The adjustments of a body that were not yet shown to be needless, as far as its fields go.
pub(crate) fn possible(body: &Json, optional: &[&str], proven: &BTreeSet<String>) -> Vec<Adjustment> {
    let present = optional.iter().filter(|field| find(body, field).is_some());
    let open = present.filter(|field| !proven.contains(&sign(body, field)));
    let mut found: Vec<Adjustment> = open.map(|field| gentle(field)).collect();
    for field in TOKEN_LIMITS {
        let few = body.get(field).and_then(Json::as_u64).is_some_and(|tokens| tokens < FEWEST);
        if few && !proven.contains(&sign(body, field)) {
            found.push(Adjustment::AtLeast(field.to_owned(), FEWEST));
        }
    }
    found
}

/// What a field's refusal leads to.
fn gentle(field: &str) -> Adjustment {
    match field {
        "top_logprobs" => Adjustment::AtMost(field.to_owned(), FEWER_ALTERNATIVES),
        _ => Adjustment::LeaveOut(field.to_owned()),
    }
}

/// What was accepted of a field: some values may be and others not.
fn sign(body: &Json, field: &str) -> String {
    let value = find(body, field).unwrap_or(&Json::Null);
    let default = value.as_f64() == Some(1.0);
    let few = value.as_u64().is_some_and(|number| number < FEWEST);
    match field.rsplit('.').next().unwrap_or(field) {
        "temperature" | "top_p" => format!("{field} default {default}"),
        name if TOKEN_LIMITS.contains(&name) => format!("{field} few {few}"),
        _ => field.to_owned(),
    }
}

/// What a successful request has shown of its fields.
pub(crate) fn shown(body: &Json, optional: &[&str]) -> impl Iterator<Item = String> {
    let fields = optional.iter().chain(&TOKEN_LIMITS).filter(|field| find(body, field).is_some());
    fields.map(|field| sign(body, field)).collect::<Vec<_>>().into_iter()
}

/// The adjustment that a complaint suggests, among those that are possible.
pub(crate) fn suggested(complaint: &Fault, body: &Json, possible: &[Adjustment]) -> Option<Adjustment> {
    let is = |name: &str, field: &str| {
        let last = field.rsplit('.').next().unwrap_or(field);
        name == field || name.rsplit('.').next() == Some(last)
    };
    let named = complaint
        .fields
        .iter()
        .find_map(|named| possible.iter().find(|adjustment| is(&named.name, adjustment.field())));
    let least = complaint.at_least.filter(|least| (1..=MOST_FEWEST).contains(least));
    let few = least.and_then(|least| {
        let field = TOKEN_LIMITS
            .iter()
            .find(|field| body.get(**field).and_then(Json::as_u64).is_some_and(|tokens| tokens < least))?;
        Some(Adjustment::AtLeast((*field).to_owned(), least))
    });
    few.or_else(|| named.cloned())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::reading::faults;

    #[test]
    fn extra_fields_are_merged_into_nested_ones_and_replace_others() {
        let body = json!({"model": "m", "options": {"seed": 1, "num_predict": 8}, "max_tokens": 8});
        let extra = json!({"options": {"num_ctx": 4096, "seed": 2}, "max_completion_tokens": 9});
        let extra = extra.as_object().cloned().unwrap_or_default();
        let expected = json!({
            "model": "m", "options": {"seed": 2, "num_predict": 8, "num_ctx": 4096}, "max_completion_tokens": 9
        });
        assert_eq!(Edits { extra, remove: vec![], rename: vec![] }.apply(body), expected);
    }

    #[test]
    fn fields_are_removed_and_renamed_within_tables_too() {
        let edits = Edits {
            extra: Map::new(),
            remove: vec!["top_p".into(), "options.top_k".into(), "absent.x".into()],
            rename: vec![("seed".into(), "random_seed".into()), ("options.a".into(), "options.b".into())],
        };
        let body = json!({"seed": 3, "top_p": 1.0, "options": {"top_k": 0, "a": 1}});
        assert_eq!(edits.apply(body), json!({"random_seed": 3, "options": {"b": 1}}));
    }

    const OPTIONAL: &[&str] = &["seed", "stop", "top_p", "temperature", "top_logprobs"];

    fn next(body: &Json, complaint: &Json) -> Option<Adjustment> {
        let possible = possible(body, OPTIONAL, &BTreeSet::new());
        suggested(&faults::read(complaint), body, &possible)
    }

    #[test]
    fn a_complaint_suggests_the_field_that_it_names_in_any_vendors_form() {
        let body = json!({"seed": 1, "stop": ["x"], "max_tokens": 8, "top_logprobs": 20});
        let out = |field: &str| Some(Adjustment::LeaveOut(field.into()));
        let param = json!({"error": {"message": "no", "param": "stop"}});
        assert_eq!(next(&body, &param), out("stop"));
        let location =
            json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra"}]});
        assert_eq!(next(&body, &location), out("seed"));
        let quoted =
            json!([{"error": {"code": 400, "message": "Unknown name \"seed\": Cannot find field."}}]);
        assert_eq!(next(&body, &quoted), out("seed"));
        let few = json!({"error": {"message": "Invalid 'max_output_tokens'. Expected a value >= 16, but got 8 instead."}});
        assert_eq!(next(&body, &few), Some(Adjustment::AtLeast("max_tokens".into(), 16)));
        let many = json!({"error": {"message": "too many", "param": "top_logprobs"}});
        assert_eq!(next(&body, &many), Some(Adjustment::AtMost("top_logprobs".into(), 5)));
        assert_eq!(next(&body, &json!({"error": {"message": "no", "param": "messages"}})), None);
        assert_eq!(next(&json!({"stop": ["x"]}), &quoted), None, "it was not sent");
    }

    #[test]
    fn what_a_server_has_accepted_is_not_left_out_but_for_other_values() {
        let body = json!({"seed": 1, "temperature": 1.0, "max_tokens": 64});
        let proven: BTreeSet<String> = shown(&body, OPTIONAL).collect();
        assert_eq!(possible(&body, OPTIONAL, &proven), []);
        let other = json!({"seed": 2, "temperature": 0.7, "stop": ["x"], "max_tokens": 8});
        let fields: Vec<String> =
            possible(&other, OPTIONAL, &proven).iter().map(|found| found.field().to_owned()).collect();
        assert_eq!(fields, ["stop", "temperature", "max_tokens"]);
    }

    #[test]
    fn an_adjusted_body_differs_in_that_field_alone() {
        let mut body = json!({"options": {"seed": 1, "x": 2}, "max_tokens": 8, "top_logprobs": 20});
        Adjustment::LeaveOut("options.seed".into()).apply(&mut body);
        Adjustment::AtLeast("max_tokens".into(), 16).apply(&mut body);
        Adjustment::AtMost("top_logprobs".into(), 5).apply(&mut body);
        Adjustment::LeaveOut("absent".into()).apply(&mut body);
        assert_eq!(body, json!({"options": {"x": 2}, "max_tokens": 16, "top_logprobs": 5}));
    }
}
