"""The manifest: what a package is, what it needs, and the hash of every file in it."""

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from lth_edge.errors import DamagedError
from lth_edge.package.fields import MEND, Fields, is_plain_name

SCHEMA_VERSION = 1
MANIFEST = "manifest.json"
SUMS = "SHA256SUMS"
TARGET = "[a-z0-9]+-[a-z0-9_]+"
DTYPE = "bool|float(16|32|64)|u?int(8|16|32|64)"


@dataclass(frozen=True)
class Tensor:
    """An input or output: its name in the graph, numpy's name of its type, axis lengths (`None`: free)."""

    name: str
    dtype: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True)
class FileRecord:
    """What a file must be: SHA-256 in hex, and its length in bytes."""

    sha256: str
    bytes: int


@dataclass(frozen=True)
class VectorRecord:
    """The test vector: arrays input_0, ... and output_0, ... in the manifest's order, in a npz file.

    Attributes:
        file: its name.
        tolerance: largest error allowed in a replay, as a share of the largest recorded output.
    """

    file: str
    tolerance: float


@dataclass(frozen=True)
class Licenses:
    """SPDX identifiers, or "unknown"."""

    weights: str
    data: str
    runner: str = "MIT-0"


@dataclass(frozen=True)
class Manifest:
    """manifest.json, schema version 1.

    Attributes:
        name: of the package, as in the report.
        created: when, as ISO 8601 in UTC.
        lth_edge: the version that wrote it.
        kind: "winning ticket", "pruned from trained weights", ...
        form: the model's form, as in the report.
        model: its file name.
        fallback: file of standard operators that computes the same; may be `model` itself.
        labels: names of the classes in the order of the first output's last axis; empty where there are none.
        metric: what the figures were judged by, as in the report.
        libraries: target -> file of the kernels that `model` needs there; empty where it needs none.
        figures: measured figures, name -> value or a nested table of the same.
        files: file name -> record, for every file but the manifest and SHA256SUMS.
    """

    name: str
    created: str
    lth_edge: str
    kind: str
    form: str
    model: str
    fallback: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    labels: tuple[str, ...]
    metric: Mapping[str, Any]
    opset: int
    ir_version: int
    oldest_onnxruntime: str
    test_vector: VectorRecord
    figures: Mapping[str, Any]
    recipe_hash: str
    licenses: Licenses
    files: Mapping[str, FileRecord]
    libraries: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> bytes:
        content = {"schema_version": SCHEMA_VERSION, **dataclasses.asdict(self)}
        return (json.dumps(content, indent=2, allow_nan=False) + "\n").encode("ascii")

    @classmethod
    def from_json(cls, text: bytes) -> "Manifest":
        """Read a manifest, of this schema version or an older one.

        Raises:
            DamagedError: not JSON, of a newer schema, a field missing or of another kind, or a file name that
                is not plain or not listed.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DamagedError(f"{MANIFEST} is not valid JSON: {error}", MEND) from error
        fields = Fields(MANIFEST, content)
        _check_schema(fields)
        manifest = _read(fields)
        _check_files(manifest)
        return manifest


def sums(manifest: bytes, files: Mapping[str, FileRecord]) -> str:
    """The text of SHA256SUMS, which `sha256sum -c` reads; it covers the manifest too."""
    hashes = {name: record.sha256 for name, record in files.items()} | {MANIFEST: sha256(manifest).hexdigest()}
    return "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes))


def _check_schema(fields: Fields) -> None:
    version = fields.whole("schema_version")
    if version > SCHEMA_VERSION:
        raise DamagedError(
            f"{MANIFEST} has schema version {version}, this lth-edge reads up to {SCHEMA_VERSION}",
            "upgrade lth-edge",
        )
    if version == 0:
        raise DamagedError(f"{MANIFEST} has schema version 0, which never was", MEND)


def _read(fields: Fields) -> Manifest:
    vector, licenses = fields.object("test_vector"), fields.object("licenses")
    return Manifest(
        name=fields.text("name"),
        created=fields.text("created"),
        lth_edge=fields.text("lth_edge"),
        kind=fields.text("kind"),
        form=fields.text("form"),
        model=fields.file_name("model"),
        fallback=fields.file_name("fallback"),
        inputs=_tensors(fields, "inputs"),
        outputs=_tensors(fields, "outputs"),
        labels=fields.texts("labels"),
        metric=fields.object("metric").content,
        opset=fields.whole("opset"),
        ir_version=fields.whole("ir_version"),
        oldest_onnxruntime=fields.matching("oldest_onnxruntime", r"[0-9]{1,4}\.[0-9]{1,4}", "a version such as 1.14"),
        test_vector=VectorRecord(vector.file_name("file"), vector.share("tolerance")),
        figures=fields.object("figures").content,
        recipe_hash=fields.text("recipe_hash"),
        licenses=Licenses(licenses.text("weights"), licenses.text("data"), licenses.text("runner")),
        files=_files(fields.object("files")),
        libraries=_libraries(fields),
    )


def _libraries(fields: Fields) -> dict[str, str]:
    """None in packages from before there were kernels."""
    if "libraries" not in fields.content:
        return {}
    named = fields.object("libraries")
    for target in named.content:
        if re.fullmatch(TARGET, target) is None:
            raise DamagedError(f"{MANIFEST} names a target {target!a}, which is none", MEND)
    return {target: named.file_name(target) for target in named.content}


def _tensors(fields: Fields, key: str) -> tuple[Tensor, ...]:
    tensors = tuple(
        Tensor(t.text("name"), t.matching("dtype", DTYPE, "a type of numpy's"), t.shape("shape"))
        for t in fields.objects(key)
    )
    if len({tensor.name for tensor in tensors}) < len(tensors):
        raise DamagedError(f"{MANIFEST}: {key} has a name twice", MEND)
    return tensors


def _files(fields: Fields) -> dict[str, FileRecord]:
    taken = {MANIFEST.casefold(), SUMS.casefold()}
    for name in fields.content:
        if not is_plain_name(name):
            raise DamagedError(f"{MANIFEST} lists a file {name!a}, which is not a plain file name", MEND)
        if name.casefold() in taken:
            raise DamagedError(f"{MANIFEST} lists {name}, which is taken (on some systems case does not count)", MEND)
        taken.add(name.casefold())
    return {name: _record(fields.object(name)) for name in fields.content}


def _record(fields: Fields) -> FileRecord:
    digest = fields.matching("sha256", "[0-9a-f]{64}", "64 hex digits")
    return FileRecord(digest, fields.whole("bytes"))


def _check_files(manifest: Manifest) -> None:
    named = (manifest.model, manifest.fallback, manifest.test_vector.file, *manifest.libraries.values())
    if manifest.libraries and manifest.model == manifest.fallback:
        raise DamagedError(f"{MANIFEST} names libraries for a model without a fallback", MEND)
    for name in named:
        if name not in manifest.files:
            raise DamagedError(f"{MANIFEST} names {name} but does not list it under files", MEND)
