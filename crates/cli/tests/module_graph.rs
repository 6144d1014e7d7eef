//! The top-level modules of each crate use each other in one direction: a test that draws the graph from the paths in the
//! source, and fails on a circle.
//!
//! An edge is a path `crate::x...` (or `super::x...` as far up as the crate's root) in a file of another module. A name that the
//! root re-exports counts as its module. Code under `#[cfg(test)]` is left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::read_to_string;
use std::path::{Path, PathBuf};

type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn no_crate_has_a_circle_of_modules() {
    let mut found = Vec::new();
    for (name, source) in crates() {
        for circle in circles(&graph(&source)) {
            let circle: Vec<String> = circle.into_iter().collect();
            found.push(format!("{name}: {} use each other", circle.join(", ")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn circles_are_found_in_text_and_not_in_comments_or_tests() {
    let code = "use crate::a::{X, b::Y}; // crate::no\nuse crate::{c, d::Z};\n/* crate::no */ fn f() { crate::e::g(\"crate::no\"); }\n\
                #[cfg(test)]\nmod tests { use crate::no::X; }\n#[cfg(test)]\nuse crate::no;\nfn h() { super::i::j() }";
    let names = paths_from_root(&without_tests(&plain(code)), 1);
    assert_eq!(names, ["a", "c", "d", "e", "i"].map(str::to_owned).into());
    assert!(paths_from_root("super::x::y super::super::z::w", 2).contains("z"));
    let edges = [("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("e", "e")];
    let mut graph = Graph::new();
    for (from, to) in edges {
        graph.entry(from.to_owned()).or_default().insert(to.to_owned());
    }
    assert_eq!(circles(&graph), [["a", "b", "c"].map(str::to_owned).into()].into());
}

/// Each crate of the workspace by its folder's name, with its source.
fn crates() -> BTreeMap<String, PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let crates = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let crates = crates.filter(|path| path.join("src").is_dir());
    crates.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path.join("src"))).collect()
}

/// Which top-level module uses which others.
fn graph(source: &Path) -> Graph {
    let root = ["lib.rs", "main.rs"].map(|name| source.join(name)).into_iter().find(|path| path.exists());
    let root = without_tests(&plain(&read_to_string(root.unwrap()).unwrap()));
    let modules: BTreeSet<String> = declared(&root);
    let exported = exported(&root, &modules, source);
    let mut graph = Graph::new();
    for module in &modules {
        let mut files = vec![(source.join(format!("{module}.rs")), 1)];
        add_files(&source.join(module), 1, &mut files);
        for (file, depth) in files.into_iter().filter(|(file, _)| file.exists()) {
            let text = without_tests(&plain(&read_to_string(&file).unwrap()));
            for name in paths_from_root(&text, depth) {
                let used = if modules.contains(&name) { Some(&name) } else { exported.get(&name) };
                if let Some(used) = used.filter(|used| *used != module) {
                    graph.entry(module.clone()).or_default().insert(used.clone());
                }
            }
        }
    }
    graph
}

/// The files of a module's folder, each with how many modules lie between it and the root; files of tests are left out.
fn add_files(folder: &Path, depth: usize, files: &mut Vec<(PathBuf, usize)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if name == "tests" || name == "testing" {
            continue;
        }
        if path.is_dir() {
            add_files(&path, depth + 1, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push((path, if name == "mod" { depth } else { depth + 1 }));
        }
    }
}

/// The modules that a root declares.
fn declared(root: &str) -> BTreeSet<String> {
    let words: Vec<&str> = words(root);
    let modules = words.windows(3).filter(|words| words[0] == "mod" && matches!(words[2], ";" | "{"));
    modules.map(|words| words[1].to_owned()).collect()
}

/// The module behind each name that a root re-exports.
fn exported(root: &str, modules: &BTreeSet<String>, source: &Path) -> BTreeMap<String, String> {
    let mut exported = BTreeMap::new();
    for statement in
        root.split("pub use ").skip(1).filter_map(|rest| rest.split_once(';')).map(|(use_, _)| use_)
    {
        let words = words(statement);
        let at = usize::from(words.first() == Some(&"crate")) * 3;
        let Some(module) = words.get(at).filter(|module| modules.contains(**module)) else { continue };
        for (index, word) in words.iter().enumerate().skip(at + 1) {
            if *word == "*" {
                let text = read_to_string(source.join(format!("{module}.rs"))).unwrap();
                exported.extend(public_names(&text).into_iter().map(|name| (name, (*module).to_owned())));
            } else if words.get(index + 1) != Some(&":") {
                exported.insert((*word).to_owned(), (*module).to_owned());
            }
        }
    }
    exported
}

/// What a module declares as public, at its own level.
fn public_names(text: &str) -> Vec<String> {
    let items = text.lines().filter_map(|line| line.strip_prefix("pub "));
    items.filter_map(|item| words(item).get(1).map(|name| (*name).to_owned())).collect()
}

/// First names of paths from the crate's root, in a file so many modules below it.
fn paths_from_root(text: &str, depth: usize) -> BTreeSet<String> {
    let words = words(text);
    let mut names = BTreeSet::new();
    let mut at = 0;
    while at < words.len() {
        let supers = words[at..].chunks(3).take_while(|chunk| *chunk == ["super", ":", ":"]).count();
        let path = match (words[at], supers) {
            ("crate", _) if words.get(at + 1) == Some(&":") => Some(at + 3),
            (_, supers) if supers >= depth => Some(at + 3 * depth),
            _ => None,
        };
        at = path.unwrap_or(at + 1 + supers * 3);
        if path.is_none() {
            continue;
        }
        match words.get(at) {
            Some(&"{") => names.extend(first_of_each(&words[at + 1..])),
            Some(name) => _ = names.insert((*name).to_owned()),
            None => {}
        }
    }
    names.remove("self");
    names
}

/// The first names of `a::{b, c}, d}`.
fn first_of_each(words: &[&str]) -> BTreeSet<String> {
    let (mut depth, mut is_first, mut names) = (1, true, BTreeSet::new());
    for word in words {
        match *word {
            "{" => depth += 1,
            "}" => depth -= 1,
            "," => is_first = depth == 1,
            name if is_first => {
                names.insert(name.to_owned());
                is_first = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// Identifiers and single other characters.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_part = |c: char| c.is_alphanumeric() || c == '_';
        let end = match is_part(first) {
            true => rest.find(|c| !is_part(c)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        words.push(&rest[..end]);
        rest = rest[end..].trim_start();
    }
    words
}

/// Code without comments and without what is in quotes.
fn plain(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(c) = rest.chars().next() {
        let raw = rest.strip_prefix('r').map(|rest| rest.len() - rest.trim_start_matches('#').len());
        let length = match raw {
            _ if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            _ if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
            // A raw text; an `r` within a word is none, and no word ends before a quote.
            Some(hashes) if rest[1 + hashes..].starts_with('"') => {
                let end = format!("\"{}", "#".repeat(hashes));
                rest[2 + hashes..].find(&end).map_or(rest.len(), |at| 2 + hashes + at + end.len())
            }
            _ if c == '"' => text_length(rest),
            // A character, and no lifetime.
            _ if rest.starts_with("'\\") => rest[3..].find('\'').map_or(rest.len(), |at| at + 4),
            _ if c == '\'' && rest.chars().nth(2) == Some('\'') => {
                rest.chars().take(3).map(char::len_utf8).sum()
            }
            _ => {
                out.push(c);
                rest = &rest[c.len_utf8()..];
                continue;
            }
        };
        out.push(' ');
        rest = &rest[length..];
    }
    out
}

/// The length of a text with its quotes.
fn text_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// Code without the items under `#[cfg(test)]`.
fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::new();
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        out.push_str(&rest[..at]);
        rest = &rest[at + MARK.len()..];
        let mut depth = 0;
        let end = rest.char_indices().find(|(_, c)| {
            depth += match c {
                '{' => 1,
                '}' => -1,
                _ => 0,
            };
            depth == 0 && matches!(c, ';' | '}')
        });
        rest = end.map_or("", |(at, c)| &rest[at + c.len_utf8()..]);
    }
    out + rest
}

/// Modules that reach each other, of each circle.
fn circles(graph: &Graph) -> BTreeSet<BTreeSet<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        graph.keys().map(|module| (module, reached_from(graph, module))).collect();
    let circle = |module: &String| -> BTreeSet<String> {
        let others = reached[module]
            .iter()
            .filter(|other| reached.get(**other).is_some_and(|back| back.contains(module)));
        others.map(|other| (*other).clone()).collect()
    };
    graph.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

fn reached_from<'g>(graph: &'g Graph, module: &String) -> BTreeSet<&'g String> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&String> = graph.get(module).into_iter().flatten().collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(graph.get(next).into_iter().flatten());
        }
    }
    reached
}
