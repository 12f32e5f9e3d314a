"""Results of devices: a board that throttled, a cool one, one that tells nothing, an emulated one; and an estimate."""

from typing import Any

import numpy as np

from lth_edge.bench.latency import latency_rows
from lth_edge.bench.samples import LatencySamples

BYTES = {"dense": 2_380_000, "int8": 612_000, "ticket": 301_000, "sparse": 306_000}
FILES = {"dense": "dense.onnx", "int8": "int8.onnx", "ticket": "ticket.onnx", "sparse": "ticket.sparse.onnx"}
GAINS = {"dense": 1.0, "int8": 1.6, "ticket": 1.0, "sparse": 3.4}
ERRORS = {"dense": 2.1e-7, "int8": 0.011, "ticket": 2.4e-7, "sparse": 3.0e-7}
MODELS = {"pi4": "Raspberry Pi 4 Model B Rev 1.4", "pi5": "Raspberry Pi 5 Model B Rev 1.0"}


def device(name: str = "pi5", dense_us: float = 180.0, threads: tuple[int, ...] = (1,), **changes: Any) -> Any:
    """A clean device that knows everything of itself."""
    rng = np.random.default_rng(len(name) + int(dense_us))
    return {
        "schema_version": 1,
        "target": f"ssh:pi@{name}.local",
        "name": name,
        "kind": "measured",
        "started": "2026-11-26T10:00:00Z",
        "seconds": 41.0,
        "lth_edge": "0.1.0",
        "machine": {
            "cpu": "Cortex-A76",
            "model": MODELS.get(name, "unknown"),
            "cores": 4,
            "memory_bytes": 8_200_000_000,
            "os": "Debian GNU/Linux 12 (bookworm)",
            "kernel": "6.6.51",
            "glibc": "2.36",
            "bits": 64,
            "python": "3.11.2",
            "onnxruntime": "1.22.1",
            "numpy": "1.26.4",
            "flags": ["asimd", "asimddp", "fphp", "asimdhp"],
            "threads": list(threads),
            "affinity": "0-3",
            "throttled_since_boot": [],
        },
        "before": moment(0, 45.0),
        "after": moment(40, 58.0),
        "during": [{"t": float(t), **moment(t, 45 + 13 * (1 - 0.9**t))} for t in range(41)],
        "taints": [],
        "forms": {form: {"file": FILES[form], "bytes": size, "sha256": "0" * 64} for form, size in BYTES.items()},
        "missing": {},
        "runtime_bytes": {"onnxruntime": 24_100_000, "numpy": 38_500_000, "kernels": 74_000},
        "measurements": {str(count): measurements(rng, dense_us / count**0.5, count) for count in threads},
        "checked": dict(ERRORS),
        **changes,
    }


def throttled(name: str = "pi4", dense_us: float = 620.0) -> dict[str, Any]:
    """A board without a heat sink: its clock falls at 80 degrees."""
    during = []
    for t in range(61):
        heat = 62 + 20 * (1 - 0.93**t)
        hot = heat > 80
        during.append({"t": float(t), **moment(t, heat, 1000.0 if hot else 1500.0, ["throttled"] if hot else [])})
    found = device(name, dense_us, (1, 4), during=during, taints=["throttled while measuring"])
    found["machine"] |= {"cpu": "Cortex-A72", "flags": ["asimd"], "throttled_since_boot": ["throttled"]}
    found["before"], found["after"] = during[0], during[-1]
    return found


def silent(name: str = "board") -> dict[str, Any]:
    """A board that tells nothing of itself."""
    quiet = dict.fromkeys(("frequency_mhz", "temperature_c", "throttled", "load", "memory_available_bytes"), "unknown")
    found = device(name, 300.0, during=[{"t": float(t), **quiet} for t in range(5)])
    found["machine"] = dict.fromkeys(found["machine"], "unknown")
    found |= {"before": quiet, "after": quiet, "runtime_bytes": dict.fromkeys(found["runtime_bytes"], "unknown")}
    return found


def emulated(name: str = "pretend-pi") -> dict[str, Any]:
    """The times of an emulator: hundreds of times longer than those of any board."""
    return device(name, 123_456.0, kind="emulated")


def estimate(name: str = "zero2w") -> dict[str, Any]:
    return {
        "schema_version": 1,
        "name": name,
        "board": "Raspberry Pi Zero 2 W",
        "kind": "estimated",
        "method": "roofline per layer, calibrated by kernel class",
        "note": "not measured on device",
        "created": "2026-11-26T10:00:00Z",
        "forms": {"dense": {"low_us": 700.0, "high_us": 1500.0}, "sparse": {"low_us": 210.0, "high_us": 520.0}},
        "speedup": {"sparse": {"low": 2.1, "high": 3.6}},
        "layers": [layer("0.weight", "gemm", 65_536), layer("2.weight", "sparse vector", 21_000)],
    }


def layer(name: str, kernel: str, multiply_adds: int) -> dict[str, Any]:
    times = {"us": 42.0, "low_us": 21.0, "high_us": 84.0}
    return {"name": name, "kernel": kernel, "multiply_adds": multiply_adds, "bytes": 9000, "bound": "memory", **times}


def moment(t: float, heat: float, clock: float = 2400.0, words: list[str] | None = None) -> dict[str, Any]:
    return {
        "time": f"2026-11-26T10:00:{int(t) % 60:02d}Z",
        "governor": "ondemand",
        "frequency_mhz": clock,
        "temperature_c": round(heat, 1),
        "throttled": words or [],
        "load": 0.4,
        "memory_available_bytes": 6_400_000_000,
    }


def measurements(rng: np.random.Generator, dense_us: float, threads: int) -> dict[str, Any]:
    """As `bench` gives them, batches 1 and 32."""
    null = {"1": [[15.0] * 3] * 5, "32": [[15.5] * 3] * 5}
    times = {
        batch: {form: _processes(rng, dense_us * factor / gain) for form, gain in GAINS.items()}
        for batch, factor in (("1", 1.0), ("32", 9.0))
    }
    memory = {"": 36, "dense": 46, "int8": 41, "ticket": 50, "sparse": 37}
    loads = {"dense": 21.0, "int8": 16.0, "ticket": 26.0, "sparse": 9.0}
    return {
        "threads": threads,
        "processes": 5,
        "null_us": {"1": 15.0, "32": 15.5},
        "latency": latency_rows(LatencySamples(null, times)),
        "load": [{"form": f, "median_ms": v, "low_ms": 0.97 * v, "high_ms": 1.04 * v} for f, v in loads.items()],
        "memory": [
            {"form": f, "peak_bytes": v * 1_000_000, "above_empty_bytes": (v - 36) * 1_000_000}
            for f, v in memory.items()
            if f
        ],
        "raw": {
            "latency_us": times,
            "load_ms": {form: [ms, ms * 1.02] for form, ms in loads.items()},
            "memory_bytes": {form: [mb * 1_000_000] * 3 for form, mb in memory.items()},
        },
    }


def _processes(rng: np.random.Generator, median: float) -> list[list[float]]:
    centres = median * (1 + rng.normal(0, 0.01, 5))
    return [[round(float(c * (1 + rng.gamma(1.2, 0.015))), 3) for _ in range(120)] for c in centres]
