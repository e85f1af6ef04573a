//! The house: which room a file stands in, and what a room may know.
//!
//! The rooms of every crate stand in one table ([`plan`]), from the top down. A file may use what
//! stands in its own room and below it, never above, and files beside each other never use each other
//! in a circle; a folder's `mod.rs` and its files may.
//! ARCHITECTURE.md quotes the table. After a change to it:
//! `REALTALK_WRITE_MAP=1 cargo test -p realtalk --test house`.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends at the first thing that is not as it should be"
)]

mod documents;
mod map;
mod plan;
mod rules;
mod source;
mod tree;

use std::{env, fs};

use rules::check;
use tree::Tree;

/// The folder of the whole project.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

#[test]
fn every_file_has_a_room_and_imports_go_down() {
    let mut wrong = Vec::new();
    for house in plan::HOUSES {
        let tree = Tree::read(ROOT.as_ref(), house.folder).unwrap();
        wrong.extend(check(house, &tree));
    }
    let wrong: Vec<_> = wrong.iter().map(ToString::to_string).collect();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn every_crate_has_a_table() {
    for folder in ["crates", "services"] {
        for entry in fs::read_dir(format!("{ROOT}/{folder}")).unwrap() {
            let source = format!("{folder}/{}/src", entry.unwrap().file_name().to_string_lossy());
            assert!(
                plan::HOUSES.iter().any(|house| house.folder == source),
                "{source} has no table of rooms in {}",
                file!().replace("main.rs", "plan.rs")
            );
        }
    }
}

#[test]
fn the_map_in_the_architecture_is_this_table() {
    let path = format!("{ROOT}/ARCHITECTURE.md");
    let text = fs::read_to_string(&path).unwrap();
    let drawn = map::draw(&text, plan::HOUSES).unwrap();
    if env::var_os("REALTALK_WRITE_MAP").is_some() {
        fs::write(&path, drawn).unwrap();
    } else if let Some(line) = drawn.lines().find(|line| !text.lines().any(|it| it == *line)) {
        panic!(
            "ARCHITECTURE.md does not quote the table of rooms: it lacks\n{line}\nwrite it with \
             REALTALK_WRITE_MAP=1 cargo test -p realtalk --test house"
        );
    } else {
        assert_eq!(drawn, text, "ARCHITECTURE.md has rooms that the table lacks");
    }
}

#[test]
fn the_documents_name_files_that_are_there() {
    let wrong = documents::check(ROOT.as_ref()).unwrap();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

#[test]
fn what_is_said_to_show_a_promise_is_there() {
    let wrong = documents::check_tests(ROOT.as_ref()).unwrap();
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
