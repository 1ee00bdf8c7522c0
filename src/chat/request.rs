//! What Chat Completions upstreams get.
