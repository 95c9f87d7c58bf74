//! What an operation answers: a tree that both JSON and XML are written from, its fields in the order that they were given.

use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Tree {
    Text(String),
    Integer(i64),
    Boolean(bool),
    List(Vec<Self>),
    Object(Vec<(&'static str, Self)>),
}

impl Tree {
    /// An object without fields: for operations that answer with nothing but that they are done.
    pub(super) fn nothing() -> Self {
        Self::Object(Vec::new())
    }
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Boolean(boolean) => serializer.serialize_bool(*boolean),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

/// `tree` as an XML document whose root is `root`.
///
/// The vendor documents the root and not how lists are written. Here the list's own element is repeated, one an item, which
/// is the form without invented names, and the one that a reader gets a list from whatever it calls the items.
pub(super) fn xml(root: &str, tree: &Tree) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>".to_owned();
    element(root, tree, &mut out);
    out
}

fn element(name: &str, tree: &Tree, out: &mut String) {
    if let Tree::List(items) = tree {
        for item in items {
            element(name, item, out);
        }
        return;
    }
    out.extend(["<", name, ">"]);
    match tree {
        Tree::Text(value) => text(value, out),
        Tree::Integer(number) => out.push_str(&number.to_string()),
        Tree::Boolean(true) => out.push_str("true"),
        Tree::Boolean(false) => out.push_str("false"),
        // A list has returned above; what is in it are elements.
        Tree::List(_) => {}
        Tree::Object(fields) => fields.iter().for_each(|(name, value)| element(name, value, out)),
    }
    out.extend(["</", name, ">"]);
}

/// Appends `value`, with references for what would be markup. What no XML document can hold, even by reference, becomes U+FFFD.
fn text(value: &str, out: &mut String) {
    for character in value.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // A reader would make a line feed of it.
            '\r' => out.push_str("&#13;"),
            '\n' | '\t' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => out.push(character),
            _ => out.push('\u{fffd}'),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::door::json;

    #[test]
    fn one_tree_is_both_documents() {
        let item = |name: &str, number| {
            Tree::Object(vec![("Name", Tree::Text(name.to_owned())), ("Number", Tree::Integer(number))])
        };
        let tree = Tree::Object(vec![
            ("RequestId", Tree::Text("R".to_owned())),
            ("Items", Tree::List(vec![item("a<&>\u{0}\r\n\u{ffff}", -1), item("中", 2)])),
            ("Words", Tree::List(vec![Tree::Text("x".to_owned()), Tree::Text("y".to_owned())])),
            ("None", Tree::List(vec![])),
            ("Done", Tree::Boolean(true)),
            ("Left", Tree::Boolean(false)),
            ("Empty", Tree::nothing()),
        ]);
        insta::assert_snapshot!("tree_json", String::from_utf8(json(&tree)).unwrap());
        insta::assert_snapshot!("tree_xml", xml("TestResponse", &tree));
    }
}
