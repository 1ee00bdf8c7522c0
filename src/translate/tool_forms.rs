//! What functions say of themselves: schemas and descriptions in the form upstreams take.

use std::borrow::Cow;

use crate::dialect::{Dialect, schema};
use crate::json::document::Value;
use crate::json::{self, JsonText};
use crate::responses::tool::Custom;

/// The schema of a function's arguments: always an object with properties.
pub(super) fn parameters<'d>(schema: Option<Value<'d>>, dialect: &Dialect) -> Cow<'d, str> {
    let empty = if dialect.parameters_required { ONE_PARAMETER } else { NO_PARAMETERS };
    let Some(schema) = schema else { return Cow::Borrowed(empty) };
    let properties = schema.get("properties");
    let has_properties = properties.is_some_and(|properties| properties.members().next().is_some());
    let whole = if dialect.parameters_required && !has_properties {
        Cow::Borrowed(ONE_PARAMETER)
    } else {
        let missing = [
            ("type", "\"object\"", schema.get("type").is_none()),
            ("properties", "{}", properties.is_none()),
        ];
        completed(schema, &missing)
    };
    match whole {
        Cow::Borrowed(schema) => schema::adapt(schema, dialect.schema),
        Cow::Owned(whole) => Cow::Owned(schema::adapt(&whole, dialect.schema).into_owned()),
    }
}

/// What a custom tool does and how its input is written, for a function with one parameter.
pub(super) fn custom_description<'d>(custom: &Custom<'d>) -> JsonText<'d> {
    let mut description = custom.description.clone().unwrap_or_default().into_owned();
    if !description.is_empty() {
        description.push_decoded("\n\n");
    }
    description.push_decoded(CUSTOM_NOTE);
    if let Some((syntax, definition)) = &custom.grammar {
        description.push_decoded(" It must match this grammar, written in ");
        description.push(syntax);
        description.push_decoded(":\n");
        description.push(definition);
    }
    description
}

/// A description with that of the namespace behind it.
pub(super) fn with_namespace<'d>(
    description: Option<JsonText<'d>>,
    about: &JsonText<'d>,
) -> JsonText<'d> {
    let mut whole = description.unwrap_or_default().into_owned();
    if !whole.is_empty() {
        whole.push_decoded("\n\n");
    }
    whole.push_decoded("About all tools of this namespace: ");
    whole.push(about);
    whole
}

/// A schema with the members that it lacks in front.
fn completed<'d>(schema: Value<'d>, missing: &[(&'static str, &str, bool)]) -> Cow<'d, str> {
    if missing.iter().all(|(_, _, lacks)| !lacks) {
        return Cow::Borrowed(schema.raw());
    }
    let mut whole = Vec::with_capacity(schema.raw().len() + 40);
    json::object(&mut whole, |o| {
        for (name, value, lacks) in missing {
            if *lacks {
                o.raw(name, value);
            }
        }
        let inside = schema.raw().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        o.members(inside.unwrap_or_default().trim().as_bytes());
    });
    Cow::Owned(String::from_utf8(whole).unwrap_or_default())
}

/// Some upstreams refuse a function whose schema has no `properties`.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

/// For upstreams that refuse functions without parameters.
const ONE_PARAMETER: &str = r#"{"type":"object","properties":{"unused":{"type":"string","description":"Leave this out."}}}"#;

const CUSTOM_NOTE: &str =
    "Pass the whole text, unchanged and not encoded in any way, as the string `input`.";

pub(super) const CUSTOM_PARAMETERS: &str = r#"{"type":"object","properties":{"input":{"type":"string","description":"The whole text."}},"required":["input"],"additionalProperties":false}"#;

pub(super) const TOOL_SEARCH_PARAMETERS: &str = r#"{"type":"object","properties":{"query":{"type":"string","description":"What the tool should be able to do."}},"required":["query"]}"#;

/// A tool whose function the API itself defines.
#[derive(Clone, Copy)]
pub(super) struct BuiltIn {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) parameters: &'static str,
}

/// `action` of a `local_shell_call`, without its `type`.
pub(super) const LOCAL_SHELL: BuiltIn = BuiltIn {
    name: "local_shell",
    description: "Runs a command on the user's machine and returns what it prints.",
    parameters: r#"{"type":"object","properties":{"command":{"type":"array","items":{"type":"string"},"description":"The program and its arguments."},"working_directory":{"type":"string"},"timeout_ms":{"type":"integer"},"env":{"type":"object","additionalProperties":{"type":"string"}},"user":{"type":"string"}},"required":["command"]}"#,
};

/// `action` of a `shell_call`.
pub(super) const SHELL: BuiltIn = BuiltIn {
    name: "shell",
    description: "Runs shell commands on the user's machine and returns what each prints and its exit code.",
    parameters: r#"{"type":"object","properties":{"commands":{"type":"array","items":{"type":"string"},"description":"The command lines."},"timeout_ms":{"type":"integer"},"max_output_length":{"type":"integer"}},"required":["commands"]}"#,
};

/// `operation` of an `apply_patch_call`.
pub(super) const APPLY_PATCH: BuiltIn = BuiltIn {
    name: "apply_patch",
    description: "Creates, changes or deletes one file. The diff is in the V4A format: for a new file every line \
                  begins with `+`; for a change each hunk begins with `@@`, followed by lines that begin with a \
                  space (context), `-` (removed) or `+` (added).",
    parameters: r#"{"type":"object","properties":{"type":{"type":"string","enum":["create_file","update_file","delete_file"]},"path":{"type":"string"},"diff":{"type":"string","description":"Not for delete_file."}},"required":["type","path"]}"#,
};
