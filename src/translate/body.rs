//! The body of a request before anything is decided about it.

use crate::config::Limits;
use crate::error::{ApiError, Class};
use crate::json::document::{Bounds, Document, Fault, Reason};
use crate::json::{self, wide};

use super::request::{self, Context, Translated};

/// A request body as JSON, of which nothing is known yet but the model.
pub struct Body<'b> {
    text: &'b str,
    document: Document<'b>,
    bounds: Bounds,
}

impl<'b> Body<'b> {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// When it is larger or deeper than allowed, or no JSON.
    pub fn read(body: &'b [u8], limits: &Limits) -> Result<Self, ApiError> {
        if body.len() > limits.request_bytes_max {
            let max = limits.request_bytes_max;
            let message =
                format!("The request body is larger than the {max} bytes this proxy takes.");
            return Err(ApiError::new(Class::RequestTooLarge, message));
        }
        let text = wide::text(body).map_err(|offset| {
            let message = format!("The request body is not UTF-8 text at byte {offset}.");
            ApiError::new(Class::InvalidRequest, message).with_code("invalid_json")
        })?;
        let bounds = Bounds { depth_max: limits.depth_max, values_max: limits.json_values_max };
        let document = Document::parse(text, bounds).map_err(|fault| unreadable(&fault, bounds))?;
        Ok(Self { text, document, bounds })
    }

    /// The model as the client named it, if it did.
    pub fn model(&self) -> Option<String> {
        let model = self.document.root().get("model")?.text()?.decode().into_owned();
        (!model.is_empty()).then_some(model)
    }

    /// Whether the model is named twice. Readers differ on which of the names counts, so what is let pass
    /// as it stands may be for another model than the one that was looked at.
    pub fn names_models(&self) -> bool {
        self.document.root().named_members().filter(|(name, _)| name == "model").count() > 1
    }

    /// The same body with another model, for an upstream that speaks the Responses API.
    pub fn with_model(&self, model: &str) -> Vec<u8> {
        let root = self.document.root();
        let start = |part: &str| part.as_ptr() as usize - self.text.as_ptr() as usize;
        // Without a model it becomes the first member.
        let (from, to, name, comma) = match root.get("model") {
            Some(value) => (start(value.raw()), start(value.raw()) + value.raw().len(), "", ""),
            None => {
                let inside = start(root.raw()) + 1;
                let comma = if root.members().next().is_some() { "," } else { "" };
                (inside, inside, r#""model":"#, comma)
            }
        };
        let [before, after] =
            [self.text.get(..from), self.text.get(to..)].map(Option::unwrap_or_default);
        let mut body = Vec::with_capacity(self.text.len() + name.len() + model.len() + 8);
        body.extend_from_slice(before.as_bytes());
        body.extend_from_slice(name.as_bytes());
        json::write_str(&mut body, model);
        body.extend_from_slice(comma.as_bytes());
        body.extend_from_slice(after.as_bytes());
        body
    }

    /// Translates the request.
    ///
    /// # Errors
    /// A failure of the client's request that names the field at fault.
    pub fn translate(&self, context: &Context<'_>) -> Result<Translated, ApiError> {
        request::translate(self.document.root(), self.bounds, context).map_err(|refused| *refused)
    }
}

fn unreadable(fault: &Fault, bounds: Bounds) -> ApiError {
    let offset = fault.offset;
    let (code, message) = match fault.reason {
        Reason::Expected(expected) => (
            "invalid_json",
            format!("The request body is not valid JSON: at byte {offset}, expected {expected}."),
        ),
        Reason::Depth => (
            "invalid_json",
            format!("The request body is nested deeper than {} levels.", bounds.depth_max),
        ),
        Reason::Values => (
            "invalid_json",
            format!("The request body has more than {} values.", bounds.values_max),
        ),
    };
    let error = ApiError::new(Class::InvalidRequest, message).with_code(code);
    ApiError { param: fault.member.clone(), ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_model_changes() {
        for (body, model, renamed) in [
            (
                r#" {"input": "x", "model" :"a\u0062", "n":1.0} "#,
                Some("ab"),
                r#" {"input": "x", "model" :"q\"q", "n":1.0} "#,
            ),
            (r#"{"input":[{"model":"in"}]}"#, None, r#"{"model":"q\"q","input":[{"model":"in"}]}"#),
            ("{ }", None, r#"{"model":"q\"q" }"#),
            (r#"{"model":null}"#, None, r#"{"model":"q\"q"}"#),
        ] {
            let read = Body::read(body.as_bytes(), &Limits::default()).unwrap();
            assert_eq!(read.model().as_deref(), model);
            assert_eq!(String::from_utf8(read.with_model("q\"q")).unwrap(), renamed);
        }
    }
}
