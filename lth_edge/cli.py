"""The command line: parse, call, print. What it does is in `lth_edge.pipeline`, `conversion` and `inspect`."""

import os
import sys
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import click

from lth_edge._version import __version__
from lth_edge.errors import INTERRUPTED, LthEdgeError, NoTicketError, RecipeError
from lth_edge.options import GroupedCommand, Numbers, changes, recipe_options
from lth_edge.presets.catalog import combined, data_needed, names, summary
from lth_edge.recipe import read_recipe

EPILOG = """Exit codes: 0 done; 1 other error; 2 wrong option or recipe; 3 missing or unfit model, data or weights;
4 no ticket within tolerance; 5 a file does not compute what it was made from does; 6 damaged ONNX file, ticket,
package or run; 7 no space left, or not writable; 8 training failed; 9 a device cannot be
reached, is full or cannot run this; 130 interrupted."""

SINCE = "the earlier version that FILE.lthe updates; where that is an update too, give what it updates as well"


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lth-edge")
def cli() -> None:
    """Find a lottery ticket in a PyTorch network and ship it to an edge device, with proof."""


@cli.command(cls=GroupedCommand, epilog=EPILOG)
@click.argument("recipe", required=False, type=click.Path(path_type=Path), metavar="[RECIPE.toml]")
@click.option("--out", type=click.Path(path_type=Path), help="the run's folder [lth-edge-runs/TASK-HASH]")
@click.option("--dry-run", is_flag=True, help="stop after the forecast")
@recipe_options()
def compress(recipe: Path | None, out: Path | None, dry_run: bool, **options: Any) -> None:
    """Find a winning ticket, store it, prove it, measure it, package it and report.

    With no option: scikit-learn's digits and a network of 595,000 weights, in under two minutes. The same command goes
    on where it was killed. Flags win over the recipe, and the recipe over a preset.
    """
    wanted = combined({} if recipe is None else read_recipe(recipe), changes(options))
    click.echo("loading PyTorch ...", err=True)
    from lth_edge.pipeline import compress as run
    from lth_edge.pipeline import preview
    from lth_edge.progress import on_stderr

    if dry_run:
        for line in preview(wanted, out, on_stderr()):
            click.echo(line)
        return
    report = run(wanted, out, progress=on_stderr())
    _show(report)
    if report.content["chosen"] is None:
        raise NoTicketError(
            "no pruned level is within tolerance of dense on validation data",
            "the curve is in report.html; train longer, or allow more --tolerance",
        )


@cli.command()
def presets() -> None:
    """List the recipes of the literature that `compress --preset NAME` starts from, each with its source and data."""
    for name in names():
        click.echo(f"{name:<15} {summary(name)}")
    click.echo("\nThe folder that --data-dir names must hold, for")
    for line in data_needed():
        click.echo(f"  {line}")


@cli.command()
@click.argument("package", type=click.Path(path_type=Path))
def verify(package: Path) -> None:
    """Check a package's hashes and replay its test vector; PACKAGE is its folder or zip."""
    from lth_edge.package.verify import verify_package

    found = verify_package(package)
    click.echo(f"{package}: {len(found.files)} files with the right hash")
    for name, why in found.skipped.items():
        click.echo(f"{name}: not replayed: {why}")
    for name, error in found.errors.items():
        click.echo(f"{name}: gives the recorded outputs, largest error {error:.1e} of the largest output")


@cli.command(epilog=EPILOG)
@click.argument("source", type=click.Path(path_type=Path), metavar="RUN_OR_PACKAGE")
@click.option("--target", "targets", multiple=True, required=True, metavar="TARGET", help="may be given several times")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="a folder a target")
@click.option("--release", type=click.IntRange(1), metavar="N", help="also make release N in DIR/updates")
@click.option("--sign", type=click.Path(path_type=Path), metavar="KEY", help="key of ssh's that signs the release")
@click.option("--values", type=click.Choice(["int8", "fp32"]), default="int8", help="c: stored weights [int8]")
@click.option("--activations", type=click.Choice(["int8", "fp32"]), default="int8", help="c: computed in [int8]")
@click.option("--dense", is_flag=True, help="c: store every weight, zeros too, to compare with")
def package(
    source: Path, targets: tuple[str, ...], out: Path, release: int | None, sign: Path | None, **c_options: Any
) -> None:
    """Make what a device needs out of a run's package.

    Targets: linux-x86_64, linux-aarch64, macos-arm64, macos-x86_64, windows-x86_64 (the package with that target's
    kernels); android-arm64 (what an app's project takes in); wheel (lth-edge without training, for pip on a device);
    c (one C file for a microcontroller).

    With --release and --sign, DIR/updates/TARGET is a folder of static files that devices update themselves from.
    """
    from lth_edge.package.c_program import told
    from lth_edge.package.release import Signed
    from lth_edge.package.targets import package_for

    if (release is None) != (sign is None):
        raise RecipeError("a release needs a number and a signature", "give both --release N and --sign KEY")
    signed = Signed(release, sign) if release and sign else None
    for folder in package_for(source, targets, out, signed, {"c": c_options}):
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        click.echo("\n".join([f"{folder}: {size:,} bytes", *told(folder)]))


@cli.command()
@click.argument("path", type=click.Path(path_type=Path))
def inspect(path: Path) -> None:
    """Print the sparsity of a ticket, a package, a run or an ONNX file, layer by layer."""
    from lth_edge.inspect import layers_of, table

    click.echo(table(layers_of(path)))


@cli.command(epilog=EPILOG)
@click.argument("source", type=click.Path(path_type=Path), metavar="IN.onnx")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="OUT.onnx", help="file to write")
@click.option(
    "--min-sparsity", type=float, metavar="FRACTION", help="convert layers from this share of zeros on [auto]"
)
@click.option("--values", type=click.Choice(["fp32", "fp16", "int8"]), default="fp32", help="stored weights [fp32]")
@click.option(
    "--sparse-weights",
    type=click.Choice(["plain", "fast", "best"]),
    help="plain arrays, or coded and decoded at load: fast, or best, the fewest bytes [plain]",
)
@click.option("--verify/--no-verify", default=True, help="run both files on random inputs and compare [verify]")
@click.option("--tune", is_flag=True, help="time how best to compute each convolution on this machine, not by rule")
def convert(
    source: Path, out: Path, min_sparsity: float | None, values: Any, sparse_weights: Any, verify: bool, tune: bool
) -> None:
    """Make the sparse layers of any ONNX model faster: whoever pruned it, its zeros are no longer computed.

    Layer by layer it says what was converted, and what not and why. Inputs, outputs and their names stay.

    --tune takes about a second a convolution, wants a machine that does nothing else, and what it stores in the file
    belongs to this machine: elsewhere the file is as right, but perhaps slower. Without it, the same model gives the
    same file every time.
    """
    from rich.console import Console

    from lth_edge.conversion import convert_file, print_conversion

    if tune:
        click.echo("timing the convolutions, about a second each ...", err=True)
    conversion = convert_file(source, out, min_sparsity, values, verify, tune, sparse_weights)
    print_conversion(conversion, out, verify, Console())


@cli.command(cls=GroupedCommand, epilog=EPILOG)
@click.argument("file", required=False, type=click.Path(path_type=Path), metavar="[MODEL.onnx]")
@click.option("--on", default="local", metavar="TARGET", help="local, ssh:user@host or a name [local]")
@click.option("--devices", type=click.Path(path_type=Path), help="file of names [~/.config/lth-edge/devices.toml]")
@click.option("--threads", type=click.IntRange(1), default=1, help="threads of onnxruntime while timing [1]")
@recipe_options("task")
def doctor(file: Path | None, on: str, devices: Path | None, threads: int, **options: Any) -> None:
    """Look at a machine for a minute before training for it: can it run a package, and how fast?

    The kernels are loaded and tried there. MODEL.onnx, or the network that --model names as for `compress`, is timed
    there dense, as int8, and sparse with 70, 80, 90 and 95 % random zeros: what pruning will gain.
    """
    from rich.console import Console

    from lth_edge.devices.last_seen import remember_diagnosis
    from lth_edge.devices.targets import find_target
    from lth_edge.doctor import diagnose, print_diagnosis
    from lth_edge.progress import on_stderr
    from lth_edge.prospect import prospect_of

    say, target = on_stderr().line, find_target(on, devices)
    say(f"looking at {on}, about a minute")
    diagnosis = diagnose(target, prospect_of(file, changes(options).get("task", {})), threads, say)
    print_diagnosis(diagnosis, Console())
    remember_diagnosis(diagnosis.to_dict())
    diagnosis.check()


@cli.command(epilog=EPILOG)
@click.argument("path", type=click.Path(path_type=Path), metavar="RUN|MODEL.onnx")
@click.option("--target", required=True, metavar="BOARD", help="pi3, pi4, pi5 or zero2w")
def estimate(path: Path, target: str) -> None:
    """Estimate what a run's files, or an ONNX file, would take on a board that is not at hand.

    A range and its method, no measurement. For a run it is also written to RUN/devices/BOARD.estimate.json.
    """
    from rich.console import Console

    from lth_edge.estimate import estimate as estimate_for
    from lth_edge.estimate import print_estimate, save

    found = estimate_for(path, target)
    print_estimate(found, Console())
    if path.is_dir():
        click.echo(f"written: {save(found, path)}")


@cli.command(epilog=EPILOG)
@click.argument("path", type=click.Path(path_type=Path), required=False, metavar="RUN|PACKAGE")
@click.option("--on", "wanted", multiple=True, required=True, metavar="TARGET", help="local, ssh:user@host or a name")
@click.option("--devices", type=click.Path(path_type=Path), help="file of names [~/.config/lth-edge/devices.toml]")
@click.option("--baseline", type=click.Path(path_type=Path), metavar="dense.onnx", help="what a package came from")
@click.option("--threads", type=Numbers(int), metavar="N,M", help="onnxruntime threads [the run's]")
@click.option("--processes", type=int, help="processes per measurement [the run's]")
@click.option("--seconds", type=float, help="timed seconds per process [the run's]")
@click.option("--out", type=click.Path(path_type=Path), help="folder of results [RUN/devices, PACKAGE-devices]")
@click.option("--forget", is_flag=True, help="end your bench there and remove lth-edge's cache")
def bench(path: Path | None, wanted: tuple[str, ...], devices: Path | None, forget: bool, **options: Any) -> None:
    """Measure a run, or a package beside its dense model, on devices: dense, int8, ticket and sparse, interleaved.

    Devices are reached by your own ssh. A run goes on there when the connection drops: the same command fetches it.
    """
    from rich.console import Console

    from lth_edge.devices.bench import forget as clear
    from lth_edge.devices.bench_devices import bench_devices, failure
    from lth_edge.devices.tables import print_outcomes
    from lth_edge.devices.targets import find_target
    from lth_edge.progress import on_stderr

    targets = [find_target(name, devices) for name in wanted]
    if forget:
        for target in targets:
            clear(target)
            click.echo(f"{target.name}: nothing of lth-edge's is left there")
        return
    if path is None:
        raise click.UsageError("name the run or the package to measure")
    outcomes = bench_devices(path, targets, say=on_stderr().line, **options)
    print_outcomes(outcomes, Console())
    error = failure(outcomes)
    if (path / "run.json").is_file() and options["out"] is None and any(outcome.path for outcome in outcomes):
        from lth_edge.report.devices.save import PAGE, save_devices

        with nullcontext() if error is None else suppress(LthEdgeError):
            save_devices(path)
            click.echo(f"report:  {path / PAGE}")
    if error is not None:
        raise error


@cli.command()
@click.option("--devices", type=click.Path(path_type=Path), help="file of names [~/.config/lth-edge/devices.toml]")
def devices(devices: Path | None) -> None:
    """List the named devices with what `doctor` and `bench` found there last."""
    from rich.console import Console

    from lth_edge.devices.last_seen import seen
    from lth_edge.devices.tables import print_devices
    from lth_edge.devices.targets import DEVICES, read_devices

    named = read_devices(devices)
    if not named:
        click.echo(
            f'no device is named in {devices or DEVICES}; such as:\n\n[pi4]\ntarget = "ssh:pi@raspberrypi.local"'
        )
    else:
        print_devices([seen(target) for target in named.values()], Console())


@cli.command(epilog=EPILOG)
@click.argument("run", type=click.Path(path_type=Path))
def report(run: Path) -> None:
    """Show the devices of a RUN side by side: which form to ship there, latency, memory, bytes, clock and temperature.

    Reads what bench and estimate left in RUN/devices/, prints a summary and writes RUN/devices.html and
    RUN/devices.md. What was emulated or estimated stands apart from what was measured.
    """
    from rich.console import Console

    from lth_edge.report.devices.save import PAGE, save_devices
    from lth_edge.report.devices.terminal import print_devices

    print_devices(save_devices(run), Console())
    click.echo(f"\nreport:  {run / PAGE}")


@cli.command(epilog=EPILOG)
@click.argument("source", type=click.Path(path_type=Path), metavar="RUN_OR_PACKAGE")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="FILE.lthe", help="file to write")
@click.option("--best/--fast", default=True, help="the smallest file, or one that decodes twice as fast [best]")
@click.option("--since", multiple=True, type=click.Path(path_type=Path), metavar="OLD.lthe", help=SINCE)
def pack(source: Path, out: Path, best: bool, since: tuple[Path, ...]) -> None:
    """Make a package the smallest download: masks and values coded by context, without loss.

    RUN_OR_PACKAGE is a run, a package (its folder or zip) or an ONNX file. What `unpack` gives back is the same to the
    byte, on every machine.

    With --since only the difference to an earlier version is written: what is there already takes next to nothing, and
    weights are coded by what they were. It is small where masks are the same or sparser: see `compress --keep-mask`.
    Weights that a sparse model holds coded are written whole: see `--sparse-weights`.
    """
    from lth_edge.package.pack import pack as write

    click.echo(f"{out}: {write(source, out, best, since).told_packed()}")


@cli.command(epilog=EPILOG)
@click.argument("source", type=click.Path(path_type=Path), metavar="FILE.lthe")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="folder to write")
@click.option("--since", multiple=True, type=click.Path(path_type=Path), metavar="OLD.lthe", help=SINCE)
def unpack(source: Path, out: Path, since: tuple[Path, ...]) -> None:
    """Give back what `pack` packed; `lth-edge verify DIR` then replays a package."""
    from lth_edge.package.pack import unpack as write

    click.echo(f"{out}: {write(source, out, since).told_unpacked()}")


def main() -> None:
    """Entry point: errors become messages and exit codes."""
    # Set before onnxruntime is first imported, here and in every process started from here.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        cli.main(standalone_mode=False)
    except LthEdgeError as error:
        click.echo(f"lth-edge: {error}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo(
            "lth-edge: interrupted; the same command goes on: a search after its last finished level, "
            "a bench with what the device did meanwhile",
            err=True,
        )
        sys.exit(INTERRUPTED)


def _show(report: Any) -> None:
    from rich.console import Console

    from lth_edge.report.table import print_report

    print_report(report.content, Console())
    click.echo(f"\nreport:  {report.folder / 'report.html'}")
    click.echo(f"package: {report.folder / report.content['package']['zip']}")
