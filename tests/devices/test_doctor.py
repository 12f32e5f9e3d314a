"""`lth-edge doctor` on this machine for real, and on machines whose answers are made up."""

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from command import lth_edge
from onnx import TensorProto, helper, numpy_helper
from rich.console import Console

from lth_edge.bench.form_time import FormTime
from lth_edge.convert.model_file import save_model
from lth_edge.convert.random_masks import mask_at_random
from lth_edge.convert.sparse import to_sparse
from lth_edge.devices import last_seen, probe, visit
from lth_edge.devices.checkup import instruction_set
from lth_edge.devices.diagnosis import Diagnosis, Outlook
from lth_edge.devices.target import Done, LocalTarget
from lth_edge.doctor import diagnose, print_diagnosis
from lth_edge.errors import DeviceError, InputError
from lth_edge.prospect import prospect_of_file


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder of the test's own, and little time for timing."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(probe, "SECONDS", 0.05)
    return tmp_path / "home"


def dense_model() -> onnx.ModelProto:
    """A Gemm of 400 x 600 and one of 10 x 400."""
    rng = np.random.default_rng(0)
    shapes = {"fc1": (400, 600), "fc2": (10, 400)}
    weights = [numpy_helper.from_array(rng.standard_normal(shape, np.float32), n) for n, shape in shapes.items()]
    nodes = [
        helper.make_node("Gemm", ["input", "fc1"], ["hidden"], transB=1),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("Gemm", ["active", "fc2"], ["output"], transB=1),
    ]
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 600])
    made = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 10])
    graph = helper.make_graph(nodes, "net", [given], [made], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@pytest.fixture
def dense(tmp_path: Path) -> Path:
    save_model(dense_model(), tmp_path / "net.onnx")
    return tmp_path / "net.onnx"


def recall(name: str) -> dict[str, Any] | None:
    """What is remembered of a machine."""
    path = last_seen._path("doctor", name)
    return json.loads(path.read_text()) if path.exists() else None


class OtherMachine(LocalTarget):
    """This machine, whose answers to the agent's probe and to some modules are others."""

    name, address = "board", "ssh:pi@board"

    def __init__(self, **answers: Mapping[str, Any]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    def run(self, command: Sequence[str], stdin: bytes = b"", timeout: float = 60) -> Done:
        asked = "probe" if command[1] == "-" else command[2].rpartition(".")[2] if "start.py" in command[1] else ""
        if command[0] == "uname":
            return Done(0, b"Linux aarch64\n", b"")
        self.asked.append(asked)
        changes = dict(self._answers.get(asked, {}))
        if "code" in changes:  # how a process ended, all of it
            return Done(0, json.dumps(changes).encode(), b"")
        done = super().run(command, stdin, timeout)
        if not changes:
            return done
        told = json.loads(done.stdout)
        if told.get("stdout"):
            told["stdout"] = json.dumps(json.loads(told["stdout"]) | changes.pop("answer", {}))
        return Done(0, json.dumps(told | changes).encode(), b"")


def died(signal: str, *steps: str) -> dict[str, Any]:
    return {"code": -4, "signal": signal, "stdout": "", "stderr": "\n".join(steps)}


def the(findings: Sequence[Any], what: str) -> Any:
    return next(finding for finding in findings if finding.what == what)


def test_this_machine_is_ready_and_says_what_the_kernels_use(home: Path) -> None:
    done = lth_edge("doctor")
    assert done.code == 0, done.stderr
    assert done.stdout.startswith("ready: local runs packages, sparse kernels included")
    for row in ("ready  machine", "64-bit", "ready  Python", "ready  onnxruntime", "ready  instruction sets"):
        assert row in done.stdout
    found = recall("local")
    assert found is not None and set(found) == {"name", "target", "when", "verdict", "facts"}
    assert (found["name"], found["target"], found["verdict"]) == ("local", "local", "ready")
    assert found["facts"]["cores"] >= 1 and found["facts"]["emulator"] == ""
    assert [path.name for path in (home / ".cache/lth-edge/doctor").iterdir()] == ["local.json"]


def test_a_model_is_timed_dense_int8_and_at_four_sparsities(dense: Path) -> None:
    done = lth_edge("doctor", dense)
    assert done.code == 0, done.stderr
    for row in ("net.onnx, batch 1, one thread", "int8", "sparse, 80% zeros", "sparse, 90% zeros", "sparse, 95% zeros"):
        assert row in done.stdout
    # By the converter's own rule such a layer gains from 75 % on.
    assert "no sparse, 70% zeros: no layer gains by it" in done.stdout
    outlook = (recall("local") or {})["facts"]["outlook"]
    assert outlook["forms"][0]["form"] == "dense" and all(form["p50_us"] > 0 for form in outlook["forms"])


def test_slow_and_uncertain_times_leave_the_names_of_forms_whole() -> None:
    unsure = {"median": 1.0, "low": 0.08, "high": 112.34, "verdict": "inconclusive"}
    forms = [FormTime("dense", 123_456_789, 98_765.4, {}), FormTime("sparse, 80% zeros", 23_456_789, 90_000.0, unsure)]
    outlook = Outlook("a-model-with-a-long-name.onnx", 1, forms, {"sparse, 80% zeros": 0.8}, {})
    written = io.StringIO()
    print_diagnosis(Diagnosis("local", "local", "", {}, [outlook.finding()], outlook), Console(file=written, width=80))
    assert "a-model-with-a-long-name.onnx, batch 1, one thread\n" in written.getvalue()
    row = next(line for line in written.getvalue().splitlines() if line.startswith("sparse, 80% zeros"))
    assert row.split()[3:] == ["90,000", "us", "inconclusive", "(0.08", "to", "112.34)", "23.46", "MB"]


def test_a_network_is_exported_untrained_and_needs_no_data() -> None:
    done = lth_edge("doctor", "--model", "lenet-300-100")
    assert done.code == 0, done.stderr
    assert "lenet-300-100, batch 1" in done.stdout
    assert "sparse, 95% zeros" in done.stdout


def test_a_network_on_data_that_is_named_takes_its_shape() -> None:
    done = lth_edge("doctor", "--model", "lenet-300-100", "--data", "digits")
    assert done.code == 0, done.stderr
    dense = (recall("local") or {})["facts"]["outlook"]["forms"][0]
    assert dense["bytes"] < 300_000  # 64 inputs, and not 784


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["missing.onnx"], 3, "there is no ONNX file missing.onnx"),
        (["net.onnx", "--model", "mlp"], 2, "are two models"),
        (["--model", "lenet-55"], 2, "did you mean 'lenet-5'?"),
        (["--model", "mlp", "--threads", "0"], 2, "--threads"),
    ],
)
def test_a_wrong_question_is_told_before_the_machine_is_asked(arguments: list[str], code: int, said: str) -> None:
    done = lth_edge("doctor", *arguments)
    assert done.code == code and said in done.stderr
    assert recall("local") is None


def test_a_sparse_file_is_refused(tmp_path: Path) -> None:
    masked = mask_at_random(dense_model(), 0.9)
    save_model(to_sparse(masked.model, masked.masks).model, tmp_path / "sparse.onnx")
    with pytest.raises(InputError, match="sparse already"):
        prospect_of_file(tmp_path / "sparse.onnx")


def test_a_broken_kernels_library_is_limited_and_dense_and_int8_are_still_timed(
    dense: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = visit.Visit.put_kernels

    def put(self: visit.Visit, machine: str) -> None:
        real(self, machine)
        for library in Path(self.folder).rglob("*lth_edge.*"):
            if library.parent.name == machine:
                library.write_bytes(b"\x7fELF no library")

    monkeypatch.setattr(visit.Visit, "put_kernels", put)
    diagnosis = diagnose(LocalTarget(), prospect_of_file(dense))
    assert diagnosis.verdict == "limited"
    kernels = the(diagnosis.findings, "kernels")
    assert "onnxruntime cannot load their kernels" in kernels.told and "loading the kernels" in kernels.told
    assert diagnosis.outlook is not None
    assert [form.form for form in diagnosis.outlook.forms] == ["dense", "int8"]
    assert set(diagnosis.outlook.missing.values()) == {"no kernels run"}
    diagnosis.check()


def test_a_machine_that_there_are_no_kernels_for_is_limited() -> None:
    # The trial runs here, and nothing was put where it looks for kernels.
    diagnosis = diagnose(OtherMachine(probe={"machine": "riscv64"}))
    assert diagnosis.verdict == "limited"
    assert "this installation lacks the sparse kernels" in the(diagnosis.findings, "kernels").told


def test_a_process_that_dies_is_named_with_its_step_and_the_mend() -> None:
    step = died("SIGILL", "importing numpy", "importing onnxruntime")
    old = {"machine": "aarch64", "packages": {"numpy": "2.2.0", "onnxruntime": "1.21.0"}}
    diagnosis = diagnose(OtherMachine(probe=old, examine={"answer": {"model": "Raspberry Pi 4"}}, trial=step))
    assert "Raspberry Pi 4" in the(diagnosis.findings, "machine").told
    found = the(diagnosis.findings, "onnxruntime")
    assert found.verdict == "unfit" and "SIGILL" in found.told and "1.21.0" in found.told
    assert "1.22.1" in found.mend
    with pytest.raises(DeviceError, match="board is unfit"):
        diagnosis.check()


def test_kernels_that_die_are_limited() -> None:
    steps = ("importing numpy", "importing onnxruntime", "running a dense model", "loading the kernels")
    diagnosis = diagnose(OtherMachine(trial=died("SIGSEGV", *steps)))
    assert diagnosis.verdict == "limited"
    told = the(diagnosis.findings, "kernels").told
    assert "SIGSEGV" in told and "while loading the kernels" in told


def test_an_old_onnxruntime_is_limited() -> None:
    diagnosis = diagnose(OtherMachine(trial={"answer": {"onnxruntime": "1.19.2"}}))
    found = the(diagnosis.findings, "onnxruntime")
    assert found.verdict == diagnosis.verdict == "limited" and "proved from 1.20 on" in found.told


def no_wheels(*_: Any) -> str:
    raise DeviceError("no wheels for it")


def test_a_runtime_that_is_brought_along_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lth_edge.doctor.bring_runtime", lambda *_: "0123")
    other = OtherMachine(probe={"packages": {"numpy": "2.0", "onnxruntime": ""}, "cache": "/cache"})
    diagnosis = diagnose(other)
    found = the(diagnosis.findings, "onnxruntime")
    assert found.verdict == diagnosis.verdict == "limited"
    assert "lacks onnxruntime" in found.told and found.mend.endswith("pip install onnxruntime")


@pytest.mark.parametrize("library", ["numpy", "onnxruntime"])
def test_a_library_that_is_not_there_is_unfit(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lth_edge.doctor.bring_runtime", no_wheels)
    failed = {"code": 1, "signal": "", "stdout": "", "stderr": f"importing {library}\nNo module named '{library}'"}
    told: list[str] = []
    other = OtherMachine(probe={"packages": {"numpy": "2.0", "onnxruntime": "1.30.0", library: ""}}, trial=failed)
    diagnosis = diagnose(other, say=told.append)
    assert told == ["no wheels for it"]
    found = the(diagnosis.findings, library)
    assert (found.verdict, found.told) == ("unfit", "is not installed") and f"pip install {library}" in found.mend


@pytest.mark.parametrize(
    ("answer", "what", "said"),
    [({"bits": 32}, "machine", "32-bit"), ({"python": [3, 7, 3]}, "Python", "3.7.3, glibc")],
)
def test_what_can_run_nothing_is_not_tried(answer: dict[str, Any], what: str, said: str, dense: Path) -> None:
    other = OtherMachine(probe=answer)
    diagnosis = diagnose(other, prospect_of_file(dense))
    assert diagnosis.verdict == "unfit" and said in the(diagnosis.findings, what).told
    assert the(diagnosis.findings, what).mend
    assert "trial" not in other.asked and "worker" not in other.asked


def test_wrong_numbers_are_unfit() -> None:
    assert diagnose(OtherMachine(trial={"answer": {"error": 0.5}})).verdict == "unfit"
    assert diagnose(OtherMachine(trial={"answer": {"error": float("nan")}})).verdict == "unfit"


def test_an_emulated_machine_is_labelled_and_never_timed(dense: Path) -> None:
    other = OtherMachine(examine={"answer": {"emulator": "aarch64 emulated on x86_64"}})
    diagnosis = diagnose(other, prospect_of_file(dense))
    assert diagnosis.verdict == "limited" and "aarch64 emulated on x86_64" in the(diagnosis.findings, "machine").told
    assert "worker" not in other.asked and diagnosis.outlook is None
    assert diagnosis.to_dict()["facts"]["emulator"] == "aarch64 emulated on x86_64"


def test_an_unfit_machine_is_remembered_and_ends_with_the_code_of_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lth_edge.devices.targets.LocalTarget", lambda: OtherMachine(probe={"bits": 32}))
    done = lth_edge("doctor")
    assert done.code == 9
    assert done.stdout.startswith("unfit: ") and "install a 64-bit system" in done.stderr
    assert (recall("board") or {})["verdict"] == "unfit"


def test_nothing_is_left_on_the_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dense: Path) -> None:
    (tmp_path / "there").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "there"))
    diagnose(LocalTarget(), prospect_of_file(dense))
    assert list((tmp_path / "there").iterdir()) == []


def test_a_model_that_dies_there_is_a_device_error(dense: Path) -> None:
    other = OtherMachine(worker=died("SIGKILL", "dense: the process died"))
    with pytest.raises(DeviceError, match=r"timing the model .* failed: dense: the process died \(killed by SIGKILL\)"):
        diagnose(other, prospect_of_file(dense))


def test_a_machine_without_python_is_told() -> None:
    class Bare(LocalTarget):
        name = "bare"

        def run(self, command: Sequence[str], stdin: bytes = b"", timeout: float = 60) -> Done:
            return Done(127, b"", b"sh: python3: not found\n")

    with pytest.raises(DeviceError, match="bare has no"):
        diagnose(Bare())


def test_a_model_with_nothing_to_prune_is_refused() -> None:
    nothing = onnx.ModelProto()
    with pytest.raises(InputError, match="holds no constant float32 weight"):
        mask_at_random(nothing, 0.9)


def test_random_masks_zero_exactly_the_share_asked_for() -> None:
    masked = mask_at_random(dense_model(), 0.9)
    for tensor in masked.model.graph.initializer:
        weight = numpy_helper.to_array(tensor)
        assert np.count_nonzero(weight) == masked.masks[tensor.name].sum() == weight.size - round(0.9 * weight.size)


def test_a_model_that_does_not_gain_is_limited_and_says_what_to_ship_instead() -> None:
    outlook = Outlook("net.onnx", 1, [], {}, {"sparse, 90% zeros": "no layer gains by it"})
    assert outlook.finding().verdict == "limited" and "int8.onnx" in outlook.finding().mend


def test_a_device_declared_emulated_is_taken_for_it() -> None:
    class Declared(LocalTarget):
        emulated = True

    diagnosis = diagnose(Declared())
    assert diagnosis.verdict == "limited" and "declared" in the(diagnosis.findings, "machine").told


@pytest.mark.parametrize(
    ("processor", "flags", "told"),
    [
        ("aarch64", ["asimd"], "NEON"),
        ("x86_64", ["avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512vl"], "AVX-512"),
        ("x86_64", ["avx2", "fma", "f16c", "avx512f"], "AVX2"),
        ("x86_64", ["sse4_2"], "SSE2"),
        ("x86_64", ["unknown"], "does not list"),
    ],
)
def test_the_instruction_set_is_what_the_kernels_choose(processor: str, flags: list[str], told: str) -> None:
    assert told in instruction_set({"processor": processor, "flags": flags})


def test_what_doctor_found_is_listed_with_the_device() -> None:
    diagnosis = diagnose(OtherMachine())
    last_seen.remember_diagnosis(diagnosis.to_dict())
    listed = last_seen.seen(OtherMachine())
    assert listed.verdict.startswith("ready, ") and listed.board
