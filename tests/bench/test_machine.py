import json
import platform
from importlib.metadata import version

import pytest

from lth_edge.bench.machine import machine

PI = {
    "proc/cpuinfo": "processor\t: 0\nBogoMIPS\t: 108.00\n"
    "Features\t: fp asimd evtstrm crc32 atomics fphp asimdhp cpuid asimddp\nCPU implementer\t: 0x41\n",
    "proc/device-tree/model": "Raspberry Pi 5 Model B Rev 1.0\0",
    "proc/meminfo": "MemTotal:        8252656 kB\nMemFree:         5000 kB\n",
    "etc/os-release": 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
    "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "2400000\n",
}
PC = {
    "proc/cpuinfo": "processor : 0\nmodel name : AMD EPYC 7B13\ncpu MHz : 2445.4\n"
    "flags : fpu sse4_2 fma avx f16c avx2 sha_ni avx512_vnni\n\nprocessor : 1\nmodel name : other\n",
}


def _tree(root, files):
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def test_a_raspberry_pi(tmp_path):
    found = machine(_tree(tmp_path, PI))
    assert found["cpu"] == "Raspberry Pi 5 Model B Rev 1.0"
    assert found["memory_bytes"] == 8252656 * 1024
    assert found["os"] == "Debian GNU/Linux 12 (bookworm)"
    assert found["flags"] == ["asimd", "fphp", "asimdhp", "asimddp"]
    assert (found["governor"], found["frequency_mhz"]) == ("ondemand", 2400.0)


def test_a_pc_without_frequency_scaling(tmp_path):
    found = machine(_tree(tmp_path, PC))
    assert found["cpu"] == "AMD EPYC 7B13"
    assert found["flags"] == ["sse4_2", "avx", "f16c", "fma", "avx2", "avx512_vnni"]
    assert (found["governor"], found["frequency_mhz"]) == ("unknown", 2445.4)


@pytest.mark.parametrize("system", ["Darwin", "Windows"])
def test_what_cannot_be_read_is_unknown(tmp_path, monkeypatch, system):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "release", lambda: "")
    monkeypatch.delattr("os.getloadavg", raising=False)
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: None)
    monkeypatch.setattr("lth_edge.bench.machine.version", _not_installed)
    found = machine(tmp_path)
    unknown = {"cores", "memory_bytes", "kernel", "onnxruntime", "numpy", "governor", "frequency_mhz"}
    assert {found[name] for name in unknown | {"load_before"}} == {"unknown"}
    assert found["flags"] == ["unknown"]
    assert found["os"] == system
    assert not {0, "", None} & {value for value in found.values() if not isinstance(value, list)}


def test_zeros_of_the_kernel_are_unknown(tmp_path):
    found = machine(_tree(tmp_path, {"proc/cpuinfo": "cpu MHz : 0.000\n", "proc/meminfo": "MemTotal: 0 kB\n"}))
    assert (found["frequency_mhz"], found["memory_bytes"]) == ("unknown", "unknown")


def test_this_machine_fits_into_json():
    found = machine()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["python"] == platform.python_version()
    assert found["numpy"] == version("numpy")


def _not_installed(name):
    from importlib.metadata import PackageNotFoundError

    raise PackageNotFoundError(name)
