"""What is asked of a device between the files that are copied: a script of the standard library, sent on stdin.

It is never imported here: `lth_edge.devices.board_agent` sends it to the device's own Python with one line behind it
that calls a verb, and reads the last line that it prints, JSON. It keeps to Python 3.6, so that an old device can say
that it is old. All that lies on the device lies in one folder, CACHE:

    blobs/HASH        models, inputs and code, each named by its SHA-256
    code/KEY/         the part of lth-edge that measures, laid out from blobs
    site/KEY/         numpy and onnxruntime from wheels, where the device has none
    jobs/ID/          a bench that runs, or waits to be fetched
"""

import sys

# A file in the current folder must not pass for one of Python's own.
sys.path = [place for place in sys.path if place]

import fcntl
import hashlib
import json
import os
import platform
import shutil
import struct
import subprocess
import time
import zipfile
from pathlib import Path

CACHE = Path.home() / ".cache" / "lth-edge" / "device"
LOCK_FOLDERS = (Path("/run/lock"), CACHE)
LOCK_NAME = "lth-edge-bench"
PERIOD = 1.0
CODE = "lth_edge.devices.job"


def probe(asked):
    """What the device is and has."""
    CACHE.mkdir(parents=True, exist_ok=True)
    return {
        "cache": str(CACHE),
        "python": list(sys.version_info[:3]),
        "bits": struct.calcsize("P") * 8,
        "system": platform.system(),
        "machine": platform.machine(),
        "glibc": _glibc(),
        "free_bytes": shutil.disk_usage(str(CACHE)).free,
        "packages": {name: _version(name) for name in ("numpy", "onnxruntime")},
        "holder": _holder(),
        "sites": sorted(path.name for path in (CACHE / "site").glob("*") if not path.name.startswith(".")),
    }


def lacking(asked):
    """Which of the files with these hashes are not here, or not whole."""
    return {"hashes": [digest for digest in asked["hashes"] if _hash(CACHE / "blobs" / digest) != digest]}


def install(asked):
    """Unpack wheels into a folder of the cache; the wheels go."""
    site = CACHE / "site" / asked["key"]
    part = site.with_name("." + site.name + ".part")
    shutil.rmtree(str(part), ignore_errors=True)
    try:
        for digest in asked["hashes"]:
            with zipfile.ZipFile(str(CACHE / "blobs" / digest)) as wheel:
                wheel.extractall(str(part))
        part.rename(site)
    finally:
        shutil.rmtree(str(part), ignore_errors=True)
    for digest in asked["hashes"]:
        (CACHE / "blobs" / digest).unlink()
    return {}


def start(asked):
    """Begin a job, unless it is here already; it goes on when the connection that began it ends."""
    folder = CACHE / "jobs" / asked["id"]
    state = _state(folder, asked["id"])
    if state["state"] in ("running", "done"):
        return state
    lock, holder = _acquire(dict(asked["who"], id=asked["id"]))
    if lock is None:
        return {"state": "held", "holder": holder}
    shutil.rmtree(str(folder), ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps(asked["job"]))
    code = _lay_out(asked["code_key"], asked["code"])
    places = [str(code)] + ([str(CACHE / "site" / asked["site"])] if asked["site"] else [])
    inherited = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
    with (folder / "log").open("wb") as log:
        subprocess.Popen(
            [sys.executable, "-m", CODE, str(folder), str(CACHE), lock.name],
            cwd=str(folder),
            env=dict(os.environ, PYTHONPATH=os.pathsep.join(places + inherited)),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )
    return {"state": "started"}


def wait(asked):
    """Until the job has ended, does something else than `stage`, or the seconds are over."""
    end = time.time() + asked["seconds"]
    while True:
        found = _state(CACHE / "jobs" / asked["id"], asked["id"])
        if found["state"] != "running" or found["stage"] != asked["stage"] or time.time() > end:
            return found
        time.sleep(PERIOD)


def clear(asked):
    """Forget a job that was fetched."""
    shutil.rmtree(str(CACHE / "jobs" / asked["id"]), ignore_errors=True)
    return {}


def forget(asked):
    """Remove the whole cache, unless a bench runs; folders above it that are empty then go too."""
    holder = _holder()
    if holder is not None:
        return {"state": "held", "holder": holder}
    shutil.rmtree(str(CACHE), ignore_errors=True)
    for folder in (CACHE.parent, CACHE.parent.parent):
        try:
            folder.rmdir()
        except OSError:
            break
    return {"state": "forgotten"}


def _state(folder, job):
    """Of a job: running, done (with the hashes of its files), failed (with what was said), or absent."""
    # Asked for first: a job that ends in between has left its result by then.
    holder = _holder()
    if (folder / "result.json").exists():
        names = sorted(path.name for path in folder.glob("outputs-*.npz")) + ["result.json"]
        return {"state": "done", "folder": str(folder), "files": {name: _hash(folder / name) for name in names}}
    if (folder / "failed.json").exists():
        return dict(json.loads((folder / "failed.json").read_text()), state="failed")
    if holder is not None and holder.get("id") == job:
        stage = folder / "stage"
        return {"state": "running", "stage": stage.read_text() if stage.exists() else "starting"}
    if not folder.exists():
        return {"state": "absent"}
    return {"state": "failed", "message": _last_words(folder / "log"), "mend": "see what lth-edge doctor says of it"}


def _last_words(log):
    """What a job that died left: the fault, where Python names one, or else its last line."""
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    return next((line for line in lines if line.startswith("Fatal")), lines[-1] if lines else "it was killed")


def _acquire(who):
    """The board's lock as an open file, or None and who holds it."""
    for _ in range(3):
        lock = _open_lock()
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            return None, _told(lock.read())
        try:
            same = os.stat(lock.name).st_ino == os.fstat(lock.fileno()).st_ino
        except OSError:
            same = False
        if same:
            lock.seek(0)
            lock.truncate()
            lock.write(json.dumps(who))
            lock.flush()
            return lock, None
        lock.close()  # its job has just ended and removed it
    return None, {}


def _open_lock():
    path = _lock_path()
    try:
        return open(str(path), "r+")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(str(path), os.O_RDWR | os.O_CREAT, 0o666)
        os.fchmod(handle, 0o666)  # whoever measures next may be another user
        os.close(handle)
        return open(str(path), "r+")


def _lock_path():
    """One for the whole board where it has a place for that, else one for this user."""
    return next(folder for folder in LOCK_FOLDERS if os.access(str(folder), os.W_OK) or folder == CACHE) / LOCK_NAME


def _holder():
    """Who holds the board; None where nobody does."""
    try:
        lock = open(str(_lock_path()))
    except OSError:
        return None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return _told(lock.read())
    return None


def _told(text):
    try:
        return dict(json.loads(text))
    except ValueError:
        return {}


def _lay_out(key, code):
    """The code as a package to import: path -> hash."""
    folder = CACHE / "code" / key
    if folder.exists():
        return folder
    part = folder.with_name("." + key + ".part")
    shutil.rmtree(str(part), ignore_errors=True)
    for name, digest in code.items():
        path = part / name
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(CACHE / "blobs" / digest), str(path))
    part.rename(folder)
    return folder


def _hash(path):
    """SHA-256 in hex; that of nothing where there is no file."""
    digest = hashlib.sha256()
    if path.is_file():
        with path.open("rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()


def _glibc():
    try:
        return (os.confstr("CS_GNU_LIBC_VERSION") or "").replace("glibc ", "")
    except (AttributeError, OSError, ValueError):
        return ""


def _version(name):
    try:
        from importlib.metadata import version

        return version(name)
    except Exception:  # no such package, a broken one, or a Python before 3.8
        return ""
