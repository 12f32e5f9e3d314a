"""The sections of a report that come from the files."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lth_edge import findings
from lth_edge.errors import InputError
from lth_edge.final_pass import TestResults
from lth_edge.forms import Baseline, Stored
from lth_edge.storage import Storage


def test_a_ticket_too_large_to_be_coded_here_ends_no_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: object) -> bytes:
        raise InputError("there is no library of lth-edge's for this machine")

    monkeypatch.setattr(findings, "write_container", refuses)
    paths = {name: tmp_path / f"{name}.onnx" for name in ("dense", "ticket")}
    for path in paths.values():
        path.write_bytes(b"some numbers")
    proof: Any = SimpleNamespace(examples=1, to_dict=dict)
    storage = Storage("fp32", 0.1, (), "fp32", trained=False)
    csr = {"bytes": 9, "layers": [{"nnz": 3}], "limit_bits": 60.0}
    stored = Stored({"ticket": paths["ticket"]}, [proof], {}, csr, 10, {}, storage)
    baseline = Baseline({"dense": paths["dense"]}, proof, {})
    measured: Any = SimpleNamespace(to_dict=dict)
    found = findings.file_sections(baseline, stored, {"dense": 98.0, "ticket": 97.0}, TestResults(), measured)
    told = {row["form"] for row in found["sizes"]}
    assert {"CSR", "ticket.onnx"} <= told and not any("lthe" in form for form in told)
