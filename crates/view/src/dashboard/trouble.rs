//! What is told where a page can't be.

use super::page::{Page, heading};

/// A page that says what went wrong, line by line.
pub fn page(title: &str, told: &str) -> Page {
    let mut page = Page::new(title);
    page.part("trouble", |html| {
        heading(html, title);
        for line in told.lines().take(20) {
            html.within("p", &[], |html| html.prose(&crate::report::settings::cut(line, 1000)));
        }
        html.within("p", &[("class", "onwards")], |html| {
            html.element("a", &[("href", "/")], "All runs");
        });
    });
    page
}
