//! What was asked of a run while it went on, and the forms that ask. The forms work without a script.

use samara_journal::controls::lives;
use samara_search::{BudgetSettings, Limit, Order, commanding::one_line, control::MOST_NOTE};

use super::{Shown, address::texts_of, page::Page};
use crate::{
    html::Html,
    numbers::grouped,
    report::{
        State,
        settings::{LONGEST, cut},
        tables::heads,
    },
};

/// Where the forms send what they ask.
pub const ASK_AT: &str = "/ask";

/// What a form asks.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The run.
    pub run: String,
    /// What the forms of this server hold, and no other site knows.
    pub secret: String,
    /// What is asked of the run.
    pub order: Order,
}

/// Puts what was asked of a run onto its page, and with a `secret` the forms that ask more while it goes on.
pub fn add(page: &mut Page, shown: Shown<'_>, secret: Option<&str>) {
    if let Some(secret) = secret.filter(|_| shown.run.state == State::Running) {
        page.asks_after("figures", "ask", |html| forms(html, shown, secret));
    }
    if lives(&shown.run.view.controls).next().is_some() || secret.is_some() {
        page.alive_after("figures", "asked", |html| asked(html, shown));
    }
}

fn asked(html: &mut Html, shown: Shown<'_>) {
    let controls = &shown.run.view.controls;
    if lives(controls).next().is_none() {
        return;
    }
    html.element("h2", &[], "Asked while it went on");
    html.within("div", &[("class", "scroll"), ("tabindex", "0")], |html| {
        html.within("table", &[], |html| {
            heads(html, &["after", "from candidate", "what"], &[0, 1]);
            for (after, live) in lives(controls) {
                html.within("tr", &[], |html| {
                    html.element("td", &[("class", "n")], &grouped(after));
                    html.element("td", &[("class", "n")], &grouped(live.first));
                    html.element("td", &[], &cut(&one_line(&live.order.told()), LONGEST));
                });
            }
        });
    });
}

fn forms(html: &mut Html, shown: Shown<'_>, secret: &str) {
    html.element("h2", &[("id", "ask-title")], "Ask of this run");
    html.within("div", &[("class", "asks"), ("role", "group"), ("aria-labelledby", "ask-title")], |html| {
        let form = |html: &mut Html, what: &'static str, fill: &dyn Fn(&mut Html)| {
            html.within("form", &[("class", "ask"), ("method", "post"), ("action", ASK_AT)], |html| {
                for (name, value) in [("run", shown.name), ("secret", secret), ("what", what)] {
                    html.empty("input", &[("type", "hidden"), ("name", name), ("value", value)]);
                }
                fill(html);
            });
        };
        form(html, "finish", &|html| {
            html.element("p", &[], "Begin no further candidate and finish those that are being made.");
            html.element("button", &[], "Finish now");
        });
        form(html, "stop-after", &|html| {
            number(html, "Settle so many more candidates, then end", "1", "10");
            html.element("button", &[], "Stop after these");
        });
        form(html, "budget", &|html| {
            html.within("label", &[], |html| {
                html.element("span", &[], "Raise the limit of");
                html.within("select", &[("name", "limit")], |html| {
                    for (name, told) in limits(&super::run::limits_of(&shown.run.view)) {
                        html.element("option", &[("value", name)], told);
                    }
                });
            });
            number(html, "to", "any", "");
            html.element("button", &[], "Raise it");
        });
        form(html, "note", &|html| {
            html.within("label", &[], |html| {
                html.element(
                    "span",
                    &[],
                    "Note above the prompts of models that answer in a chat; empty for none",
                );
                let most = MOST_NOTE.to_string();
                html.within("textarea", &[("name", "text"), ("rows", "3"), ("maxlength", &most)], |_| ());
            });
            html.element("button", &[], "Put it there");
        });
    });
}

fn number(html: &mut Html, label: &str, step: &str, value: &str) {
    html.within("label", &[], |html| {
        html.element("span", &[], label);
        let attributes = [
            ("type", "number"),
            ("name", "number"),
            ("min", "0"),
            ("step", step),
            ("value", value),
            ("required", ""),
            ("autocomplete", "off"),
        ];
        html.empty("input", &attributes);
    });
}

/// The limits that a run has, by the names of the form.
fn limits(budget: &BudgetSettings) -> Vec<(&'static str, &'static str)> {
    let all = [
        ("candidates", "candidates in all", true),
        ("calls", "model calls", budget.calls.is_some()),
        ("tokens", "tokens", budget.tokens.is_some()),
        ("money", "money", budget.money.is_some()),
        ("time", "seconds of this session", budget.wall_time_s.is_some()),
    ];
    all.into_iter().filter(|(_, _, there)| *there).map(|(name, told, _)| (name, told)).collect()
}

/// What a form's body asks; `None` if it is none of these forms.
pub fn read(body: &str) -> Option<Asked> {
    let texts = texts_of(body)?;
    let text = |name: &str| texts.iter().find(|(held, _)| held == name).map(|(_, value)| &**value);
    let whole = || text("number")?.trim().parse::<u64>().ok();
    let order = match text("what")? {
        "finish" => Order::Finish,
        "stop-after" => Order::StopAfter(whole()?),
        "budget" => {
            let amount = || text("number")?.trim().parse().ok().filter(|amount: &f64| amount.is_finite());
            Order::Budget(match text("limit")? {
                "candidates" => Limit::Candidates(whole()?),
                "calls" => Limit::Calls(whole()?),
                "tokens" => Limit::Tokens(whole()?),
                "money" => Limit::Money(amount()?),
                "time" => Limit::Time(amount()?),
                _ => return None,
            })
        }
        "note" => Order::Note(text("text")?.replace("\r\n", "\n").trim().to_owned()),
        _ => return None,
    };
    Some(Asked { run: text("run")?.to_owned(), secret: text("secret")?.to_owned(), order })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_as_browsers_write_them_and_nothing_else_is() {
        let order = |rest: &str| read(&format!("run=a%2Fb+c&secret=s&{rest}")).map(|asked| asked.order);
        assert_eq!(order("what=finish"), Some(Order::Finish));
        assert_eq!(order("what=stop-after&number=12"), Some(Order::StopAfter(12)));
        assert_eq!(order("what=budget&limit=money&number=1.5"), Some(Order::Budget(Limit::Money(1.5))));
        assert_eq!(order("what=budget&limit=calls&number=300"), Some(Order::Budget(Limit::Calls(300))));
        let note = order("what=note&text=be%0D%0Abrief+%C3%A9%26+");
        assert_eq!(note, Some(Order::Note("be\nbrief é&".to_owned())));
        assert_eq!(read("what=finish&run=a%2Fb+c&secret=s").map(|asked| asked.run), Some("a/b c".to_owned()));
        for bad in [
            "what=stop-after&number=-1",
            "what=budget&limit=calls&number=1.5",
            "what=budget&limit=money&number=nan",
            "what=budget&limit=seed&number=1",
            "what=reset",
            "what=note",
            "what=note&text=%ff",
            "",
        ] {
            assert_eq!(order(bad), None, "{bad}");
        }
        assert_eq!(read("what=finish&run=a"), None);
    }
}
