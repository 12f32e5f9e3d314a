"""The README says what the raw results say, and its commands are those that are tested."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_every_table_in_the_readme_is_made_from_the_raw_reports():
    subprocess.run([sys.executable, ROOT / "benchmarks" / "readme.py", "--check"], check=True)


def test_a_changed_figure_is_noticed(tmp_path):
    readme = (ROOT / "README.md").read_text()
    copy = tmp_path / "project"
    (copy / "benchmarks").mkdir(parents=True)
    (copy / "benchmarks" / "results").symlink_to(ROOT / "benchmarks" / "results")
    (copy / "benchmarks" / "readme.py").write_text((ROOT / "benchmarks" / "readme.py").read_text())
    (copy / "README.md").write_text(readme.replace("| dense.onnx | ", "| dense.onnx | 1", 1))
    checked = subprocess.run([sys.executable, copy / "benchmarks" / "readme.py", "--check"], check=False)
    assert checked.returncode == 1


def test_ci_runs_the_test_command_of_the_readme():
    command = "pip install '.[test]' && pytest"
    assert command in (ROOT / "README.md").read_text()
    assert command.replace("install ", "install --quiet ") in (ROOT / ".ci" / "run").read_text()
