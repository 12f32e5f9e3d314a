"""The machine that measured: figures mean little without it. What cannot be read is "unknown", never 0."""

import os
import platform
import re
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

UNKNOWN = "unknown"

# Instruction sets that decide which kernels onnxruntime can choose, as Linux names them.
_X86 = (
    "sse4_2",
    "avx",
    "f16c",
    "fma",
    "avx2",
    "avx512f",
    "avx512bw",
    "avx512vl",
    "avx512_vnni",
    "avx512_bf16",
)
_X86_NEWER = ("avx512_fp16", "avx_vnni", "avx_vnni_int8", "amx_tile", "amx_int8", "amx_bf16")
_ARM = ("neon", "vfpv4", "asimd", "fphp", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sme")
_FLAGS = (*_X86, *_X86_NEWER, *_ARM)


def machine(root: Path = Path("/")) -> dict[str, Any]:
    """Describe this machine.

    Args:
        root: where /proc, /sys and /etc lie.

    Returns:
        cpu, cores (that this process may use), memory_bytes, os, kernel, python, onnxruntime, numpy, flags
        (instruction sets), governor, frequency_mhz, load_before (mean over the last minute).
    """
    cpuinfo = _cpuinfo(root)
    return {
        "cpu": _cpu(root, cpuinfo),
        "cores": _cores(),
        "memory_bytes": _memory(root),
        "os": _os(root),
        "kernel": platform.release() or UNKNOWN,
        "python": platform.python_version(),
        "onnxruntime": _version("onnxruntime", "onnxruntime-gpu", "onnxruntime-qnn"),
        "numpy": _version("numpy"),
        "flags": _flags(cpuinfo),
        "governor": governor(root),
        "frequency_mhz": frequency_mhz(root),
        "load_before": load_average(),
    }


def read_text(path: Path) -> str:
    """The text of a file of the kernel, without trailing zeros and spaces; "" where it cannot be read."""
    try:
        return path.read_text(errors="replace").strip("\0 \n")
    except OSError:
        return ""


def _cpuinfo(root: Path) -> dict[str, str]:
    """The fields of /proc/cpuinfo, the first of each name; {} where there is none."""
    fields: dict[str, str] = {}
    for line in read_text(root / "proc/cpuinfo").splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    return fields


def _cpu(root: Path, cpuinfo: dict[str, str]) -> str:
    """The model of the processor, or of the board where the processor does not say."""
    return (
        cpuinfo.get("model name")
        or board_model(root)
        or cpuinfo.get("Model")
        or cpuinfo.get("Hardware")
        or _sysctl("machdep.cpu.brand_string")
        or platform.processor()
        or platform.machine()
        or UNKNOWN
    )


def board_model(root: Path = Path("/")) -> str:
    """The board as its device tree names it; "" where there is none."""
    return read_text(root / "proc/device-tree/model") or read_text(root / "sys/firmware/devicetree/base/model")


def _sysctl(name: str) -> str:
    """A value that macOS tells; "" elsewhere."""
    if platform.system() != "Darwin":
        return ""
    try:
        found = subprocess.run(["/usr/sbin/sysctl", "-n", name], capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return found.stdout.strip()


def _cores() -> int | str:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or UNKNOWN


def _memory(root: Path) -> int | str:
    total = re.search(r"^MemTotal:\s+(\d+) kB", read_text(root / "proc/meminfo"), re.MULTILINE)
    if total:
        return int(total[1]) * 1024 or UNKNOWN
    told = _sysctl("hw.memsize")
    return int(told) if told.isdigit() else UNKNOWN


def _os(root: Path) -> str:
    name = re.search(r'^PRETTY_NAME="?([^"\n]+)', read_text(root / "etc/os-release"), re.MULTILINE)
    return name[1] if name else f"{platform.system()} {platform.release()}".strip() or UNKNOWN


def _version(*distributions: str) -> str:
    for distribution in distributions:
        try:
            return version(distribution)
        except PackageNotFoundError:
            continue
    return UNKNOWN


def _flags(cpuinfo: dict[str, str]) -> list[str]:
    told = (cpuinfo.get("flags") or cpuinfo.get("Features") or "").split()
    return [flag for flag in _FLAGS if flag in told] if told else [UNKNOWN]


def governor(root: Path = Path("/")) -> str:
    """What sets the clock of the first core."""
    return read_text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") or UNKNOWN


def frequency_mhz(root: Path = Path("/")) -> float | str:
    """Of the first core, now, in MHz."""
    kilohertz = read_text(root / "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq")
    if kilohertz.isdigit():
        return int(kilohertz) / 1000
    try:
        return float(_cpuinfo(root)["cpu MHz"]) or UNKNOWN
    except (KeyError, ValueError):
        return UNKNOWN


def load_average() -> float | str:
    """Processes that run or wait, mean over the last minute."""
    try:
        return round(os.getloadavg()[0], 2)
    except (AttributeError, OSError):
        return UNKNOWN
