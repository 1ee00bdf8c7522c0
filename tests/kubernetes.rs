//! The Kubernetes manifests, without a cluster: against schemas, against the filter, against Envoy.
//!
//! Istio's, Kubernetes's and the Gateway API's kinds are checked by the schema packages of their
//! projects; those of Envoy Gateway and Higress by schemas of the fields used, written from their
//! documentation.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "tests fail by panicking"
)]

#[path = "support/example.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod example;
#[path = "support/upstream.rs"]
#[allow(dead_code, unused_imports, reason = "each test binary uses its part")]
mod upstream;

#[path = "kubernetes/image.rs"]
mod image;
#[path = "kubernetes/kustomize.rs"]
mod kustomize;
#[path = "kubernetes/manifests.rs"]
mod manifests;
#[path = "kubernetes/pod.rs"]
mod pod;
