//! A JSON value that is put together from pieces of a document.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::json::document::Value;
use crate::json::{array, object};

/// A value: a piece of the document as it stands there, or a new list or object.
#[derive(Debug)]
pub enum Tree<'d> {
    /// JSON.
    Json(Cow<'d, str>),
    /// A list of values.
    List(Vec<Self>),
    /// An object.
    Object(Members<'d>),
}

/// The members of an object in the order in which they came.
#[derive(Debug, Default)]
pub struct Members<'d> {
    members: Vec<(String, Tree<'d>)>,
    /// Where each of them is. A schema may have as many properties as a request has room for.
    places: BTreeMap<String, u64>,
}

impl<'d> Tree<'d> {
    /// A value as it stands in the document.
    pub fn of(value: Value<'d>) -> Self {
        Self::Json(value.raw().into())
    }

    /// Writes the value.
    pub fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Json(json) => out.extend_from_slice(json.as_bytes()),
            Self::List(list) => array(out, |array| {
                list.iter().for_each(|element| element.write(array.element()));
            }),
            Self::Object(members) => members.write(out),
        }
    }
}

impl<'d> Members<'d> {
    /// Any object at all, as a schema.
    #[inline(never)]
    pub fn any_object() -> Self {
        let mut members = Self::default();
        members.put_json("type", r#""object""#);
        members
    }

    /// The member of this name.
    #[inline(never)]
    pub fn get(&self, name: &str) -> Option<&Tree<'d>> {
        let place = usize::try_from(*self.places.get(name)?).ok()?;
        self.members.get(place).map(|(_, tree)| tree)
    }

    /// The same, to be changed.
    #[inline(never)]
    pub fn member(&mut self, name: &str) -> Option<&mut Tree<'d>> {
        let place = usize::try_from(*self.places.get(name)?).ok()?;
        self.members.get_mut(place).map(|(_, tree)| tree)
    }

    /// Whether there is a member of this name.
    pub fn has(&self, name: &str) -> bool {
        self.places.contains_key(name)
    }

    /// Sets a member.
    #[inline(never)]
    pub fn put(&mut self, name: &str, tree: Tree<'d>) {
        match self.member(name) {
            Some(old) => *old = tree,
            None => {
                self.places.insert(name.to_owned(), self.members.len() as u64);
                self.members.push((name.to_owned(), tree));
            }
        }
    }

    /// Sets a member to JSON.
    pub fn put_json(&mut self, name: &str, json: impl Into<Cow<'d, str>>) {
        self.put(name, Tree::Json(json.into()));
    }

    /// Sets a member that is not there yet.
    #[inline(never)]
    pub fn put_new(&mut self, name: &str, tree: Tree<'d>) {
        if !self.has(name) {
            self.put(name, tree);
        }
    }

    /// Writes the object.
    pub fn write(&self, out: &mut Vec<u8>) {
        object(out, |object| {
            self.members.iter().for_each(|(name, tree)| tree.write(object.named_member(name)));
        });
    }
}

impl<'d> IntoIterator for Members<'d> {
    type Item = (String, Tree<'d>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.members.into_iter()
    }
}
