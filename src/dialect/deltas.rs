//! x
use super::{Delta, Dialect};
/// x
pub struct Reader;
impl Reader {
    /// x
    pub fn new(_: &Dialect, _: Vec<String>) -> Self {
        Self
    }
    /// x
    pub fn read(&mut self, _: &[u8], _: &[u8], _: &mut dyn FnMut(Delta<'_>)) {}
    /// x
    pub fn finish(&mut self, _: &mut dyn FnMut(Delta<'_>)) {}
}
