"""The README says what the raw results say, and its commands are those that are tested."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from lth_edge.presets.catalog import preset
from lth_edge.report.anchors import anchors_section
from lth_edge.report.content import curve

ROOT = Path(__file__).parents[1]
KERNELS = "<!-- speed: kernels -->\n<!-- end -->\n<!-- footprint: kernels -->\n<!-- end -->\n"


def test_every_table_in_the_readme_is_made_from_the_raw_reports():
    subprocess.run([sys.executable, ROOT / "benchmarks" / "readme.py", "--check"], check=True)


def test_the_table_of_tickets_is_made_from_the_raw_reports():
    subprocess.run([sys.executable, ROOT / "benchmarks" / "tickets.py", "--check"], check=True)


def test_a_changed_figure_is_noticed(tmp_path):
    text = (ROOT / "README.md").read_text().replace("| dense.onnx | ", "| dense.onnx | 1", 1)
    checked = write_tables(project(tmp_path, text, ROOT / "benchmarks" / "results"), "--check")
    assert checked.returncode == 1 and "the README's figures are not those of" in checked.stderr


def test_the_kernels_tables_are_those_of_the_newest_day(tmp_path):
    for day, dense_us in (("2026-01-01", 500.0), ("2026-01-02", 900.0)):
        write_kernel_results(tmp_path / "results" / f"cpu-2-cores-{day}" / "kernels", day, dense_us)
    copy = project(tmp_path, KERNELS, tmp_path / "results")
    assert write_tables(copy).returncode == 0
    told = (copy / "README.md").read_text()
    assert "| mlp | 90.0% | fp32 | 0.9 ms | 9.00x (9.00 to 9.00) |" in told and "| 2.0 ms | 3.0 ms |" in told
    assert "A CPU, 2 cores, 2026-01-02" in told and "processes a row: 1" in told and "one thread, 3 a row" in told
    assert "[raw results](benchmarks/results/cpu-2-cores-2026-01-02/kernels)" in told
    assert write_tables(copy, "--check").returncode == 0


def test_the_table_of_training_steps_tells_medians_and_the_fastest_tenth(tmp_path):
    place = tmp_path / "results" / "cpu-2-cores-2026-01-01" / "steps"
    place.mkdir(parents=True)
    machine = {"cpu": "A CPU", "cores": 2, "load_before": 0.5}
    times = {"dense": [[1.0, 2.0], [3.0, 4.0]], "masked": [[2.0] * 4], "dataloader": [[8.0] * 4]}
    report = {"created": "2026-01-01T00:00:00Z", "machine": machine, "sparsity": 0.9, "ms_per_step": times}
    (place / "report.json").write_text(json.dumps(report))
    copy = project(tmp_path, "<!-- steps: steps -->\n<!-- end -->\n", tmp_path / "results")
    assert write_tables(copy).returncode == 0
    told = (copy / "README.md").read_text()
    assert (
        "| lth-edge, dense | 2.50 ms | 1.00 ms |" in told and "| lth-edge, 90% of the weights masked | 2.00 ms" in told
    )
    assert "A mask costs 0.80x of a step without one, the plain loop takes 3.2x as long. One torch thread; load" in told
    assert "machine before: 0.5. A CPU, 2 cores, 2026-01-01; [raw times]" in told


def test_claims_are_told_of_every_run_of_several_seeds(tmp_path):
    for day, name, seeds in (("01", "one", (0,)), ("01", "several", (0, 1)), ("02", "several", (0, 1, 2))):
        place = tmp_path / "results" / f"cpu-2-cores-2026-01-{day}" / name
        place.mkdir(parents=True)
        (place / "report.json").write_text(json.dumps(run_report(seeds)))
    copy = project(tmp_path, "<!-- claims: runs -->\n<!-- end -->\n", tmp_path / "results")
    assert write_tables(copy).returncode == 0
    rows = [row for row in (copy / "README.md").read_text().splitlines() if row.startswith("| lenet-300-100, ")]
    assert rows == [
        "| lenet-300-100, torchvision:MNIST | iterative-layer-rewind-0 | 3 | 0.3 | 8.00% left | +0.10 (+0.10 to +0.10) "
        "| non-inferior | 8.00% left | +0.10 (+0.10 to +0.10) | 0.50× (0.50× to 0.50×) |"
    ]


def test_a_curve_without_a_chosen_level_is_told(tmp_path):
    place = tmp_path / "results" / "cpu-2-cores-2026-01-01" / "har"
    place.mkdir(parents=True)
    (place / "report.json").write_text(json.dumps(run_report((0, 1))))
    copy = project(tmp_path, "<!-- curve: har -->\n<!-- end -->\n", tmp_path / "results")
    assert write_tables(copy).returncode == 0
    assert "| 8.0% | 98.10 ± 0.00 % | +0.10 (+0.10 to +0.10) |  |  |" in (copy / "README.md").read_text()


def test_late_rewinding_is_compared_with_reset_seed_by_seed(tmp_path):
    for name, higher in (("net-late", 1.0), ("net-reset", 0.0), ("alone-late", 0.0)):
        place = tmp_path / "results" / "cpu-2-cores-2026-01-01" / name
        place.mkdir(parents=True)
        report = run_report((0, 1, 2))
        for level in report["levels"]:
            level["test_metric"] += level["seed"] + higher * level["level"]
        (place / "report.json").write_text(json.dumps(report))
    copy = project(tmp_path, "<!-- rewinding: runs -->\n<!-- end -->\n", tmp_path / "results")
    assert write_tables(copy).returncode == 0
    rows = [row for row in (copy / "README.md").read_text().splitlines() if row.startswith("| lenet-300-100, ")]
    assert len(rows) == 2
    assert rows[1].endswith("| 8.00% | 100.10 ± 2.48 | 99.10 ± 2.48 | +1.00 (+1.00 to +1.00) |")


def test_published_figures_stand_beside_ours(tmp_path):
    place = tmp_path / "results" / "cpu-2-cores-2026-01-01" / "lenet-300-100"
    place.mkdir(parents=True)
    (place / "report.json").write_text(json.dumps(run_report((0, 1))))
    copy = project(tmp_path, "<!-- anchors: lenet-300-100 -->\n<!-- end -->\n", tmp_path / "results")
    assert write_tables(copy).returncode == 0
    told = (copy / "README.md").read_text()
    assert "| test accuracy, % | 100% | 98.05 | 98.00 | within | ±0.3 |" in told
    assert "| C7: % of the weights left | – | 21.1 | – | – | ±0.05 |" in told
    assert "Published in replication of arXiv 1803.03635 (repro-lottery-ticket d1013fe); arXiv 1803.03635v5." in told


def test_the_table_of_limits_says_what_would_be_reached_without_them(tmp_path):
    place = tmp_path / "results" / "cpu-2-cores-2026-01-01" / "shares"
    place.mkdir(parents=True)
    layer = {
        "shape": [64, 64, 3, 3],
        "multiply_adds": 5_000_000,
        "positions": 1024,
        "vector_floats": 5_120_000,
        "nonzeros": 20_000,
        "stored_floats": 64 * 1024 * 1.024 + 160_000,
        "packed_floats": 160_000,
    }
    patterns = {
        name: {"outside_us": {"leave": 2.0, "operate": 1.0}, "layers": [layer | {"us": {"multiply": us, "pack": 30.0}}]}
        for name, us in (("random", 150.0), ("even", 145.0), ("near", 140.0))
    }
    roof = {
        "ceiling_gflops": [100.0],
        "nonzero_ns": [{"1": 0.5, "16": 6.0}],
        "line_ns": [{"write": 1.0, "add": 2.0, "read far": 9.0}],
        "second_cache_bytes": 1 << 20,
    }
    rounds = {"dense": [1000.0] * 3, "sparse": [200.0] * 3, "null graph": [2.0] * 3}
    result = {"model": "conv-6", "percent": 90, "rounds_us": rounds, "roof": roof, "kept_dense_us": {}}
    machine = {"cpu": "A CPU", "cores": 2, "flags": ["avx512f"]}
    report = {"created": "2026-01-01T00:00:00Z", "machine": machine, "results": ["conv-6-90.json"]}
    for name, content in (("report.json", report), ("conv-6-90.json", result | {"patterns": patterns})):
        (place / name).write_text(json.dumps(content))
    copy = project(tmp_path, "<!-- limits: shares -->\n<!-- end -->\n", tmp_path / "results")
    done = write_tables(copy)
    assert done.returncode == 0, done.stderr
    told = (copy / "README.md").read_text()
    # 150 us of multiplication; 120 of them the loop, and 20 of lines, and 10 of packing; 100 where loads are all.
    assert "| conv-6 | 90% | 7.0x | 5.00x | 6.7x | 6.7x | 10.0x | packing 15%, " in told
    assert "ends of rows 10%" in told and "medians of 3 interleaved rounds" in told
    assert "more than the method gives here: conv-6 at 90%; missed for the parts named: none." in told
    assert "100 to 100 GFLOP/s, 1.00 to 1.00 ns a cache line" in told and "A CPU, 2 cores, 2026-01-01" in told


def test_the_table_of_waking_says_what_two_threads_lose_to_what(tmp_path):
    place = tmp_path / "results" / "cpu-2-cores-2026-01-01" / "waking"
    place.mkdir(parents=True)
    first = {"began_us": 0.0, "took_us": 500.0, "woke_us": 60.0, "waited_us": 4.0}
    missed = {"began_us": 300.0, "took_us": 100.0, "woke_us": None, "waited_us": 6.0}
    rounds = {"1": [1000.0] * 3, "2": [625.0] * 3}
    results = [{"model": "vgg-16", "percent": 95, "rounds_us": rounds, "runs": [[first, missed]] * 4}]
    report = {"created": "2026-01-01T00:00:00Z", "machine": {"cpu": "A CPU", "cores": 2}, "results": results}
    (place / "report.json").write_text(json.dumps(report))
    copy = project(tmp_path, "<!-- waking: waking -->\n<!-- end -->\n", tmp_path / "results")
    done = write_tables(copy)
    assert done.returncode == 0, done.stderr
    told = (copy / "README.md").read_text()
    row = "| vgg-16 | 95% | 1.60x | 125 us, 88 us | 12 us | 80 us | 5 us | 28 us | 60.0 us; never |"
    assert row in told
    assert "Medians of 4 runs" in told


def test_without_results_nothing_stands_between_the_markers(tmp_path):
    copy = project(tmp_path, KERNELS.replace("-->\n<!-- end", "-->\n| 7.00x |\n<!-- end"), tmp_path / "none")
    done = write_tables(copy)
    assert done.returncode == 0 and "no report of kernels yet" in done.stderr
    assert (copy / "README.md").read_text() == KERNELS


def test_ci_runs_the_test_command_of_the_readme():
    command = "pip install '.[test]' && pytest"
    assert command in (ROOT / "README.md").read_text()
    assert command.replace("install ", "install --quiet ") in (ROOT / ".ci" / "run").read_text()


def run_report(seeds: tuple[int, ...]) -> dict[str, Any]:
    """What the tables read of a run of LeNet-300-100: dense, and a level with 8% of the weights left."""
    found = {0: (1.0, 98.0, 5000), 1: (0.08, 98.1, 2500)}
    levels = [
        {"seed": seed, "level": level, "control": "", "weights_left": left, "best_step": steps}
        | {"test_metric": accuracy, "validation_metric": accuracy}
        for seed in seeds
        for level, (left, accuracy, steps) in found.items()
    ]
    recipe = preset("lenet-300-100")
    return {
        "created": "2026-01-01T00:00:00Z",
        "machine": {"cpu": "A CPU", "cores": 2},
        "recipe": recipe.to_dict(),
        "levels": levels,
        "curve": curve(levels),
        "anchors": anchors_section(recipe, levels),
        "chosen": None,
        "task": {
            "model": "lenet-300-100",
            "data": "torchvision:MNIST",
            "metric": {"name": "accuracy", "unit": "%", "higher_is_better": True},
            "tolerance": 0.3,
            "examples": {"test": 10_000},
            "test_reads": 1,
        },
    }


def project(folder: Path, readme: str, results: Path) -> Path:
    """A copy of what makes the tables."""
    copy = folder / "project"
    (copy / "benchmarks").mkdir(parents=True)
    (copy / "benchmarks" / "results").symlink_to(results)
    for package in ("kernels", "size"):
        (copy / "benchmarks" / package).symlink_to(ROOT / "benchmarks" / package)
    scripts = "readme.py claims.py rewinding.py kept.py markdown_table.py estimate_table.py steps_table.py".split()
    for name in scripts:
        (copy / "benchmarks" / name).write_text((ROOT / "benchmarks" / name).read_text())
    (copy / "README.md").write_text(readme)
    return copy


def write_tables(copy: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, copy / "benchmarks" / "readme.py", *options]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def write_kernel_results(folder: Path, day: str, dense_us: float) -> None:
    rounds = {"1": {"dense": [dense_us] * 3, "sparse fp32": [100.0] * 3}}
    footprints = {"dense": (3.0, 4_000_000), "sparse fp32": (2.0, 3_000_000)}
    result = {
        "model": "mlp",
        "percent": 90,
        "sparsity": 0.9,
        "gflop_on_nonzeros": 0.001,
        "bytes": {"dense": 1_000_000, "sparse fp32": 200_000},
        "runs": [{"rounds_us": rounds, "peak_gflops": [50.0], "errors": {}}],
        "footprint": {form: [{"load_ms": ms, "peak_bytes": size}] for form, (ms, size) in footprints.items()},
    }
    machine = {"cpu": "A CPU", "cores": 2, "onnxruntime": "1.20.0", "flags": ["avx2"]}
    report = {"schema_version": 1, "created": f"{day}T00:00:00Z", "machine": machine, "results": ["mlp-90.json"]}
    folder.mkdir(parents=True)
    for name, content in (("report.json", report), ("mlp-90.json", result)):
        (folder / name).write_text(json.dumps(content))


def test_the_table_of_estimates_says_how_many_lie_within_what_is_claimed(tmp_path):
    rows = {"dense": (800.0, 1000.0), "int8": (100.0, 500.0), "sparse fp32": (450.0, 200.0)}
    networks = [
        {"network": "mlp", "percent": 90, "form": form, "estimated_us": estimated, "us": measured}
        for form, (estimated, measured) in rows.items()
    ]
    place = tmp_path / "results" / "cpu-2-cores-2026-01-01" / "estimate"
    place.mkdir(parents=True)
    report = {"created": "2026-01-01T00:00:00Z", "machine": {"cpu": "A CPU", "cores": 2}, "networks": networks}
    (place / "report.json").write_text(json.dumps(report))
    copy = project(tmp_path, "<!-- estimate: estimate -->\n<!-- end -->\n", tmp_path / "results")
    assert write_tables(copy).returncode == 0
    told = (copy / "README.md").read_text()
    assert "| mlp | 90% | 1 ms | 0.80 | 0.20 | 2.25 | 5.0x | 0.36 |" in told
    assert "1 of 2 times within a factor of 2, 0 of 1 speed-ups within 1.6" in told
