//! The floor for any filter that looks at bodies: takes every piece and puts it back unchanged.
//! With the plugin configuration `noop` it is called and does nothing.

#![allow(missing_docs, reason = "the macro of the SDK makes public functions")]

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root { copies: false }));
}}

struct Root {
    copies: bool,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        self.copies = self.get_plugin_configuration().as_deref() == Some(b"copy");
        true
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Filter { copies: self.copies }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Filter {
    copies: bool,
}

impl Context for Filter {}

impl HttpContext for Filter {
    fn on_http_request_body(&mut self, size: usize, _: bool) -> Action {
        if self.copies
            && let Some(bytes) = self.get_http_request_body(0, size)
        {
            self.set_http_request_body(0, size, &bytes);
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, _: bool) -> Action {
        if self.copies
            && let Some(bytes) = self.get_http_response_body(0, size)
        {
            self.set_http_response_body(0, size, &bytes);
        }
        Action::Continue
    }
}
