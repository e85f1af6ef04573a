//! [`check`]: what is wrong with a house.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use crate::{
    plan::{House, Room},
    tree::{File, Tree},
};

/// Something that is wrong, and where.
#[derive(Debug)]
pub(crate) struct Wrong {
    path: String,
    line: usize,
    rule: String,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.rule)
    }
}

/// An import: from where to where, and the file and line in which it stands.
struct Arrow<T> {
    from: T,
    to: T,
    path: String,
    line: usize,
}

/// All that is wrong.
pub(crate) fn check(house: &House, tree: &Tree) -> Vec<Wrong> {
    let (mut wrong, mut rooms, mut files) = (Vec::new(), Vec::new(), Vec::new());
    for (module, file) in tree.files() {
        let Some(from) = house.room_of(module, file) else {
            let rule = format!(
                "is in no room of {}: put it into one, or add one to the table of rooms",
                house.folder
            );
            wrong.push(Wrong { path: file.path.clone(), line: 1, rule });
            continue;
        };
        for import in &file.imports {
            let target = tree.module_of(&import.path);
            let (path, line) = (file.path.clone(), import.line);
            // What lies in the crate's root stands at the top.
            let to = house.floor(target.first().map_or("lib", String::as_str));
            // A file that is in no room is named above, once.
            let Some(to) = to else { continue };
            if to < from {
                let (from, to) = (house.rooms[from].name(), house.rooms[to].name());
                let rule = format!(
                    "imports upward: {from} may use what stands below it, and {to} stands above"
                );
                wrong.push(Wrong { path: path.clone(), line, rule });
            }
            if to != from {
                rooms.push(Arrow { from, to, path, line });
            } else if target != module {
                files.push(Arrow { from: module.to_vec(), to: target.to_vec(), path, line });
            }
        }
    }
    let name = |room: &usize| house.rooms[*room].name();
    // Whatever goes in a circle goes up somewhere.
    wrong.extend(circles(&rooms, |arrow| arrow.to < arrow.from, "rooms", name));
    wrong.extend(circles(&files, |_| true, "files", |module| module.join("::")));
    wrong
}

impl House {
    fn floor(&self, module: &str) -> Option<usize> {
        self.rooms.iter().position(|room| room.modules.contains(&module))
    }

    fn room_of(&self, module: &[String], file: &File) -> Option<usize> {
        let root = if file.path.ends_with("/main.rs") { "main" } else { "lib" };
        self.floor(module.first().map_or(root, String::as_str))
    }
}

impl Room {
    /// What a reader calls it.
    pub(crate) fn name(&self) -> String {
        self.modules.join(", ")
    }
}

/// The circles that begin with such an arrow, each once, with where every arrow of it stands.
fn circles<T: Ord + Clone>(
    arrows: &[Arrow<T>],
    begins: impl Fn(&Arrow<T>) -> bool,
    of: &str,
    name: impl Fn(&T) -> String,
) -> Vec<Wrong> {
    let mut next = BTreeMap::<_, BTreeSet<_>>::new();
    for arrow in arrows {
        next.entry(arrow.from.clone()).or_default().insert(arrow.to.clone());
    }
    let (mut known, mut wrong) = (BTreeSet::new(), Vec::new());
    for arrow in arrows.iter().filter(|arrow| begins(arrow)) {
        let Some(back) = way(&next, &arrow.to, &arrow.from) else {
            continue;
        };
        if !known.insert(back.iter().cloned().collect::<BTreeSet<_>>()) {
            continue;
        }
        let mut rule =
            format!("{of} import each other: {} -> {}", name(&arrow.from), name(&arrow.to));
        for leg in back.windows(2) {
            let stands = arrows.iter().find(|it| it.from == leg[0] && it.to == leg[1]);
            let stands = stands.map(|it| format!("{}:{}", it.path, it.line)).unwrap_or_default();
            rule.push_str(&format!(" -> {} ({stands})", name(&leg[1])));
        }
        wrong.push(Wrong { path: arrow.path.clone(), line: arrow.line, rule });
    }
    wrong
}

/// A shortest way from one to the other, both included.
fn way<T: Ord + Clone>(next: &BTreeMap<T, BTreeSet<T>>, from: &T, to: &T) -> Option<Vec<T>> {
    let mut ways = vec![vec![from.clone()]];
    let mut seen = BTreeSet::from([from.clone()]);
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let last = way.last()?;
            if last == to {
                return Some(way);
            }
            for step in next.get(last).into_iter().flatten() {
                if seen.insert(step.clone()) {
                    let mut way = way.clone();
                    way.push(step.clone());
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Room;

    const HOUSE: House = House {
        folder: "src",
        rooms: &[
            Room { modules: &["main", "lib"], what: "" },
            Room { modules: &["routes"], what: "" },
            Room { modules: &["store"], what: "" },
            Room { modules: &["chat"], what: "" },
        ],
    };

    fn wrong<const N: usize>(sources: [(&str, &str); N]) -> Vec<String> {
        let sound = [
            ("src/lib.rs", "mod routes; mod store; mod chat; use routes::messages;"),
            ("src/main.rs", "fn main() {}"),
            ("src/routes/mod.rs", "mod messages;"),
            ("src/routes/messages.rs", "use crate::{chat::Post, store};"),
            ("src/store/mod.rs", "mod plan; use crate::chat::Post;"),
            ("src/chat.rs", "pub struct Post;"),
        ];
        let planted = sources.iter().map(|(path, _)| *path).collect::<BTreeSet<_>>();
        let sound = sound.into_iter().filter(|(path, _)| !planted.contains(path));
        let tree = Tree::of("src", sound.chain(sources));
        check(&HOUSE, &tree).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_sound_house_is_not_complained_about() {
        assert_eq!(wrong([]), Vec::<String>::new());
    }

    #[test]
    fn an_import_upward_is_named_with_its_file_and_line() {
        let planted = "use crate::chat::Post;\n\nfn f() {\n    crate::routes::messages::g();\n}\n";
        let found = wrong([("src/store/plan.rs", planted)]);
        assert!(
            found[0].starts_with("src/store/plan.rs:4: imports upward: store may use what stands")
                && found[0].contains("routes stands above"),
            "{found:#?}"
        );
    }

    #[test]
    fn what_the_crates_root_hands_out_stands_at_the_top() {
        let found = wrong([("src/store/plan.rs", "use crate::Config;")]);
        assert!(found[0].contains("main, lib stands above"), "{found:#?}");
    }

    #[test]
    fn a_circle_between_rooms_is_named_with_every_arrow_of_it() {
        let found = wrong([("src/chat.rs", "use crate::store::Store;\npub struct Post;")]);
        assert_eq!(
            found,
            [
                "src/chat.rs:1: imports upward: chat may use what stands below it, and store stands \
                 above",
                "src/chat.rs:1: rooms import each other: chat -> store -> chat \
                 (src/store/mod.rs:1)",
            ]
        );
    }

    #[test]
    fn a_circle_between_files_of_a_room_is_named() {
        let found = wrong([
            ("src/store/plan.rs", "use super::rows::Row;"),
            ("src/store/rows.rs", "\nuse super::plan::Plan;"),
        ]);
        assert_eq!(
            found,
            ["src/store/plan.rs:1: files import each other: store::plan -> store::rows -> \
              store::plan (src/store/rows.rs:2)"]
        );
    }

    #[test]
    fn a_file_in_no_room_is_named() {
        let found = wrong([("src/utils.rs", "")]);
        assert!(found[0].starts_with("src/utils.rs:1: is in no room of src"), "{found:#?}");
    }
}
