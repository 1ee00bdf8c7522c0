//! Reading the fields of a request, with errors that say which field is wrong.
//!
//! `null` counts as absent everywhere: clients send it for what they do not set. Unknown members are
//! never an error.

use std::borrow::Cow;
use std::fmt;

use crate::error::{Refused, refused};
use crate::json::JsonText;
use crate::json::directory::Directory;
use crate::json::document::{Kind, Value};

/// Where a value stands in a request, such as `input[3].content[0].type`. Costs nothing until it is
/// written out.
#[derive(Clone, Copy, Debug)]
pub struct Path<'p> {
    around: Option<&'p Path<'p>>,
    step: Step<'p>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'p> {
    Element(usize),
    Member(&'p str),
}

impl<'p> Path<'p> {
    /// A member of the request itself.
    pub const fn of(name: &'p str) -> Self {
        Self { around: None, step: Step::Member(name) }
    }

    /// A member of what stands here.
    pub fn member<'q>(&'q self, name: &'q str) -> Path<'q> {
        Path { around: Some(self), step: Step::Member(name) }
    }

    /// An element of what stands here.
    pub fn element(&self, index: usize) -> Path<'_> {
        Path { around: Some(self), step: Step::Element(index) }
    }

    /// The error of a value here that is not of the right kind.
    pub fn mismatch(&self, takes: &str, found: Value<'_>) -> Refused {
        let message = format!("`{self}` takes {takes}, not {}.", found.kind());
        refused(&self.to_string(), message, "invalid_type")
    }

    /// The error of a value here that is of the right kind but not possible.
    pub fn impossible(&self, takes: &str) -> Refused {
        refused(&self.to_string(), format!("`{self}` takes {takes}."), "invalid_value")
    }

    /// The error of a missing value here.
    pub fn missing(&self) -> Refused {
        let message = format!("Missing required parameter: `{self}`.");
        refused(&self.to_string(), message, "missing_required_parameter")
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(around) = self.around {
            around.fmt(f)?;
        }
        match self.step {
            Step::Element(index) => write!(f, "[{index}]"),
            Step::Member(name) if self.around.is_some() => write!(f, ".{name}"),
            Step::Member(name) => f.write_str(name),
        }
    }
}

/// An object of a request and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Fields<'d, 'p> {
    value: Value<'d>,
    path: Option<&'p Path<'p>>,
    /// Of an object that is asked for many members.
    directory: Option<&'p Directory<'d>>,
}

impl<'d, 'p> Fields<'d, 'p> {
    /// The members of the request, which `directory` lists.
    pub fn root(request: Value<'d>, directory: &'p Directory<'d>) -> Self {
        Self { value: request, path: None, directory: Some(directory) }
    }

    /// The members of an object.
    ///
    /// # Errors
    /// The value is no object.
    pub fn of(value: Value<'d>, path: &'p Path<'p>) -> Result<Self, Refused> {
        match value.kind() {
            Kind::Object => Ok(Self { value, path: Some(path), directory: None }),
            _ => Err(path.mismatch("an object", value)),
        }
    }

    /// The members of what is known to be an object, which `directory` lists.
    pub(super) fn listed(
        object: Value<'d>,
        path: &'p Path<'p>,
        directory: &'p Directory<'d>,
    ) -> Self {
        Self { value: object, path: Some(path), directory: Some(directory) }
    }

    /// The object itself.
    pub fn value(&self) -> Value<'d> {
        self.value
    }

    /// Where a member stands.
    pub fn path<'q>(&self, name: &'q str) -> Path<'q>
    where
        'p: 'q,
    {
        Path { around: self.path.map(|path| path as &'q Path<'q>), step: Step::Member(name) }
    }

    /// A member of any kind.
    pub fn any(&self, name: &str) -> Option<Value<'d>> {
        let found = match self.directory {
            Some(directory) => directory.get(name),
            None => self.value.get(name),
        };
        found.filter(|value| !value.is_null())
    }

    /// A member that must be there.
    ///
    /// # Errors
    /// It is not.
    pub fn required(&self, name: &str) -> Result<Value<'d>, Refused> {
        self.any(name).ok_or_else(|| self.path(name).missing())
    }

    /// A member of this kind.
    ///
    /// # Errors
    /// It is of another kind.
    pub fn of_kind(&self, name: &str, kind: Kind) -> Result<Option<Value<'d>>, Refused> {
        match self.any(name) {
            Some(value) if value.kind() != kind => {
                Err(self.path(name).mismatch(&kind.to_string(), value))
            }
            found => Ok(found),
        }
    }

    /// A string.
    ///
    /// # Errors
    /// It is something else.
    pub fn text(&self, name: &str) -> Result<Option<JsonText<'d>>, Refused> {
        Ok(self.of_kind(name, Kind::String)?.and_then(Value::text))
    }

    /// A string of which every character is looked at, such as the name of a type.
    ///
    /// # Errors
    /// It is something else.
    pub fn word(&self, name: &str) -> Result<Option<Cow<'d, str>>, Refused> {
        Ok(self.of_kind(name, Kind::String)?.and_then(Value::decoded))
    }

    /// Such a string that must be there.
    ///
    /// # Errors
    /// It is not, or it is something else.
    pub fn required_word(&self, name: &str) -> Result<Cow<'d, str>, Refused> {
        self.word(name)?.ok_or_else(|| self.path(name).missing())
    }

    /// A string that must be there.
    ///
    /// # Errors
    /// It is not, or it is something else.
    pub fn required_text(&self, name: &str) -> Result<JsonText<'d>, Refused> {
        self.text(name)?.ok_or_else(|| self.path(name).missing())
    }

    /// A boolean.
    ///
    /// # Errors
    /// It is something else.
    pub fn bool(&self, name: &str) -> Result<Option<bool>, Refused> {
        Ok(self.of_kind(name, Kind::Bool)?.map(|value| value.raw() == "true"))
    }

    /// A whole number that is not negative.
    ///
    /// # Errors
    /// It is something else.
    pub fn count(&self, name: &str) -> Result<Option<u64>, Refused> {
        let Some(value) = self.of_kind(name, Kind::Number)? else { return Ok(None) };
        // `1.0` is an integer to JSON Schema, and some clients write integers like that.
        let digits = value.raw().strip_suffix(".0").unwrap_or(value.raw());
        match digits.parse() {
            Ok(count) => Ok(Some(count)),
            Err(_) => Err(self.path(name).impossible("a whole number that is not negative")),
        }
    }

    /// The elements of an array; none when it is absent.
    ///
    /// # Errors
    /// It is no array.
    pub fn list(&self, name: &str) -> Result<impl Iterator<Item = Value<'d>> + use<'d>, Refused> {
        Ok(self.of_kind(name, Kind::Array)?.into_iter().flat_map(Value::elements))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::document::{Bounds, Document};

    const TEXT: &str = r#"{"a":[{"b":null,"c":1.0,"d":"x","e":-1}],"f":true}"#;

    #[test]
    fn errors_name_the_field() {
        let document = Document::parse(TEXT, Bounds { depth_max: 9, values_max: 99 }).unwrap();
        let directory = Directory::of(document.root());
        let root = Fields::root(document.root(), &directory);
        let a = root.path("a");
        let first = a.element(0);
        let fields = Fields::of(root.list("a").unwrap().next().unwrap(), &first).unwrap();
        assert_eq!(fields.count("c").unwrap(), Some(1));
        assert_eq!(fields.text("b").unwrap(), None);
        assert_eq!(root.bool("f").unwrap(), Some(true));

        let params = |error: Refused| (error.code().to_owned(), error.param.unwrap());
        assert_eq!(
            params(fields.bool("d").unwrap_err()),
            ("invalid_type".to_owned(), "a[0].d".to_owned())
        );
        assert_eq!(
            params(fields.required("b").unwrap_err()),
            ("missing_required_parameter".to_owned(), "a[0].b".to_owned())
        );
        assert_eq!(
            params(fields.count("e").unwrap_err()),
            ("invalid_value".to_owned(), "a[0].e".to_owned())
        );
        assert_eq!(root.text("f").unwrap_err().message, "`f` takes a string, not a boolean.");
    }
}
