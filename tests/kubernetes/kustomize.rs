//! Kustomize itself builds every base and overlay, and what comes out fits the schemas.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::manifests::{Document, complaint, folder, read};

/// The folders that can be applied, each with the kinds that it brings.
const FOLDERS: [(&str, &[&str]); 7] = [
    ("base", &["ConfigMap", "Deployment", "NetworkPolicy", "PodDisruptionBudget", "Service"]),
    (
        "overlays/production",
        &[
            "ConfigMap",
            "Deployment",
            "HorizontalPodAutoscaler",
            "NetworkPolicy",
            "PodDisruptionBudget",
            "Service",
        ],
    ),
    ("istio", &["EnvoyFilter", "VirtualService", "WasmPlugin"]),
    ("istio-hold", &["EnvoyFilter", "VirtualService"]),
    (
        "envoy-gateway",
        &["BackendTrafficPolicy", "ClientTrafficPolicy", "EnvoyExtensionPolicy", "HTTPRoute"],
    ),
    (
        "envoy-gateway-hold",
        &[
            "Backend",
            "BackendTrafficPolicy",
            "ClientTrafficPolicy",
            "EnvoyExtensionPolicy",
            "EnvoyPatchPolicy",
            "HTTPRoute",
        ],
    ),
    ("higress", &["WasmPlugin"]),
];

/// How Kustomize is called on this machine, if it is here and reads the field `labels`.
fn kustomize() -> Option<Vec<&'static str>> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let probe = "labels:\n- pairs: {a: b}\n  includeTemplates: true\n";
    std::fs::write(folder.path().join("kustomization.yaml"), probe).expect("a file");
    let ways = [vec!["kustomize", "build"], vec!["kubectl", "kustomize"]];
    ways.into_iter().find(|way| {
        let output = Command::new(way[0]).args(&way[1..]).arg(folder.path()).output();
        // It may find nothing to build; it must not stumble over the field.
        output.is_ok_and(|output| {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            output.status.success() || said.contains("is empty")
        })
    })
}

/// What Kustomize makes of a folder, read back.
fn built(way: &[&str], name: &str) -> Vec<Document> {
    let output = Command::new(way[0]).args(&way[1..]).arg(folder().join(name)).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    let out = tempfile::tempdir().unwrap();
    std::fs::write(out.path().join("built.yaml"), output.stdout).unwrap();
    read(out.path())
}

#[test]
fn every_folder_builds_into_what_its_schemas_take() {
    let Some(way) = kustomize() else {
        eprintln!("neither kustomize nor a kubectl of 1.22 or newer is here, so none was asked");
        return;
    };
    let mut all = BTreeMap::new();
    for (name, kinds) in FOLDERS {
        let documents = built(&way, name);
        let mut found: Vec<&str> =
            documents.iter().map(|d| d.value["kind"].as_str().unwrap()).collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found, kinds, "{name}");
        for document in &documents {
            assert_eq!(complaint(document).as_deref(), Some(""), "{name}: {}", document.value);
        }
        let named = |kind: &str| {
            let of_kind = documents.iter().find(|d| d.value["kind"] == kind);
            of_kind.map(|document| document.value.clone())
        };
        all.extend(kinds.iter().map(|kind| ((name, *kind), named(kind).unwrap())));
    }
    let namespaces = [("istio", "istio-ingress"), ("istio-hold", "istio-ingress")];
    for (name, namespace) in namespaces {
        assert_eq!(all[&(name, "VirtualService")]["metadata"]["namespace"], namespace);
    }
    overlays_change_what_they_should(&all);
}

fn overlays_change_what_they_should(all: &BTreeMap<(&str, &str), Value>) {
    let pod = |name| &all[&(name, "Deployment")]["spec"]["template"]["spec"];
    let config = |name| &all[&(name, "ConfigMap")];
    for name in ["base", "overlays/production"] {
        // The name has a hash in it, so that a changed configuration starts new pods.
        let hashed = config(name)["metadata"]["name"].as_str().unwrap();
        assert!(hashed.starts_with("responses-envoy-"), "{hashed}");
        let volumes = pod(name)["volumes"].as_array().unwrap();
        let volume = volumes.iter().find(|volume| volume["name"] == "config").unwrap();
        assert_eq!(volume["configMap"]["name"], hashed);
    }
    assert_ne!(config("base")["data"], config("overlays/production")["data"]);
    let production = pod("overlays/production");
    assert_eq!(production["containers"].as_array().unwrap().len(), 1);
    let mounts = production["containers"][0]["volumeMounts"].as_array().unwrap();
    assert_eq!(mounts.len(), 3, "{mounts:?}");
    assert_eq!(all[&("overlays/production", "Deployment")]["spec"].get("replicas"), None);

    let rules = |name| all[&(name, "HTTPRoute")]["spec"]["rules"].as_array().unwrap().len();
    assert_eq!((rules("envoy-gateway"), rules("envoy-gateway-hold")), (1, 2));
    let policy = |name| &all[&(name, "EnvoyExtensionPolicy")]["spec"];
    let holds = |name| &policy(name)["wasm"][0]["config"]["hold_headers"];
    assert_eq!(
        (holds("envoy-gateway"), holds("envoy-gateway-hold")),
        (&json!(false), &json!(true))
    );
    assert_eq!(policy("envoy-gateway-hold")["targetRefs"][0]["name"], "models");
}

/// What Kustomize insists on, checked without it: files lie in or below the folder of their
/// kustomization, and whatever else is named is a folder with one of its own.
#[test]
fn no_kustomization_reaches_for_files_of_another() {
    let mut seen: Vec<PathBuf> = Vec::new();
    for document in read(&folder()).iter().filter(|d| d.value["kind"] == "Kustomization") {
        let here = folder().join(&document.file).parent().unwrap().canonicalize().unwrap();
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let mut named: Vec<Value> = list(&document.value["resources"]);
        named.extend(list(&document.value["patches"]).iter().map(|patch| patch["path"].clone()));
        for generator in list(&document.value["configMapGenerator"]) {
            named.extend(list(&generator["files"]));
        }
        assert!(!named.is_empty(), "{}", document.file);
        for name in named {
            let path = here.join(name.as_str().unwrap()).canonicalize();
            let path = path.unwrap_or_else(|_| panic!("{}: no {name}", document.file));
            if path.is_dir() {
                assert!(path.join("kustomization.yaml").is_file(), "{}: {name}", document.file);
            } else {
                assert!(path.starts_with(&here), "{}: {name} lies elsewhere", document.file);
                seen.push(path);
            }
        }
    }
    // Nothing lies about unused.
    let is_kustomization = |file: &str| file.ends_with("kustomization.yaml");
    for document in read(&folder()).iter().filter(|d| !is_kustomization(&d.file)) {
        let path = folder().join(Path::new(&document.file)).canonicalize().unwrap();
        assert!(seen.contains(&path), "{} is part of nothing", document.file);
    }
}
