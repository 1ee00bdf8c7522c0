//! Manifests against schemas and against the filter's own parser.

use std::path::{Path, PathBuf};
use std::process::Command;

use responses_filter::config::Config;
use serde_json::{Value, json};

/// One YAML document of a manifest.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its file, below the folder that was read.
    pub file: String,
    /// What it says.
    pub value: Value,
    /// What the schema of its kind says about it: nothing bad, something, or that there is none.
    verdict: Option<String>,
}

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("envoy/kubernetes")
}

/// All documents below a folder.
pub fn read(folder: &Path) -> Vec<Document> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kubernetes");
    assert!(tests.join("node_modules").exists(), "the schemas are not installed: run `make tools`");
    let output = Command::new("node")
        .arg(tests.join("read.mjs"))
        .arg(folder)
        .current_dir(folder)
        .output()
        .expect("node");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let documents: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
    documents
        .into_iter()
        .map(|mut document| {
            assert_eq!(document["errors"], json!([]), "{}", document["file"]);
            Document {
                file: document["file"].as_str().expect("a name").to_owned(),
                value: document["value"].take(),
                verdict: document["verdict"].as_str().map(str::to_owned),
            }
        })
        .collect()
}

/// The documents that are whole, not parts that an overlay lays over others.
fn whole() -> Vec<Document> {
    let all = read(&folder());
    let patches: Vec<String> = all
        .iter()
        .filter(|document| document.file.ends_with("kustomization.yaml"))
        .flat_map(|document| {
            let folder = Path::new(&document.file).parent().unwrap().to_owned();
            let patches = document.value["patches"].as_array().cloned().unwrap_or_default();
            patches.into_iter().map(move |patch| {
                folder.join(patch["path"].as_str().unwrap()).to_str().unwrap().to_owned()
            })
        })
        .collect();
    all.into_iter().filter(|document| !patches.contains(&document.file)).collect()
}

fn own_schema(api: &str) -> Option<Value> {
    let text = match api {
        "extensions.higress.io/v1alpha1" => include_str!("schemas/higress.json"),
        "gateway.envoyproxy.io/v1alpha1" => include_str!("schemas/envoy-gateway.json"),
        _ => return None,
    };
    Some(serde_json::from_str(text).expect("JSON"))
}

/// What is wrong with a document, if its kind has a schema at all.
pub fn complaint(document: &Document) -> Option<String> {
    let api = document.value["apiVersion"].as_str().unwrap_or_default();
    if let Some(schema) = own_schema(api) {
        let validator = jsonschema::draft202012::new(&schema).expect("a valid schema");
        return Some(
            validator.validate(&document.value).map_or_else(|e| e.to_string(), |()| String::new()),
        );
    }
    document.verdict.clone()
}

#[test]
fn every_manifest_fits_the_schema_of_its_kind() {
    let mut kinds = Vec::new();
    for document in whole() {
        let Some(kind) = document.value["kind"].as_str() else { continue };
        match complaint(&document) {
            Some(complaint) => assert_eq!(complaint, "", "{}: {kind}", document.file),
            None => assert_eq!(kind, "Kustomization", "{} has no schema", document.file),
        }
        kinds.push(kind.to_owned());
    }
    for kind in [
        "Deployment",
        "EnvoyExtensionPolicy",
        "EnvoyFilter",
        "EnvoyPatchPolicy",
        "HTTPRoute",
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
        "Service",
        "VirtualService",
        "WasmPlugin",
    ] {
        assert!(kinds.iter().any(|found| found == kind), "no {kind}");
    }
}

#[test]
fn the_schemas_refuse_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    for (name, from, to) in [
        ("istio/wasmplugin.yaml", "UNSPECIFIED_PHASE", "SOME_PHASE"),
        ("higress/wasmplugin.yaml", "UNSPECIFIED_PHASE", "SOME_PHASE"),
        ("higress/wasmplugin.yaml", "matchRules", "matchrules"),
        ("base/deployment.yaml", "replicas: 2", "replicas: two"),
        ("base/deployment.yaml", "runAsNonRoot: true", "runAsNonRoot: maybe"),
        ("envoy-gateway/extension-policy.yaml", "type: Image", "type: Images"),
        ("envoy-gateway/traffic-policies.yaml", "bufferLimit: 64Mi", "bufferLimits: 64Mi"),
        ("envoy-gateway/httproute.yaml", "type: PathPrefix", "type: Prefix"),
    ] {
        let text = std::fs::read_to_string(self::folder().join(name)).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        std::fs::write(folder.path().join("wrong.yaml"), text.replace(from, to)).unwrap();
        let complaints: Vec<_> = read(folder.path()).iter().filter_map(complaint).collect();
        assert!(
            complaints.iter().any(|complaint| !complaint.is_empty()),
            "{name}: {to} is accepted"
        );
    }
}

#[test]
fn what_an_overlay_lays_over_is_there_under_the_same_name() {
    let all = read(&folder());
    let find = |file: &str, kind: &str| {
        let found = all.iter().find(|d| d.file == file && d.value["kind"] == kind);
        found.unwrap_or_else(|| panic!("no {kind} in {file}")).value["metadata"]["name"].clone()
    };
    for (over, under, kind) in [
        ("overlays/production/deployment.yaml", "base/deployment.yaml", "Deployment"),
        ("envoy-gateway-hold/httproute.yaml", "envoy-gateway/httproute.yaml", "HTTPRoute"),
        (
            "envoy-gateway-hold/extension-policy.yaml",
            "envoy-gateway/extension-policy.yaml",
            "EnvoyExtensionPolicy",
        ),
    ] {
        assert_eq!(find(over, kind), find(under, kind));
    }
}

/// Every configuration of the filter in the manifests, with whether its host may hold headers.
fn configurations() -> Vec<(String, Value, bool)> {
    let mut found = Vec::new();
    for Document { file, value, .. } in read(&folder()) {
        let spec = &value["spec"];
        match value["kind"].as_str() {
            Some("WasmPlugin") if spec["pluginConfig"].is_object() => {
                found.push((file, spec["pluginConfig"].clone(), false));
            }
            Some("WasmPlugin") => found.push((file, as_higress_passes_it(spec), false)),
            Some("EnvoyExtensionPolicy") => {
                let may_hold = file.starts_with("envoy-gateway-hold/");
                found.push((file, spec["wasm"][0]["config"].clone(), may_hold));
            }
            _ => {}
        }
        in_envoy(&value, &mut |config| {
            let text = config["configuration"]["value"].as_str().expect("a string");
            let may_hold = config["allow_on_headers_stop_iteration"] == true;
            found.push((
                value["metadata"]["name"].to_string(),
                serde_json::from_str(text).unwrap(),
                may_hold,
            ));
        });
    }
    found
}

/// Calls `visit` with each plugin configuration in Envoy's own form.
fn in_envoy(value: &Value, visit: &mut dyn FnMut(&Value)) {
    match value {
        Value::Object(members) => {
            let wasm = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
            if members.get("@type").is_some_and(|kind| kind == wasm) {
                visit(&members["config"]);
            }
            members.values().for_each(|value| in_envoy(value, visit));
        }
        Value::Array(elements) => elements.iter().for_each(|value| in_envoy(value, visit)),
        _ => {}
    }
}

/// What Higress makes of a WasmPlugin: one object, in which routes are named by their ingress.
fn as_higress_passes_it(spec: &Value) -> Value {
    let mut configuration = spec["defaultConfig"].clone();
    let rules = spec["matchRules"].as_array().unwrap().iter().map(|rule| {
        let mut own = rule["config"].clone();
        for (from, to) in [
            ("ingress", "_match_route_"),
            ("domain", "_match_domain_"),
            ("service", "_match_service_"),
        ] {
            if rule[from].is_array() {
                own[to] = rule[from].clone();
            }
        }
        own
    });
    configuration["_rules_"] = rules.collect();
    configuration
}

#[test]
fn the_filter_takes_every_configuration() {
    let found = configurations();
    assert_eq!(found.len(), 7, "{found:?}");
    for (name, configuration, may_hold) in found {
        let config = Config::parse(&configuration.to_string())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(config.hold_headers, may_hold, "{name}: nobody lets such headers go");
    }
}

#[test]
fn an_address_of_an_image_is_the_same_everywhere() {
    let version = env!("CARGO_PKG_VERSION");
    let mut images = 0;
    for document in read(&folder()) {
        let text = document.value.to_string();
        for (_, rest) in text.match_indices("responses-filter:").map(|(at, _)| text.split_at(at)) {
            let tag = rest.trim_start_matches("responses-filter:").split('"').next().unwrap();
            assert!(
                tag == version || tag == format!("{version}-volume"),
                "{}: {tag}",
                document.file
            );
            images += 1;
        }
    }
    assert_eq!(images, 6);
}
