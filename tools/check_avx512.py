"""Run the AVX-512 kernels on a machine without AVX-512: in Bochs, which emulates a CPU that has it, under a tiny Linux.

    python tools/check_avx512.py [--seeds N] [--cpu MODEL] [--cache FOLDER]

Needs g++, apt and the packages bochs, bochs-term, bochsbios, vgabios, isolinux, syslinux-common, xorriso and cpio.
The kernel and busybox are fetched once into the cache, and never installed. Booting takes about two minutes.
Only right and wrong are checked: emulated time says nothing.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "kernels"))

from build_driver import build_driver  # noqa: E402

PACKAGES = ["busybox-static"]
KERNEL = "linux-image-cloud-amd64"  # depends on the newest of that kind

BOCHS = """
config_interface: textconfig
display_library: term
megs: 512
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/vgabios/vgabios.bin
cpu: model={cpu}, count=1, ips=200000000, reset_on_triple_fault=0
ata0-master: type=cdrom, path=disc.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=serial.txt
log: bochs.log
panic: action=fatal
error: action=ignore
info: action=ignore
clock: sync=none
plugin_ctrl: sb16=false, es1370=false, speaker=false, e1000=false, voodoo=false
"""

# Bochs 2.7 tells sizes of XSAVES that Linux mistrusts, and Linux then hides AVX-512. Without XSAVES (bit 323) and
# XSAVEC (321) it takes the plain layout.
BOOT = """
default test
prompt 0
label test
 kernel vmlinuz
 append initrd=initrd.gz console=ttyS0,115200 nokaslr mitigations=off nosmp tsc=reliable quiet clearcpuid=323,321
"""

INIT = """#!/bin/busybox sh
/bin/busybox mount -t devtmpfs none /dev
exec > /dev/ttyS0 2>&1
/driver --sets
/driver 0 {seeds} --set avx512 --guards
/bin/busybox echo "exit status $?"
/bin/busybox poweroff -f
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20, help="chains of layers drawn")
    parser.add_argument("--cpu", default="corei7_skylake_x", help="a model that `bochs --help cpu` lists")
    parser.add_argument("--minutes", type=int, default=30, help="give up after")
    parser.add_argument("--cache", type=Path, default=Path.home() / ".cache" / "lth-edge" / "avx512")
    asked = parser.parse_args()
    linux = _linux(asked.cache.resolve())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        driver = build_driver(folder / "driver", flags=["-O2", "-static"])
        _disc(folder, linux, driver, asked.seeds)
        said = _boot(folder, asked.cpu, 60 * asked.minutes)
    print(said)
    sys.exit(0 if "exit status 0" in said else 1)


def _run(command: list[str | Path], cwd: Path) -> str:
    return subprocess.run(list(map(str, command)), check=True, cwd=cwd, text=True, stdout=subprocess.PIPE).stdout


def _linux(cache: Path) -> Path:
    """A folder with a kernel in boot/ and busybox in bin/, from the packages of this machine's Debian."""
    unpacked = cache / "linux"
    if not list(unpacked.glob("boot/vmlinuz*")):
        cache.mkdir(parents=True, exist_ok=True)
        depends = _run(["apt-cache", "depends", KERNEL], cache)
        kernel = next(
            line.split()[1] for line in depends.splitlines() if line.strip().startswith("Depends: linux-image")
        )
        _run(["apt-get", "-qq", "download", kernel, *PACKAGES], cache)
        for package in cache.glob("*.deb"):
            _run(["dpkg", "-x", package, unpacked], cache)
    return unpacked


def _disc(folder: Path, linux: Path, driver: Path, seeds: int) -> None:
    """disc.iso: a boot loader, the kernel, and an initial file system of busybox, the driver and what to do."""
    files, disc = folder / "files", folder / "disc"
    (files / "bin").mkdir(parents=True)
    (files / "dev").mkdir()
    disc.mkdir()
    (files / "bin" / "busybox").write_bytes((linux / "bin" / "busybox").read_bytes())
    (files / "driver").write_bytes(driver.read_bytes())
    (files / "init").write_text(INIT.format(seeds=seeds))
    for program in ("bin/busybox", "driver", "init"):
        (files / program).chmod(0o755)
    _run(["sh", "-c", f"find . | cpio -o -H newc -R 0:0 --quiet | gzip > {disc}/initrd.gz"], files)
    (disc / "vmlinuz").write_bytes(next(linux.glob("boot/vmlinuz*")).read_bytes())
    (disc / "isolinux.cfg").write_text(BOOT)
    for loader in ("ISOLINUX/isolinux.bin", "syslinux/modules/bios/ldlinux.c32"):
        (disc / Path(loader).name).write_bytes((Path("/usr/lib") / loader).read_bytes())
    bootable = "-b isolinux.bin -c boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table".split()
    _run(["xorriso", "-report_about", "WARNING", "-as", "mkisofs", "-o", "disc.iso", *bootable, "disc"], folder)


def _boot(folder: Path, cpu: str, seconds: int) -> str:
    """What the machine writes to its serial line before it switches itself off."""
    (folder / "bochsrc").write_text(BOCHS.format(cpu=cpu))
    (folder / "go").write_text("c\n")  # Debian's Bochs stops in its debugger first
    serial, started = folder / "serial.txt", time.monotonic()
    # `script` gives Bochs the terminal that it draws its screen on.
    screen = ["script", "-qec", "stty rows 50 cols 132; exec bochs -q -f bochsrc -rc go", "/dev/null"]
    with (folder / "screen").open("w") as drawn:
        command, nothing = ["env", "TERM=xterm", *screen], subprocess.DEVNULL
        with subprocess.Popen(command, cwd=folder, stdin=nothing, stdout=drawn, stderr=drawn) as bochs:
            while bochs.poll() is None and time.monotonic() - started < seconds:
                time.sleep(1)
                if serial.is_file() and "Power down" in serial.read_text(errors="replace"):
                    break
            bochs.terminate()
    return serial.read_text(errors="replace") if serial.is_file() else (folder / "screen").read_text(errors="replace")


if __name__ == "__main__":
    main()
