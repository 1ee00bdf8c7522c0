//! Where a request goes, and who asks for a token on the way: the order of filters, shown.

use serde_json::json;

use crate::envoy::{Envoy, Setup};
use crate::wire::{Message, Upstream, connect, post, send};

fn ask(model: &str) -> String {
    json!({"model": model, "input": "x"}).to_string()
}

fn status(answer: &Message) -> u16 {
    answer.start.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status")
}

/// Sends a request with this path as it is written.
fn go(envoy: &Envoy, path: &str, headers: &str, model: &str) -> u16 {
    status(&send(&mut connect(envoy.address()), &post(path, headers, &ask(model))))
}

#[test]
fn the_last_segment_is_replaced_and_nothing_else() {
    for hold in [true, false] {
        let upstream = Upstream::start();
        let envoy = Setup::new().hold_headers(hold).start_before(upstream.address);
        for (path, sent) in [
            ("/v1/responses", "/v1/chat/completions"),
            ("//v1//responses", "//v1//chat/completions"),
            ("/v1/../admin/responses", "/v1/../admin/chat/completions"),
            ("/a%2fb/%2e%2e/responses", "/a%2fb/%2e%2e/chat/completions"),
            ("/v1;x=1/responses", "/v1;x=1/chat/completions"),
            (
                "/v1/responses?next=/../admin&a=%0d%0ab",
                "/v1/chat/completions?next=/../admin&a=%0d%0ab",
            ),
            ("/v1/responses?", "/v1/chat/completions?"),
            // None of these is the endpoint, so none is touched.
            ("/v1/responses/", "/v1/responses/"),
            ("/v1%2fresponses", "/v1%2fresponses"),
            ("/v1/%72esponses", "/v1/%72esponses"),
            ("/v1/responses;x=1", "/v1/responses;x=1"),
            ("/v1/Responses", "/v1/Responses"),
            ("/v1?/responses", "/v1?/responses"),
        ] {
            assert_eq!(go(&envoy, path, "", "m"), 200, "{path}");
            assert_eq!(upstream.request().path(), sent, "{path}");
        }
        for path in ["/v1/responses#/x", "/v1/resp\tonses", "v1/responses"] {
            assert!(go(&envoy, path, "", "m") >= 400, "{path:?}");
        }
        upstream.has_no_more();
    }
}

/// What SECURITY.md advises: one form of each path, before anything looks at it.
#[test]
fn paths_are_normalized_before_anything_looks_at_them() {
    let upstream = Upstream::start();
    let envoy = Setup::new()
        .edit(
            "          stat_prefix: responses\n",
            "          stat_prefix: responses\n          normalize_path: true\n          merge_slashes: true\n          path_with_escaped_slashes_action: REJECT_REQUEST\n",
        )
        .filter_in_front(&rbac("{ url_path: { path: { exact: /v1/responses } } }"))
        .start_before(upstream.address);
    for path in ["/v1/responses", "//v1//responses", "/x/../v1/responses", "/v1/%72esponses"] {
        assert_eq!(go(&envoy, path, "", "m"), 200, "{path}");
        assert_eq!(upstream.request().path(), "/v1/chat/completions");
    }
    for (path, refusal) in
        [("/v1%2fresponses", 400), ("/v1/responses;x", 403), ("/x/responses", 403)]
    {
        assert_eq!(go(&envoy, path, "", "m"), refusal, "{path}");
    }
    upstream.has_no_more();
}

/// A filter that lets requests through that have this permission.
fn rbac(permission: &str) -> String {
    format!(
        r#"- name: envoy.filters.http.rbac
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
    rules:
      action: ALLOW
      policies:
        only:
          permissions: [{permission}]
          principals: [{{ any: true }}]"#
    )
}

/// A filter that asks for a token where the path matches.
fn jwt(paths: &str) -> String {
    format!(
        r#"- name: envoy.filters.http.jwt_authn
  typed_config:
    "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
    providers:
      company:
        issuer: https://login.example.com
        local_jwks: {{ inline_string: '{{"keys":[{{"kty":"oct","alg":"HS256","kid":"k","k":"AAAA"}}]}}' }}
    rules:
    - {{ match: {{ {paths} }}, requires: {{ provider_name: company }} }}"#
    )
}

/// In front of the filter a token is asked for by the client's path, behind it by the upstream's: rules
/// that are written for one place protect nothing in the other.
#[test]
fn tokens_are_asked_for_in_front_of_the_filter() {
    for hold in [true, false] {
        let upstream = Upstream::start();
        let setup = || Setup::new().hold_headers(hold);
        for paths in ["prefix: /", "path: /v1/responses"] {
            let envoy = setup().filter_in_front(&jwt(paths)).start_before(upstream.address);
            assert_eq!(go(&envoy, "/v1/responses", "", "m"), 401, "{paths}");
            assert_eq!(
                go(&envoy, "/v1/responses", "authorization: Bearer e30.e30.e30\r\n", "m"),
                401
            );
        }
        upstream.has_no_more();
        // Rules that name one path leave the others open, and the filter serves any that ends so.
        let envoy =
            setup().filter_in_front(&jwt("path: /v1/responses")).start_before(upstream.address);
        for open in ["/v1//responses", "/x/responses", "/v1/chat/completions"] {
            assert_eq!(go(&envoy, open, "", "m"), 200, "{open}");
            upstream.request();
        }
        // The wrong place: the path of the rule has gone already.
        let envoy =
            setup().filter_behind(&jwt("path: /v1/responses")).start_before(upstream.address);
        assert_eq!(go(&envoy, "/v1/responses", "", "m"), 200);
        upstream.request();
        let envoy = setup()
            .filter_behind(&jwt("path: /v1/chat/completions"))
            .start_before(upstream.address);
        assert_eq!(go(&envoy, "/v1/responses", "", "m"), 401);
        upstream.has_no_more();
    }
}

/// A rule about models that knows what the filter has found out.
const SMALL: &str = "{ header: { name: x-llm-model, string_match: { exact: small } } }";

#[test]
fn rules_about_models_stand_behind_the_filter() {
    let upstream = Upstream::start();
    let spoofed = "x-llm-model: small\r\nX-LLM-Model: small\r\n";
    let behind = Setup::new().filter_behind(&rbac(SMALL)).start_before(upstream.address);
    assert_eq!(go(&behind, "/v1/responses", "", "small"), 200);
    upstream.request();
    for (headers, model) in [("", "large"), (spoofed, "large"), (spoofed, "small\\u0000")] {
        assert_eq!(go(&behind, "/v1/responses", headers, model), 403, "{model}");
    }
    upstream.has_no_more();
    // What the filter does not read keeps the headers of the client.
    assert_eq!(go(&behind, "/v1/chat/completions", spoofed, "large"), 200);
    upstream.request();
    // So a rule about paths belongs in front of one about models.
    let both = Setup::new()
        .filter_in_front(&rbac("{ url_path: { path: { exact: /v1/responses } } }"))
        .filter_behind(&rbac(SMALL))
        .start_before(upstream.address);
    assert_eq!(go(&both, "/v1/chat/completions", spoofed, "large"), 403);
    assert_eq!(go(&both, "/v1/responses", spoofed, "large"), 403);
    assert_eq!(go(&both, "/v1/responses", "", "small"), 200);
    upstream.request();
    // In front of the filter the header is the client's.
    let front = Setup::new().filter_in_front(&rbac(SMALL)).start_before(upstream.address);
    assert_eq!(go(&front, "/v1/responses", spoofed, "large"), 200);
    upstream.request();
    upstream.has_no_more();
}

/// The route is chosen again when the model is known. A filter in front of this one has acted on the
/// first choice, so what a route says about access holds only for a filter behind.
#[test]
fn what_a_route_says_about_access_is_for_filters_behind() {
    let upstream = Upstream::start();
    let guarded = r#"              - match: { prefix: "/", headers: [{ name: x-llm-model, string_match: { exact: large } }] }
                route: { cluster: upstream, timeout: 0s }
                typed_per_filter_config:
                  envoy.filters.http.rbac:
                    "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBACPerRoute
                    rbac: { rules: { action: DENY, policies: { all: { permissions: [{ any: true }], principals: [{ any: true }] } } } }
              # timeout"#;
    let setup = || Setup::new().edit("              # timeout", guarded);
    let open = rbac("{ any: true }");
    let behind = setup().filter_behind(&open).start_before(upstream.address);
    assert_eq!(go(&behind, "/v1/responses", "", "large"), 403);
    upstream.has_no_more();
    assert_eq!(go(&behind, "/v1/responses", "", "small"), 200);
    upstream.request();
    let front = setup().filter_in_front(&open).start_before(upstream.address);
    assert_eq!(go(&front, "/v1/responses", "", "large"), 200);
    upstream.request();
}

/// Whatever a client calls a model, it is one header, and one line of it.
#[test]
fn a_model_name_adds_no_header() {
    let upstream = Upstream::start();
    let envoy = Setup::new().start_before(upstream.address);
    for model in ["m\r\nx-admin: 1", "m\nx-admin: 1", "m\0", "模型", &"m".repeat(10_000), "%0d%0a"]
    {
        assert_eq!(
            go(&envoy, "/v1/responses", "x-llm-model: a\r\nx-llm-upstream: b\r\n", model),
            200
        );
        let request = upstream.request();
        assert_eq!(request.all("x-admin"), [""; 0]);
        let named = request.all("x-llm-model");
        assert_eq!(named.len(), 1, "{named:?}");
        assert!(named[0].len() <= 256 && named[0].bytes().all(|byte| byte.is_ascii_graphic()));
        assert_eq!(request.all("x-llm-upstream"), ["default"]);
        let chat: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
        assert_eq!(chat["model"], model);
    }
}

/// Names of fields come back in a header, but only such names as the filter knows.
#[test]
fn a_field_name_adds_no_header() {
    let upstream = Upstream::start();
    let envoy = Setup::new().start_before(upstream.address);
    let body = json!({"model": "m", "input": "x", "a\r\nset-cookie: b": 1, "previous": {}, "max_tool_calls": 1});
    let message = post("/v1/responses", "", &body.to_string());
    let answer = send(&mut connect(envoy.address()), &message);
    assert_eq!(status(&answer), 200);
    assert_eq!(answer.all("set-cookie"), [""; 0]);
    let dropped = answer.all("x-responses-filter-dropped");
    assert!(dropped.len() == 1 && dropped[0].contains("other"), "{dropped:?}");
    assert!(!dropped[0].contains("cookie"), "{dropped:?}");
}
