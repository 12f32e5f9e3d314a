"""Small C++ programs beside the models, compiled for this CPU with the first compiler there is: g++, clang++ or zig."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

_FLAGS = ["-O3", "-march=native", "-ffp-contract=fast", "-shared", "-fPIC"]


def build(name: str, folder: Path) -> Path:
    """Compile `name`.cpp of this folder into a shared library in `folder`."""
    library = folder / f"{name}.so"
    source = Path(__file__).with_name(f"{name}.cpp")
    subprocess.run([*_compiler(), *_FLAGS, str(source), "-o", str(library)], check=True)
    return library


def _compiler() -> list[str]:
    found = next((path for name in ("g++", "clang++") if (path := shutil.which(name))), None)
    if found:
        return [found]
    if importlib.util.find_spec("ziglang") is None:
        sys.exit("this needs a C++ compiler; install g++, clang++ or the package ziglang")
    return [sys.executable, "-m", "ziglang", "c++"]
