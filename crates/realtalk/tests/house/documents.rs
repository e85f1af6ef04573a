//! [`check`]: the documents name files, and tests, that are there.

use std::{fs, io, path::Path};

/// What speaks of files.
const DOCUMENTS: &[&str] = &[
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "LEARNINGS.md",
    "README.md",
    "SECURITY.md",
    "web-tests/README.md",
];

/// What names tests: each promise with what shows it.
const PROMISES: &str = "SECURITY.md";

/// What belongs to a checkout but not to the project.
const NOT_OURS: &[&str] = &["target", "node_modules", ".git", "data"];

/// How a name ends that is one of a file or a folder.
const ENDINGS: &[&str] = &[".rs", ".js", ".sh", ".py", ".sql", "/"];

/// Each name in backticks that is a file's or a folder's, and that nothing here ends with.
pub(crate) fn check(root: &Path) -> io::Result<Vec<String>> {
    let mut here = Vec::new();
    collect(root, "", &mut here)?;
    let mut wrong = Vec::new();
    for document in DOCUMENTS {
        let text = fs::read_to_string(root.join(document))?;
        for (number, line) in text.lines().enumerate() {
            let missing = named(line).filter(|name| !is_here(&here, name));
            wrong.extend(
                missing.map(|name| format!("{document}:{}: there is no {name}", number + 1)),
            );
        }
    }
    Ok(wrong)
}

/// Each test that [`PROMISES`] name and that no source here has, as a function or as a file of them.
pub(crate) fn check_tests(root: &Path) -> io::Result<Vec<String>> {
    let mut here = Vec::new();
    collect(root, "", &mut here)?;
    let sources = here.iter().filter(|path| path.ends_with(".rs"));
    let sources: Vec<_> =
        sources.map(|path| fs::read_to_string(root.join(path))).collect::<Result<_, _>>()?;
    let is_there = |name: &str| {
        let function = format!("fn {name}(");
        is_here(&here, &format!("{name}.rs")) || sources.iter().any(|it| it.contains(&function))
    };
    let text = fs::read_to_string(root.join(PROMISES))?;
    let lines = text.lines().enumerate();
    let named = lines.flat_map(|(number, line)| tests(line).map(move |test| (number + 1, test)));
    let missing = named.filter(|(_, (_, name))| !is_there(name));
    Ok(missing
        .map(|(line, (path, _))| format!("{PROMISES}:{line}: there is no test {path}"))
        .collect())
}

/// The tests that a line names, with their modules and without.
fn tests(line: &str) -> impl Iterator<Item = (&str, &str)> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter_map(|path| path.rsplit_once("::").map(|(_, name)| (path, name)))
}

/// The files and folders that a line names.
fn named(line: &str) -> impl Iterator<Item = &str> {
    let quoted = line.split('`').skip(1).step_by(2);
    quoted.filter(|name| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./".contains(&byte);
        ENDINGS.iter().any(|ending| name.ends_with(ending))
            && !name.starts_with(['/', '.'])
            && name.bytes().all(plain)
    })
}

fn is_here(here: &[String], name: &str) -> bool {
    here.iter().any(|path| {
        path.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with('/'))
    })
}

fn collect(root: &Path, folder: &str, here: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}{name}");
        if !entry.file_type()?.is_dir() {
            here.push(path);
        } else if !NOT_OURS.contains(&name.as_str()) {
            let folder = format!("{path}/");
            here.push(folder.clone());
            collect(root, &folder, here)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_and_of_tests_are_told_from_other_words() {
        let line = "`a.rs` holds `A`; see `b/`, `/docs/`, `x = y/`, `*/c.rs` and `d/e.js`";
        assert_eq!(named(line).collect::<Vec<_>>(), ["a.rs", "b/", "d/e.js"]);
        let line = "`a::tests::b` and `c::d` show it, `e` and a::b do not";
        assert_eq!(tests(line).collect::<Vec<_>>(), [("a::tests::b", "b"), ("c::d", "d")]);
        let here = ["src/a.rs".to_owned(), "src/bb/".to_owned()];
        assert!(is_here(&here, "a.rs") && is_here(&here, "src/a.rs"));
        assert!(!is_here(&here, "b/") && !is_here(&here, "other/a.rs"));
    }
}
