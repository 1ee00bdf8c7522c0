//! The image that `make image` builds.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

fn build(wasm: &Path, layout: &Path) -> std::process::Output {
    Command::new("python3")
        .arg(crate::manifests::folder().join("image.py"))
        .args([wasm, layout])
        .arg("1.2.3")
        .output()
        .expect("python3")
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The output of a program that every Debian has, fed with this input.
fn piped(program: &str, arguments: &[&str], input: &Path) -> Vec<u8> {
    let file = std::fs::File::open(input).unwrap();
    let output = Command::new(program).args(arguments).stdin(file).output().expect(program);
    assert!(output.status.success());
    output.stdout
}

#[test]
fn the_layout_is_whole_and_holds_the_filter() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let wasm = crate::example::wasm_artifact(root);
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("image");
    assert!(build(&wasm, &layout).status.success());

    let blobs = layout.join("blobs/sha256");
    let blob = |descriptor: &Value| {
        let digest = descriptor["digest"].as_str().unwrap().strip_prefix("sha256:").unwrap();
        let path = blobs.join(digest);
        assert_eq!(path.metadata().unwrap().len(), descriptor["size"].as_u64().unwrap());
        path
    };
    for entry in std::fs::read_dir(&blobs).unwrap() {
        let path = entry.unwrap().path();
        let sum = String::from_utf8(piped("sha256sum", &[], &path)).unwrap();
        assert_eq!(sum.split(' ').next(), path.file_name().unwrap().to_str());
    }
    let index = json(&layout.join("index.json"));
    let tag = |descriptor: &Value| {
        descriptor["annotations"]["org.opencontainers.image.ref.name"].as_str().unwrap().to_owned()
    };
    let [plugin, volume] = index["manifests"].as_array().unwrap().as_slice() else {
        panic!("{index}")
    };
    assert_eq!([tag(plugin), tag(volume)], ["1.2.3", "1.2.3-volume"]);

    let mut manifests = vec![json(&blob(plugin))];
    let platforms = json(&blob(volume));
    manifests.extend(platforms["manifests"].as_array().unwrap().iter().map(|d| json(&blob(d))));
    let mut os = Vec::new();
    for manifest in &manifests {
        let config = json(&blob(&manifest["config"]));
        os.push(format!(
            "{}/{}",
            config["os"].as_str().unwrap(),
            config["architecture"].as_str().unwrap()
        ));
        let [layer] = manifest["layers"].as_array().unwrap().as_slice() else {
            panic!("{manifest}")
        };
        let packed = blob(layer);
        let tar = folder.path().join("layer.tar");
        std::fs::write(&tar, piped("gzip", &["-dc"], &packed)).unwrap();
        let sum = String::from_utf8(piped("sha256sum", &[], &tar)).unwrap();
        let diff_id = format!("sha256:{}", sum.split(' ').next().unwrap());
        assert_eq!(config["rootfs"]["diff_ids"], serde_json::json!([diff_id]));
        assert_eq!(piped("tar", &["-t"], &tar), b"plugin.wasm\n");
        assert_eq!(piped("tar", &["-xO", "plugin.wasm"], &tar), std::fs::read(&wasm).unwrap());
    }
    assert_eq!(os, ["wasip1/wasm", "linux/amd64", "linux/arm64"]);
}

#[test]
fn the_same_filter_gives_the_same_image() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let wasm = crate::example::wasm_artifact(root);
    let folder = tempfile::tempdir().unwrap();
    let index = |name: &str| {
        assert!(build(&wasm, &folder.path().join(name)).status.success());
        std::fs::read_to_string(folder.path().join(name).join("index.json")).unwrap()
    };
    assert_eq!(index("one"), index("two"));
}

#[test]
fn what_is_no_module_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("text");
    std::fs::write(&file, "hello").unwrap();
    let output = build(&file, &folder.path().join("image"));
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("is no WebAssembly module"));
}

#[test]
fn skopeo_reads_and_copies_it() {
    if Command::new("skopeo").arg("--version").output().is_err() {
        eprintln!("skopeo is absent, so it was not asked: install it with `apt install skopeo`");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let layout = folder.path().join("image");
    assert!(build(&crate::example::wasm_artifact(root), &layout).status.success());
    let skopeo = |arguments: &[&str]| {
        let output = Command::new("skopeo").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let image = format!("oci:{}:1.2.3", layout.display());
    let inspected: Value = serde_json::from_str(&skopeo(&["inspect", &image])).unwrap();
    assert_eq!((&inspected["Architecture"], &inspected["Os"]), (&"wasm".into(), &"wasip1".into()));
    // What `make dist` makes of it.
    let archive = folder.path().join("image.tar");
    let tar = Command::new("tar")
        .args(["--format=ustar", "-C", layout.to_str().unwrap(), "-cf", archive.to_str().unwrap()])
        .args(["blobs", "index.json", "oci-layout"])
        .status();
    assert!(tar.expect("tar").success());
    let archived = skopeo(&["inspect", &format!("oci-archive:{}:1.2.3", archive.display())]);
    let archived: Value = serde_json::from_str(&archived).unwrap();
    assert_eq!(archived["Digest"], inspected["Digest"]);
    let copy = format!("oci:{}:x", folder.path().join("copy").display());
    skopeo(&["copy", &image, &copy]);
    skopeo(&["copy", "--all", &format!("{image}-volume"), &copy]);
}
