//! How the filter gets into Envoy: `envoy --mode validate`, the linter of configurations, which starts
//! the filter as well; and a filter that Envoy fetches by itself.

use std::path::Path;
use std::process::Command;

use crate::ask;
use crate::example::{Example, wasm_artifact};
use crate::prometheus::patiently;
use crate::upstream::{Answer, Upstream};

#[test]
fn a_good_configuration_passes() {
    for name in ["by-model.yaml", "without-hold.yaml", "rate-limit.yaml", "observability.yaml"] {
        let (passed, said) = Example::read(name).validate();
        assert!(passed, "{name}: {said}");
    }
}

#[test]
fn a_refused_configuration_is_named_in_one_line() {
    let wrong = [
        (r#""preset": "ollama""#, r#""preset": "olama""#, "upstreams.local.preset: unknown name"),
        (r#""model": "local/*""#, r#""modle": "local/*""#, "rules[1].modle: unknown field"),
        (r#""keep_alive_seconds": 5"#, r#""keep_alive_seconds": "5""#, "takes a whole number"),
        (r#""hold_headers": false,"#, r#""hold_headers": false;"#, "configuration: is no JSON"),
    ];
    for (from, to, reason) in wrong {
        let (passed, said) = Example::read("without-hold.yaml").replace(from, to).validate();
        assert!(!passed, "{to} passes");
        let lines: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("responses-filter refuses its configuration: "))
            .collect();
        assert!(matches!(lines.as_slice(), [line] if line.contains(reason)), "{said}");
    }
}

#[test]
fn envoy_can_fetch_the_filter_and_checks_its_sum() {
    let wasm = wasm_artifact(Path::new(env!("CARGO_MANIFEST_DIR")));
    let sum = Command::new("sha256sum").arg(&wasm).output().expect("sha256sum").stdout;
    let sum = String::from_utf8(sum).unwrap();
    let sum = sum.split(' ').next().unwrap();
    let upstream = Upstream::start();
    let bytes = std::fs::read(&wasm).unwrap();
    upstream.script(move |_, request| match request.method.as_str() {
        "GET" => Answer::new(200).write(bytes.clone()),
        _ => Answer::json(200, r#"{"choices": [{"message": {"content": "Hello."}}]}"#),
    });
    let remote = format!(
        "remote: {{ http_uri: {{ uri: \"http://files/plugin.wasm\", cluster: vllm, timeout: 30s }}, \
         sha256: {sum} }}"
    );
    let envoy = Example::read("rate-limit.yaml")
        .replace(&format!("local: {{ filename: {} }}", wasm.display()), &remote)
        .upstream(8000, &upstream)
        .start();
    // Until it is there Envoy refuses what would go through it.
    let served = patiently(|| {
        let answer = envoy.post("/v1/responses", &ask("m"));
        (answer.status() == 200).then(|| answer.text().unwrap())
    });
    assert!(served.expect("an answer").contains("\"object\":\"response\""));
    assert_eq!(upstream.request(0).path, "/plugin.wasm");
}
