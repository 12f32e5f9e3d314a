"""What Raspberry Pis show in /sys, /etc and on the command line, as files of a pretend one."""

from dataclasses import dataclass

STATE = "/opt/pretend"
"""The folder, inside, of what changes while the board runs: frequency, temperature, throttling."""
MEASURED = {"frequency_khz": "", "temperature": "48312", "throttled": "0x0"}
"""File of `STATE` -> what it holds at first; the frequency is the board's own."""
_CORES = 4


@dataclass(frozen=True)
class Board:
    """A board.

    Attributes:
        model: as the device tree names it.
        cpu: as qemu names its cores.
        kilohertz: the highest clock.
        caches: (level, kind, size, whether all cores share it) each.
    """

    model: str
    cpu: str
    kilohertz: int
    caches: tuple[tuple[int, str, str, bool], ...]


_A53 = ((1, "Data", "32K", False), (1, "Instruction", "32K", False), (2, "Unified", "512K", True))
BOARDS = {
    "zero2w": Board("Raspberry Pi Zero 2 W Rev 1.0", "cortex-a53", 1_000_000, _A53),
    "pi3": Board("Raspberry Pi 3 Model B Plus Rev 1.3", "cortex-a53", 1_400_000, _A53),
    "pi4": Board(
        "Raspberry Pi 4 Model B Rev 1.4",
        "cortex-a72",
        1_800_000,
        ((1, "Data", "32K", False), (1, "Instruction", "48K", False), (2, "Unified", "1024K", True)),
    ),
    "pi5": Board(
        "Raspberry Pi 5 Model B Rev 1.0",
        "cortex-a76",
        2_400_000,
        (
            (1, "Data", "64K", False),
            (1, "Instruction", "64K", False),
            (2, "Unified", "512K", False),
            (3, "Unified", "2048K", True),
        ),
    ),
}

_VCGENCMD = f"""#!/bin/sh
case "$1" in
  get_throttled) echo "throttled=$(cat {STATE}/throttled)" ;;
  measure_temp) t=$(cat {STATE}/temperature); echo "temp=$((t / 1000)).$((t / 100 % 10))'C" ;;
  measure_clock) echo "frequency(48)=$(cat {STATE}/frequency_khz)000" ;;
  *) echo 'error=1 error_msg="Command not registered"'; exit 1 ;;
esac
"""
_UNAME = """#!/bin/sh
case "$1" in -m) echo {machine} ;; *) echo "Linux {machine}" ;; esac
"""
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n"
    "sshd:x:105:65534::/run/sshd:/usr/sbin/nologin\n"
    "pi:x:1000:1000::/home/pi:/bin/bash\n"
    "nobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n",
    "etc/group": "root:x:0:\ntty:x:5:\npi:x:1000:\nnogroup:x:65534:\n",
    # A "!" here would lock the account for keys too.
    "etc/shadow": "root:*:20000:0:99999:7:::\nsshd:*:20000:0:99999:7:::\npi:*:20000:0:99999:7:::\n",
}


def board_files(board: Board, machine: str) -> dict[str, str]:
    """Path in the root -> text.

    Args:
        machine: what `uname -m` says; a stub answers where it is not aarch64.
    """
    files = _ACCOUNTS | _cpu_files(board)
    files["sys/firmware/devicetree/base/model"] = board.model + "\0"
    files["usr/bin/vcgencmd"] = _VCGENCMD
    if machine != "aarch64":
        files["usr/bin/uname"] = _UNAME.format(machine=machine)
    return files


def board_links(board: Board) -> dict[str, str]:
    """Path in the root -> what it points to: the files that change while the board runs."""
    frequency = {
        f"sys/devices/system/cpu/cpu{core}/cpufreq/scaling_cur_freq": f"{STATE}/frequency_khz" for core in range(_CORES)
    }
    return frequency | {"sys/class/thermal/thermal_zone0/temp": f"{STATE}/temperature"}


def _cpu_files(board: Board) -> dict[str, str]:
    top = "sys/devices/system/cpu"
    files = {f"{top}/{name}": f"0-{_CORES - 1}\n" for name in ("possible", "present", "online")}
    for core in range(_CORES):
        folder = f"{top}/cpu{core}"
        files |= {
            f"{folder}/topology/core_id": f"{core}\n",
            f"{folder}/topology/physical_package_id": "0\n",
            f"{folder}/topology/core_siblings_list": f"0-{_CORES - 1}\n",
            f"{folder}/topology/thread_siblings_list": f"{core}\n",
            f"{folder}/cpufreq/cpuinfo_min_freq": "600000\n",
            f"{folder}/cpufreq/cpuinfo_max_freq": f"{board.kilohertz}\n",
            f"{folder}/cpufreq/scaling_governor": "ondemand\n",
        }
        for index, (level, kind, size, shared) in enumerate(board.caches):
            cache = f"{folder}/cache/index{index}"
            cores = f"0-{_CORES - 1}" if shared else str(core)
            files |= {f"{cache}/level": f"{level}\n", f"{cache}/type": f"{kind}\n", f"{cache}/size": f"{size}\n"}
            files[f"{cache}/shared_cpu_list"] = f"{cores}\n"
    return files
