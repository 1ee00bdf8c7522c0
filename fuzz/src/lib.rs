//! What must hold for any bytes: one property per kind of input that comes from outside.
//!
//! Each function takes bytes and panics when its property does not hold. The fuzz targets call them
//! with what libFuzzer invents, `tests/fuzz_corpus.rs` with what it has invented before, so this file
//! knows neither. The oracles are those of the tests: they share no types with the filter.
//!
//! | property | bytes are |
//! |---|---|
//! | [`framing::holds`] | cuts, then a body in any framing |
//! | [`stream::holds`] | settings, then a body as it comes from an upstream |
//! | [`deltas::holds`] | a script of well-formed chunks in any order |
//! | [`request::holds`] | settings, then a body as it comes from a client |
//! | [`configuration::holds`] | the plugin configuration |
//! | [`failure::holds`] | a status, then the body of an error |
//! | [`envelope::holds`] | an `encrypted_content` |

#[path = "../../tests/support/mod.rs"]
pub mod support;

pub mod configuration;
pub mod deltas;
pub mod envelope;
pub mod failure;
pub mod framing;
pub mod request;
pub mod settings;
pub mod stream;

/// A property by the name of its target.
pub type Property = fn(&[u8]);

/// All of them, named as the files in `fuzz_targets` and the folders in `corpus`.
pub const PROPERTIES: [(&str, Property); 7] = [
    ("configuration", configuration::holds),
    ("deltas", deltas::holds),
    ("envelope", envelope::holds),
    ("failure", failure::holds),
    ("framing", framing::holds),
    ("request", request::holds),
    ("stream", stream::holds),
];
