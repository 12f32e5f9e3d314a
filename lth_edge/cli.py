"""The command line: parse, call, print. What it does is in `lth_edge.pipeline`, `conversion` and `inspect`."""

import os
import sys
from pathlib import Path
from typing import Any

import click

from lth_edge._version import __version__
from lth_edge.errors import INTERRUPTED, LthEdgeError, NoTicketError
from lth_edge.options import GroupedCommand, changes, recipe_options
from lth_edge.recipe import Recipe

EPILOG = """Exit codes: 0 done; 1 other error; 2 wrong option or recipe; 3 missing or unfit model, data or weights;
4 no ticket within tolerance; 5 a file does not compute what it was made from does; 6 damaged ONNX file, ticket,
package or run; 7 no space left, or not writable; 8 training failed; 9 a device cannot be
reached, is full or cannot run this; 130 interrupted."""


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lth-edge")
def cli() -> None:
    """Find a lottery ticket in a PyTorch network and ship it to an edge device, with proof."""


@cli.command(cls=GroupedCommand, epilog=EPILOG)
@click.argument("recipe", required=False, type=click.Path(path_type=Path), metavar="[RECIPE.toml]")
@click.option("--out", type=click.Path(path_type=Path), help="the run's folder [lth-edge-runs/TASK-HASH]")
@click.option("--dry-run", is_flag=True, help="stop after the forecast")
@recipe_options
def compress(recipe: Path | None, out: Path | None, dry_run: bool, **options: Any) -> None:
    """Find a winning ticket, store it, prove it, measure it, package it and report.

    With no option: scikit-learn's digits and a network of 595,000 weights, in under two minutes. The same command goes
    on where it was killed. Flags win over the recipe.
    """
    wanted = (Recipe() if recipe is None else Recipe.from_toml(recipe)).replace(changes(options))
    click.echo("loading PyTorch ...", err=True)
    from lth_edge.pipeline import compress as run
    from lth_edge.pipeline import preview
    from lth_edge.progress import on_stderr

    if dry_run:
        for line in preview(wanted, on_stderr()):
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
@click.option("--verify/--no-verify", default=True, help="run both files on random inputs and compare [verify]")
@click.option("--tune", is_flag=True, help="time how best to compute each convolution on this machine, not by rule")
def convert(source: Path, out: Path, min_sparsity: float | None, values: Any, verify: bool, tune: bool) -> None:
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
    conversion = convert_file(source, out, min_sparsity, values, verify, tune)
    print_conversion(conversion, out, verify, Console())


@cli.command(epilog=EPILOG)
@click.argument("source", type=click.Path(path_type=Path), metavar="RUN_OR_PACKAGE")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="FILE.lthe", help="file to write")
@click.option("--best/--fast", default=True, help="the smallest file, or one that decodes twice as fast [best]")
def pack(source: Path, out: Path, best: bool) -> None:
    """Make a package the smallest download: masks and values coded by context, without loss.

    RUN_OR_PACKAGE is a run, a package (its folder or zip) or an ONNX file. What `unpack` gives back is the same to the
    byte, on every machine.
    """
    from lth_edge.package.pack import pack as write

    click.echo(f"{out}: {write(source, out, best)}")


@cli.command(epilog=EPILOG)
@click.argument("source", type=click.Path(path_type=Path), metavar="FILE.lthe")
@click.option("-o", "--out", type=click.Path(path_type=Path), required=True, metavar="DIR", help="folder to write")
def unpack(source: Path, out: Path) -> None:
    """Give back what `pack` packed; `lth-edge verify DIR` then replays a package."""
    from lth_edge.package.pack import unpack as write

    click.echo(f"{out}: {write(source, out)}")


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
        click.echo("lth-edge: interrupted; the same command goes on from the last finished level", err=True)
        sys.exit(INTERRUPTED)


def _show(report: Any) -> None:
    from rich.console import Console

    from lth_edge.report.table import print_report

    print_report(report.content, Console())
    click.echo(f"\nreport:  {report.folder / 'report.html'}")
    click.echo(f"package: {report.folder / report.content['package']['zip']}")
