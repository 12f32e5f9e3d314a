"""`lth-edge compress --rank clustered`: as many weights as by magnitude, in a smaller download that still verifies."""

from pathlib import Path

import pytest
from command import QUICK, Finished, lth_edge

from lth_edge.ticket import Ticket

PRUNED = ("--model-arg", "hidden=100,60", "--steps", 150, "--find", "one-shot", "--sparsity", 0.9)
LOOSE = ("--tolerance", 100, "--store", "codebook-4", "--storage-loss", 100, *QUICK)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finished]:
    done = {}
    for rank in ("magnitude", "clustered"):
        folder = tmp_path_factory.mktemp(rank) / "run"
        done[rank] = Finished(folder, (), lth_edge("compress", *PRUNED, *LOOSE, "--rank", rank, "--out", folder))
        assert done[rank].done.code == 0, done[rank].done.stderr
    return done


def test_as_many_weights_are_left_in_a_smaller_download(runs: dict[str, Finished], tmp_path: Path) -> None:
    size = {}
    for rank, run in runs.items():
        packed = tmp_path / f"{rank}.lthe"
        assert lth_edge("pack", run.folder / "files" / "ticket.onnx", "-o", packed).code == 0
        size[rank] = packed.stat().st_size
    left = {rank: Ticket.load(run.chosen).mask.kept for rank, run in runs.items()}
    assert left["clustered"] == left["magnitude"]
    assert size["clustered"] < 0.9 * size["magnitude"]


def test_units_that_nothing_is_left_of_are_taken_out_exactly(runs: dict[str, Finished]) -> None:
    assert runs["clustered"].report["compact"]["removals"]
    assert lth_edge("verify", runs["clustered"].folder / "package.zip").code == 0
