//! Records with many fields.

use super::fields::{Field, Fields, Read, Word};

/// Takes fields one after another and keeps the first thing that is wrong with any of them, so that a record
/// with many fields is left in one place and not behind each of them.
#[derive(Debug, Default)]
pub struct Reading<'d> {
    /// The fields that have not been taken yet.
    pub fields: Fields<'d>,
    fault: Option<String>,
}

impl<'d> Reading<'d> {
    /// Before the first field.
    pub fn of(fields: Fields<'d>) -> Self {
        Self { fields, fault: None }
    }

    /// What was read of a field; none when there was something wrong.
    pub fn kept<T>(&mut self, read: Read<T>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(fault) => {
                self.fault.get_or_insert(fault);
                None
            }
        }
    }

    /// What `read` makes of a field; none when there is something wrong with it.
    pub fn read<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Field<'d>) -> Read<T>,
    ) -> Option<T> {
        let field = self.fields.take(name);
        self.kept(read(field))
    }

    /// The field, or `default` when it is not there.
    #[inline(never)]
    pub fn flag(&mut self, name: &'static str, default: bool) -> bool {
        self.read(name, Field::bool).flatten().unwrap_or(default)
    }

    /// A string, if it is there and not null.
    #[inline(never)]
    pub fn text(&mut self, name: &'static str) -> Option<String> {
        self.read(name, |field| field.or_null().text()).flatten()
    }

    /// The field, or `default` when it is not there.
    pub fn word<W: Word>(&mut self, name: &'static str, default: W) -> W {
        let place = self.place(name, W::WORDS);
        place.and_then(|place| W::MEANINGS.get(place).copied()).unwrap_or(default)
    }

    #[inline(never)]
    fn place(&mut self, name: &'static str, words: &[&str]) -> Option<usize> {
        self.read(name, |field| field.place(words)).flatten()
    }

    /// The fields of an object; none when it is not there.
    #[inline(never)]
    pub fn object(&mut self, name: &'static str) -> Fields<'d> {
        self.read(name, Field::fields).unwrap_or_default()
    }

    /// What `read` makes of the fields of an object, which has none when it is not there.
    pub fn part<T: Default>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(Fields<'d>) -> Read<T>,
    ) -> T {
        let fields = self.object(name);
        self.kept(read(fields)).unwrap_or_default()
    }

    /// Fails with the first fault, or when a member is left that has not been taken.
    ///
    /// # Errors
    /// See [`Read`].
    #[inline(never)]
    pub fn end(self) -> Read<()> {
        self.fault.map_or_else(|| self.fields.end(), Err)
    }
}
