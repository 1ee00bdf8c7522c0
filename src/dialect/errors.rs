//! x
use crate::error::{ApiError, Class};
/// x
pub fn classify(_: u16, _: &[(String, String)], _: &[u8], _: u64) -> ApiError {
    ApiError::new(Class::Server, "")
}
