//! The vocabulary of the Responses API.
