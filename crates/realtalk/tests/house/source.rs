//! [`imports`]: what a file uses of its own crate, in `use` and in line.

use proc_macro2::{Delimiter, LexError, TokenStream, TokenTree};

/// A path that begins with `crate` or `super`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// From the root of the crate.
    pub(crate) path: Vec<String>,
    /// In which line it stands.
    pub(crate) line: usize,
}

/// Every path of a file that begins with `crate` or `super`, each branch of a `use` by itself.
///
/// Tokens are read, not syntax: what stands in a macro's brackets counts, too. Whom something is
/// visible to (`pub(in crate::a)`) does not.
pub(crate) fn imports(module: &[String], text: &str) -> Result<Vec<Import>, LexError> {
    let mut found = Vec::new();
    scan(module, &text.parse::<TokenStream>()?, &mut found);
    Ok(found)
}

fn scan(module: &[String], tokens: &TokenStream, found: &mut Vec<Import>) {
    let tokens: Vec<_> = tokens.clone().into_iter().collect();
    let mut at = 0;
    while at < tokens.len() {
        if let Some(TokenTree::Group(group)) = tokens.get(at) {
            if !is_visibility(tokens.get(..at).unwrap_or_default(), group.stream()) {
                let inner = inline_module(module, &tokens[..at]);
                scan(inner.as_deref().unwrap_or(module), &group.stream(), found);
            }
            at += 1;
        } else if let Some(start) = beginning(module, &tokens, &mut at) {
            follow(&start, &tokens, &mut at, found);
        } else {
            at += 1;
        }
    }
}

/// Where `crate::` or `super::` leads, if that stands here; `at` is moved behind it.
fn beginning(module: &[String], tokens: &[TokenTree], at: &mut usize) -> Option<Vec<String>> {
    let mut start = match ident(tokens.get(*at))?.as_str() {
        "crate" => Vec::new(),
        "super" => parent(module),
        _ => return None,
    };
    // `crate` alone is a visibility.
    if !is_path_sep(tokens, *at + 1) {
        return None;
    }
    *at += 3;
    while ident(tokens.get(*at)).is_some_and(|name| name == "super") && is_path_sep(tokens, *at + 1)
    {
        start = parent(&start);
        *at += 3;
    }
    Some(start)
}

/// Reads on to the end of a path, or of each of its branches.
fn follow(start: &[String], tokens: &[TokenTree], at: &mut usize, found: &mut Vec<Import>) {
    let mut path = start.to_vec();
    let mut line = tokens[*at - 1].span().start().line;
    loop {
        match tokens.get(*at) {
            Some(TokenTree::Ident(name)) => {
                line = name.span().start().line;
                match name.to_string().as_str() {
                    "self" => {}
                    "super" => path = parent(&path),
                    name => path.push(name.to_owned()),
                }
                *at += 1;
                if is_path_sep(tokens, *at) {
                    *at += 2;
                } else {
                    return found.push(Import { path, line });
                }
            }
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let branches: Vec<_> = group.stream().into_iter().collect();
                for branch in branches.split(|token| is_punct(Some(token), ',')) {
                    if !branch.is_empty() {
                        // Names stand at the front of a branch, as behind a path.
                        let mut tokens = vec![tokens[*at - 1].clone()];
                        tokens.extend_from_slice(branch);
                        follow(&path, &tokens, &mut 1, found);
                    }
                }
                *at += 1;
                return;
            }
            // `*`, or the generics of an expression.
            _ => return found.push(Import { path, line }),
        }
    }
}

/// The module that these tokens open, if `mod name` stands at their end.
fn inline_module(module: &[String], before: &[TokenTree]) -> Option<Vec<String>> {
    let [.., keyword, name] = before else {
        return None;
    };
    (ident(Some(keyword))? == "mod").then(|| {
        let mut inner = module.to_vec();
        inner.extend(ident(Some(name)));
        inner
    })
}

fn is_visibility(before: &[TokenTree], inside: TokenStream) -> bool {
    ident(before.last()).is_some_and(|name| name == "pub")
        && ident(inside.into_iter().next().as_ref())
            .is_some_and(|name| ["in", "crate", "super", "self"].contains(&name.as_str()))
}

fn parent(module: &[String]) -> Vec<String> {
    module[..module.len().saturating_sub(1)].to_vec()
}

fn ident(token: Option<&TokenTree>) -> Option<String> {
    match token {
        Some(TokenTree::Ident(name)) => Some(name.to_string()),
        _ => None,
    }
}

fn is_punct(token: Option<&TokenTree>, wanted: char) -> bool {
    matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == wanted)
}

fn is_path_sep(tokens: &[TokenTree], at: usize) -> bool {
    is_punct(tokens.get(at), ':') && is_punct(tokens.get(at + 1), ':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_found_in_use_and_in_line_and_in_macros() {
        let text = "use std::fmt;\n\
                    use crate::{\n    a::{self, b::C, D as E},\n    f,\n};\n\
                    pub(in crate::x) fn g() -> crate::h::I {\n    println!(\"{}\", super::j::K);\n}\n\
                    use super::{super::o, p};\n\
                    mod tests {\n    use super::*;\n    use super::super::l;\n}\n";
        let module = ["m".to_owned(), "n".to_owned()];
        let found: Vec<_> = imports(&module, text)
            .unwrap()
            .into_iter()
            .map(|import| (import.path.join("::"), import.line))
            .collect();
        let found: Vec<_> = found.iter().map(|(path, line)| (path.as_str(), *line)).collect();
        assert_eq!(
            found,
            [
                ("a", 3),
                ("a::b::C", 3),
                ("a::D", 3),
                ("f", 4),
                ("h::I", 6),
                ("m::j::K", 7),
                ("o", 9),
                ("m::p", 9),
                ("m::n", 11),
                ("m::l", 12),
            ]
        );
    }
}
