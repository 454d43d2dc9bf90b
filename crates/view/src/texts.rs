//! `samara show --gallery`: the best text of every cell, in the order of the axes, as lines of a terminal or as Markdown.
//!
//! Texts are hostile: in the Markdown file no character of a text means anything but itself (`crate::markdown`).

use samara_qd::{Archive, Elite, Tessellation};
use samara_search::{
    AxisSettings,
    commanding::{one_line, printable},
};

use crate::{markdown, numbers::number};

/// The best elite of every filled cell: the first axis counts fastest to slowest as cells are numbered, so that texts
/// come in the order of the axis. The cells of a CVT, and elites without cells, come in the order of their first measure.
pub fn in_order(archive: &Archive) -> Vec<Elite<'_>> {
    let mut elites = archive.best_of(usize::MAX);
    match archive.tessellation() {
        Tessellation::Grid(_) => elites.sort_by_key(|elite| elite.cell),
        Tessellation::Cvt(_) | Tessellation::Places(_) => elites.sort_by(|a, b| {
            let first = |elite: &Elite<'_>| elite.measures.first().copied().unwrap_or_default();
            first(a).total_cmp(&first(b)).then(a.cell.cmp(&b.cell))
        }),
    }
    elites
}

/// A Markdown file of elites with their texts.
pub fn markdown(title: &str, axes: &[AxisSettings], elites: &[(Elite<'_>, String)]) -> String {
    let mut file = format!("# {}\n", markdown::inline(&one_line(title)));
    for (elite, text) in elites {
        let named = axes.iter().zip(elite.measures);
        let place = named.map(|(axis, measure)| {
            let told = axis.category(*measure).map_or_else(|| number(*measure), one_line);
            format!("{} {told}", one_line(&axis.name))
        });
        let place: Vec<String> = place.collect();
        file += &format!("\n## {}\n\n", markdown::inline(&place.join(", ")));
        file += &format!("{} by candidate {}\n\n", number(elite.objective), elite.id);
        for line in markdown::lines(&printable(text)) {
            file += format!("> {line}").trim_end();
            file.push('\n');
        }
    }
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_keeps_its_lines_and_means_nothing_else() {
        let measures = [1.0];
        let elite = Elite { cell: 1, rank: 0, id: 7, objective: -0.5, measures: &measures };
        let axes = [AxisSettings::named("form", ["ode", "haiku"])];
        let hostile =
            "# big\n  <script>alert(1)</script> [x](http://y) `code`\n\n1. www.z.org @me | a $b$ \u{1b}[2J";
        insta::assert_snapshot!(markdown("poems", &axes, &[(elite, hostile.to_owned())]), @r"
        # poems

        ## form haiku

        -0.5 by candidate 7

        > \# big\
        > &nbsp;&nbsp;\<script>alert(1)\</script> [x\](http\://y) \`code\`
        >
        > 1\. www\.z.org @me | a \$b\$ �[2J
        ");
    }

    #[test]
    fn a_file_has_a_heading_and_a_quotation_for_each_text() {
        let measures = [0.25, 0.5];
        let elite = Elite { cell: 3, rank: 0, id: 7, objective: 0.75, measures: &measures };
        let axes = [AxisSettings::even("*tone*", [0.0, 1.0], 2), AxisSettings::even("b", [0.0, 1.0], 2)];
        let file = markdown("poems", &axes, &[(elite, "one\ntwo\n".to_owned())]);
        assert_eq!(file, "# poems\n\n## \\*tone\\* 0.25, b 0.5\n\n0.75 by candidate 7\n\n> one\\\n> two\n");
    }
}
