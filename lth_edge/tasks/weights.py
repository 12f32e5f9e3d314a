"""Trained weights that a user hands in: read without unpickling code, then fitted to the network by name."""

import pickle
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from lth_edge.errors import InputError, nearest, reason


def load_given(path: Path) -> dict[str, Tensor]:
    """Read a state dict (`torch.save`) or a safetensors file.

    `module.` prefixes of DataParallel go, and `torch.nn.utils.prune`'s `weight_orig` and `weight_mask` become `weight`.

    Raises:
        InputError: not there, damaged, or a pickle of something else than tensors.
    """
    if not path.is_file():
        raise InputError(f"the weights {path} are not there", "check the path after --weights")
    state = _read(path)
    state = {name.removeprefix("module."): tensor for name, tensor in state.items()}
    return _without_prune(state)


def fit(network: nn.Module, state: Mapping[str, Tensor], origin: str) -> None:
    """Load `state` into `network`.

    Raises:
        InputError: a weight is missing, left over or of another shape.
    """
    wanted = network.state_dict()
    missing, extra = sorted(wanted.keys() - state.keys()), sorted(state.keys() - wanted.keys())
    # Batch counters are bookkeeping that old files lack.
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    if missing or extra:
        name = missing[0] if missing else extra[0]
        others = extra if missing else list(wanted)
        kind = "lack" if missing else "hold an unknown"
        raise InputError(
            f"{origin}: the weights {kind} {name!r}", nearest(name, others) if others else "check the model"
        )
    for name, tensor in state.items():
        if tensor.shape != wanted[name].shape:
            raise InputError(
                f"{origin}: {name!r} has shape {tuple(tensor.shape)}, the network wants {tuple(wanted[name].shape)}",
                "a head with another number of classes must be trained first: give weights trained on these classes",
            )
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            raise InputError(f"{origin}: {name!r} holds values that are not finite", "give other weights")
    network.load_state_dict(dict(state), strict=False)


def _read(path: Path) -> dict[str, Tensor]:
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        with warnings.catch_warnings(action="ignore"):  # torch's on what it refuses; the refusal itself is raised
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} holds pickled objects or is damaged; lth-edge reads tensors alone",
            "save model.state_dict() with torch.save, or safetensors",
        ) from error
    except (SafetensorError, RuntimeError, OSError, EOFError, ValueError, KeyError) as error:
        raise InputError(f"{path} is damaged: {reason(error)}", "copy or save it again") from error
    return _state_dict(path, content)


def _state_dict(path: Path, content: Any) -> dict[str, Tensor]:
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping) or not all(isinstance(v, Tensor) for v in content.values()):
        raise InputError(f"{path} is no state dict", "save model.state_dict() with torch.save")
    return dict(content)


def _without_prune(state: dict[str, Tensor]) -> dict[str, Tensor]:
    stems = [name.removesuffix("_orig") for name in state if name.endswith("_orig")]
    pruned = [stem for stem in stems if f"{stem}_mask" in state]
    reparametrised = {f"{stem}{end}" for stem in pruned for end in ("_orig", "_mask")}
    plain = {name: tensor for name, tensor in state.items() if name not in reparametrised}
    return plain | {stem: state[f"{stem}_orig"] * state[f"{stem}_mask"] for stem in pruned}
