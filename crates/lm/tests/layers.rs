//! The crate is in layers: a file uses only files of the layers below it, and no two files use each other.
//!
//! What a file uses is read from its `use` declarations and from paths that begin with `crate::`. Tests at the end of a
//! file are left out: they may ask any layer.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// The modules, lowest first; those of one line may use each other in one direction.
const LAYERS: [&[&str]; 12] = [
    &["types", "secret"],
    &["reading"],
    &["error", "digest"],
    &["operation"],
    &["question"],
    &["log", "provider_name", "store"],
    &["settings"],
    &["hub"],
    &["providers"],
    &["reach", "validation", "model_string", "channel"],
    &["cache"],
    &["client", "check", "respondent"],
];

fn layer(module: &str) -> usize {
    let first = module.split("::").next().unwrap_or_default();
    LAYERS
        .iter()
        .position(|modules| modules.contains(&first))
        .unwrap_or_else(|| panic!("`{first}` is in no layer: add it to LAYERS"))
}

/// Every source file but tests and `lib.rs`: its module, and its text without comments and without its tests.
fn sources() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut found);
    assert!(found.len() > 30, "the sources were found: {}", found.len());
    found
}

fn collect(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        if path.is_dir() {
            collect(&path, &format!("{prefix}{name}::"), found);
        } else if name != "lib" && !name.ends_with("tests") && name != "exchanges" {
            let module = match name.as_str() {
                "mod" => prefix.trim_end_matches("::").to_owned(),
                name => format!("{prefix}{name}"),
            };
            let text = std::fs::read_to_string(&path).expect("a text");
            let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
            found.insert(module, code.join("\n"));
        }
    }
}

/// The paths of a tree such as `a::{b, c::{d, e}}`.
fn paths(tree: &str, prefix: &str, into: &mut Vec<String>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        into.push(format!("{prefix}{tree}"));
        return;
    };
    let prefix = format!("{prefix}{}", &tree[..open]);
    let (mut depth, mut start) = (0, open + 1);
    for (place, c) in tree.char_indices().skip_while(|(place, _)| *place < open) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if (c == ',' && depth == 1) || depth == 0 {
            if !tree[start..place].trim().is_empty() {
                paths(&tree[start..place], &prefix, into);
            }
            start = place + 1;
        }
        if depth == 0 {
            break;
        }
    }
}

/// What `lib.rs` shows at the top of the crate, as pairs of name and full path.
fn shown() -> BTreeMap<String, String> {
    let lib =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).expect("a text");
    let mut found = Vec::new();
    for declaration in lib.split("\npub use ").skip(1) {
        paths(declaration.split(';').next().unwrap_or_default(), "", &mut found);
    }
    assert!(found.len() > 15, "what is shown was found: {found:?}");
    found.into_iter().map(|path| (path.rsplit("::").next().unwrap_or_default().to_owned(), path)).collect()
}

/// The modules that a file uses.
fn uses(module: &str, text: &str, modules: &BTreeSet<&str>) -> BTreeSet<String> {
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let mut found = Vec::new();
    for declaration in text.split("\nuse ").skip(1) {
        let tree = declaration.split(';').next().unwrap_or_default();
        if let Some(rest) = tree.strip_prefix("crate::") {
            paths(rest, "", &mut found);
        } else if let Some(rest) = tree.strip_prefix("super::") {
            paths(rest, &if parent.is_empty() { String::new() } else { format!("{parent}::") }, &mut found);
        } else {
            let own: Vec<&str> =
                modules.iter().filter_map(|other| other.strip_prefix(&format!("{module}::"))).collect();
            let first = tree.split("::").next().unwrap_or_default();
            if own.iter().any(|own| own.split("::").next() == Some(first)) {
                paths(tree, &format!("{module}::"), &mut found);
            }
        }
    }
    for path in text.split("crate::").skip(1) {
        let path = path.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')).next();
        found.extend(path.filter(|path| !path.is_empty()).map(str::to_owned));
    }
    let shown = shown();
    let full = |path: &String| shown.get(path.trim()).unwrap_or(path).clone();
    found.iter().filter_map(|path| module_of(&full(path), modules)).filter(|other| other != module).collect()
}

/// The longest beginning of a path that is a module.
fn module_of(path: &str, modules: &BTreeSet<&str>) -> Option<String> {
    let mut path = path.trim().trim_end_matches("::self").to_owned();
    loop {
        if modules.contains(path.as_str()) {
            return Some(path);
        }
        let (shorter, _) = path.rsplit_once("::")?;
        path = shorter.to_owned();
    }
}

fn graph() -> BTreeMap<String, BTreeSet<String>> {
    let sources = sources();
    let modules: BTreeSet<&str> = sources.keys().map(String::as_str).collect();
    sources.iter().map(|(module, text)| (module.clone(), uses(module, text, &modules))).collect()
}

#[test]
fn a_file_uses_only_its_own_layer_and_those_below() {
    for (module, used) in graph() {
        for other in used {
            assert!(layer(&other) <= layer(&module), "{module} uses {other}, which is above it");
        }
    }
}

#[test]
fn no_two_files_use_each_other_by_any_detour() {
    let mut graph = graph();
    // A module's own parts take its type from it: they are one unit with it.
    let unit =
        |module: &str| if module.starts_with("client::") { "client".to_owned() } else { module.to_owned() };
    let mut units: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, used) in std::mem::take(&mut graph) {
        units.entry(unit(&module)).or_default().extend(used.iter().map(|other| unit(other)));
    }
    for (module, used) in &mut units {
        used.remove(module);
    }
    // Files that use nothing left are taken away until none is; what stays is a circle.
    loop {
        let free: Vec<String> =
            units.iter().filter(|(_, used)| used.is_empty()).map(|(module, _)| module.clone()).collect();
        if free.is_empty() {
            break;
        }
        for module in &free {
            units.remove(module);
        }
        for used in units.values_mut() {
            used.retain(|other| !free.contains(other));
        }
    }
    assert!(units.is_empty(), "these use each other: {units:#?}");
}

#[test]
fn what_a_file_uses_is_read_out_of_nested_declarations_and_of_paths() {
    let modules = BTreeSet::from(["a", "a::b", "c", "d", "e", "e::f"]);
    let text = "\nuse crate::{\n    a::{b::X, Y},\n    c,\n};\nuse super::d::Z;\nfn g() { crate::e::f::h() }";
    let found = uses("m", text, &modules);
    assert_eq!(found, ["a", "a::b", "c", "d", "e::f"].map(str::to_owned).into());
    assert_eq!(uses("e", "\nuse f::G;\nuse std::mem;", &modules), BTreeSet::from(["e::f".to_owned()]));
}
