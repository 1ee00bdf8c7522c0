//! What runs in a pod: the Deployment's promises, and its configuration in real Envoy.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::example::Example;
use crate::manifests::{folder, read};
use crate::upstream::Upstream;

fn deployment() -> Value {
    let all = read(&folder());
    all.into_iter().find(|document| document.file == "base/deployment.yaml").unwrap().value
}

#[test]
fn the_pod_is_confined() {
    let spec = deployment()["spec"]["template"]["spec"].clone();
    assert_eq!(spec["securityContext"]["runAsNonRoot"], true);
    assert_eq!(spec["automountServiceAccountToken"], false);
    let container = &spec["containers"][0];
    let security = &container["securityContext"];
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["capabilities"]["drop"], json!(["ALL"]));
    assert!(container["resources"]["limits"]["memory"].is_string());
    for mount in container["volumeMounts"].as_array().unwrap() {
        assert_eq!(mount["readOnly"], true, "{mount}");
    }
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        assert_eq!(
            container[probe]["httpGet"],
            json!({"path": "/ready", "port": "probes"}),
            "{probe}"
        );
    }
    let grace = spec["terminationGracePeriodSeconds"].as_u64().unwrap();
    let sleep = container["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
    assert!(grace > sleep, "streams are cut off before they were waited for");
}

#[test]
fn the_pods_envoy_serves_and_shows_only_what_it_should() {
    let upstream = Upstream::start();
    let probes = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let admin = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let envoy = Example::read_from("envoy/kubernetes/base/envoy.yaml", "/filter/plugin.wasm")
        .replace("address: 0.0.0.0", "address: 127.0.0.1")
        .port(9902, probes.port())
        .port(9901, admin.port())
        .replace(
            "address: vllm, port_value: 8000",
            &format!("address: 127.0.0.1, port_value: {}", upstream.address().port()),
        )
        .start();
    let body = json!({"model": "m", "input": "Hi"});
    assert_eq!(envoy.post("/v1/responses", &body).status(), 200);
    let get = |path: &str| envoy.client.get(format!("http://{probes}{path}")).send().unwrap();
    let ready = get("/ready");
    assert_eq!((ready.status().as_u16(), ready.text().unwrap().trim()), (200, "LIVE"));
    let metrics = get("/stats/prometheus").text().unwrap();
    assert!(metrics.contains("responses_filter_requests_total{upstream=\"default\""), "{metrics}");
    for path in ["/", "/config_dump", "/quitquitquit", "/stats", "/logging"] {
        assert_eq!(get(path).status(), 404, "{path}");
    }
    let post = envoy.client.post(format!("http://{probes}/ready")).send().unwrap();
    assert_eq!(post.status(), 404);
}

/// Asks Envoy itself about a configuration, which starts the filter as well.
fn validate(text: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let envoy = crate::example::envoy_binary(root);
    let output =
        Command::new(envoy).args(["--mode", "validate", "-c"]).arg(file.path()).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}\n{text}", String::from_utf8_lossy(&said));
}

fn wasm() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate::example::wasm_artifact(root).to_str().unwrap().to_owned()
}

#[test]
fn the_overlay_for_a_provider_loads() {
    let key = tempfile::tempdir().unwrap();
    std::fs::write(key.path().join("key"), "secret").unwrap();
    let text = std::fs::read_to_string(folder().join("overlays/production/envoy.yaml")).unwrap();
    // A bundle of certificates is where Debian and the image have it.
    assert!(Path::new("/etc/ssl/certs/ca-certificates.crt").exists(), "install ca-certificates");
    validate(
        &text
            .replace("/filter/plugin.wasm", &wasm())
            .replace("/etc/provider-key", key.path().to_str().unwrap()),
    );
}

/// The patches that Istio lays into a gateway, in an Envoy of their own.
#[test]
fn envoy_takes_what_istio_is_told_to_add() {
    let mut filters = Vec::new();
    for document in read(&folder()).into_iter().filter(|d| d.value["kind"] == "EnvoyFilter") {
        for patch in document.value["spec"]["configPatches"].as_array().unwrap() {
            let mut value = patch["patch"]["value"].clone();
            match patch["applyTo"].as_str().unwrap() {
                "EXTENSION_CONFIG" => {
                    let code = &mut value["typed_config"]["config"]["vm_config"]["code"];
                    assert!(
                        code["remote"]["http_uri"]["uri"].as_str().unwrap().starts_with("oci://")
                    );
                    *code = json!({"local": {"filename": wasm()}});
                    filters.push(value);
                }
                "HTTP_FILTER" if value["typed_config"].is_object() => filters.push(value),
                _ => {}
            }
        }
    }
    assert_eq!(filters.len(), 2);
    filters.push(json!({"name": "router", "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}));
    let manager = json!({
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "route_config": {"virtual_hosts": []},
        "stream_idle_timeout": "600s",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "http_filters": filters,
    });
    let listener = json!({
        "name": "gateway",
        "address": {"socket_address": {"address": "127.0.0.1", "port_value": 0}},
        "per_connection_buffer_limit_bytes": 67_108_864,
        "filter_chains": [{"filters": [{
            "name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
    });
    validate(&json!({"static_resources": {"listeners": [listener]}}).to_string());
}
