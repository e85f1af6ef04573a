//! [`Tree`]: the files of a house, as modules.

use std::{collections::BTreeMap, fs, io, path::Path};

use crate::source::{self, Import};

/// A file of a house.
pub(crate) struct File {
    /// Where it is, from the root of the project.
    pub(crate) path: String,
    /// What it uses of its own crate.
    pub(crate) imports: Vec<Import>,
}

/// The files of a house by the path of their module; the crate's root has an empty one.
pub(crate) struct Tree(BTreeMap<Vec<String>, Vec<File>>);

impl Tree {
    /// Reads the files below a folder.
    pub(crate) fn read(root: &Path, folder: &str) -> io::Result<Self> {
        let mut sources = Vec::new();
        collect(root, folder, &mut sources)?;
        let sources = sources.iter().map(|(path, text)| (path.as_str(), text.as_str()));
        Ok(Self::of(folder, sources))
    }

    /// The files with these paths and texts.
    pub(crate) fn of<'a>(
        folder: &str,
        sources: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let mut files = BTreeMap::<_, Vec<_>>::new();
        for (path, text) in sources {
            let module = module(folder, path);
            let imports = source::imports(&module, text)
                .unwrap_or_else(|error| panic!("{path} cannot be read: {error}"));
            files.entry(module).or_default().push(File { path: path.to_owned(), imports });
        }
        Self(files)
    }

    /// Each file, with its module.
    pub(crate) fn files(&self) -> impl Iterator<Item = (&[String], &File)> {
        self.0.iter().flat_map(|(module, files)| files.iter().map(|file| (module.as_slice(), file)))
    }

    /// The module in whose file a path ends: an item belongs to the file of its module.
    pub(crate) fn module_of(&self, path: &[String]) -> &[String] {
        let known = (0..=path.len()).rev().find_map(|end| self.0.get_key_value(&path[..end]));
        known.map_or(&[], |(module, _)| module.as_slice())
    }
}

fn collect(root: &Path, folder: &str, sources: &mut Vec<(String, String)>) -> io::Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(root, &path, sources)?;
        } else if path.ends_with(".rs") {
            let text = fs::read_to_string(entry.path())?;
            sources.push((path, text));
        }
    }
    Ok(())
}

/// The module that a file is: `mod.rs`, `lib.rs` and `main.rs` are that of their folder.
fn module(folder: &str, path: &str) -> Vec<String> {
    let path = path.trim_start_matches(folder).trim_start_matches('/').trim_end_matches(".rs");
    let mut module: Vec<_> = path.split('/').map(str::to_owned).collect();
    if matches!(module.last().map(String::as_str), Some("mod" | "lib" | "main")) {
        module.pop();
    }
    module
}
