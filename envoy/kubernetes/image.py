#!/usr/bin/env python3
"""Packs the filter into an OCI image layout, without a container engine.

    image.py WASM LAYOUT VERSION

The layout has two tags: VERSION is one manifest for wasip1, as Istio, Envoy Gateway and Higress fetch
it; VERSION-volume is the same layer for linux/amd64 and linux/arm64, as Kubernetes mounts it. The same
input gives the same bytes. Any tool for layouts can push it:

    skopeo copy oci:LAYOUT:VERSION docker://REGISTRY/NAME:VERSION
    skopeo copy --all oci:LAYOUT:VERSION-volume docker://REGISTRY/NAME:VERSION-volume
"""

import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

# Consumers look for exactly this name at the root of exactly one layer.
FILE_NAME = "plugin.wasm"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Layout:
    def __init__(self, folder):
        self.folder = folder
        (folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)

    def blob(self, media_type, data):
        name = digest(data)
        (self.folder / "blobs" / "sha256" / name.removeprefix("sha256:")).write_bytes(data)
        return {"mediaType": media_type, "digest": name, "size": len(data)}

    def json(self, media_type, value):
        return self.blob(media_type, json.dumps(value, sort_keys=True).encode())

    def finish(self, manifests):
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests}
        (self.folder / "index.json").write_text(json.dumps(index, sort_keys=True))
        (self.folder / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


def layer(wasm):
    """The file as a tar archive that says nothing about who packed it, or when."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        member = tarfile.TarInfo(FILE_NAME)
        member.size = len(wasm)
        member.mode = 0o644
        archive.addfile(member, io.BytesIO(wasm))
    return out.getvalue()


def manifest(layout, tar, packed, platform, annotations):
    config = {
        **platform,
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest(tar)]},
    }
    return layout.json(
        MANIFEST,
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": layout.json(CONFIG, config),
            "layers": [packed],
            "annotations": annotations,
        },
    )


def main(wasm_path, folder, version):
    wasm = pathlib.Path(wasm_path).read_bytes()
    if not wasm.startswith(b"\0asm"):
        sys.exit(f"{wasm_path} is no WebAssembly module: run `make build`")
    annotations = {
        "org.opencontainers.image.title": "responses-filter",
        "org.opencontainers.image.description": "Responses API in front of Chat Completions, for Envoy and Higress.",
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.version": version,
    }
    layout = Layout(pathlib.Path(folder))
    tar = layer(wasm)
    packed = layout.blob(LAYER, gzip.compress(tar, mtime=0))
    plugin = manifest(layout, tar, packed, {"architecture": "wasm", "os": "wasip1"}, annotations)
    platforms = [{"architecture": name, "os": "linux"} for name in ("amd64", "arm64")]
    volumes = [
        {**manifest(layout, tar, packed, platform, annotations), "platform": platform}
        for platform in platforms
    ]
    volume = layout.json(
        INDEX,
        {"schemaVersion": 2, "mediaType": INDEX, "manifests": volumes, "annotations": annotations},
    )
    name = "org.opencontainers.image.ref.name"
    layout.finish(
        [
            {**plugin, "annotations": {name: version}},
            {**volume, "annotations": {name: f"{version}-volume"}},
        ]
    )
    print(f"{folder}: {version} {plugin['digest']}, {version}-volume {volume['digest']}")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
