"""A release: a package and a signed note of its number and hash, in a folder of static files that devices poll."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lth_edge.errors import InputError, RecipeError
from lth_edge.files import file_hash, read_json, whole_file
from lth_edge.package.archive import write_zip
from lth_edge.package.fields import Fields
from lth_edge.package.manifest import MANIFEST, Manifest

RELEASE, SIGNATURE = "release.json", "release.json.sig"
NAMESPACE = "lth-edge"
"""What the signature is for: one made for mail or git does not pass for a release."""


@dataclass(frozen=True)
class Signed:
    """How to sign.

    Attributes:
        number: of the release; devices refuse one that is not above what they had.
        key: private key of ssh's, or a public one whose private half an agent holds.
    """

    number: int
    key: Path


def write_release(package: Path, target: str, folder: Path, signed: Signed) -> None:
    """Put a package's folder into an update folder: the zip first, then the note and its signature.

    A device that comes in between finds a signature that is not the note's, and asks again later. Zips of older
    releases stay, for devices that are downloading one.

    Raises:
        RecipeError: the folder already offers that release or a newer one.
        DamagedError: what it offers is no release.
        InputError: the key cannot sign, or there is no ssh-keygen.
        StorageError: the disk is full or cannot be written.
    """
    _check_newer(folder, signed.number)
    archive = folder / f"package-{signed.number}.zip"
    write_zip(package, archive)
    note = {
        "schema_version": 1,
        "release": signed.number,
        "name": Manifest.from_json((package / MANIFEST).read_bytes()).name,
        "target": target,
        "package": {"file": archive.name, "sha256": file_hash(archive), "bytes": archive.stat().st_size},
    }
    text = (json.dumps(note, indent=2) + "\n").encode("ascii")
    for name, content in ((SIGNATURE, _signature(text, signed.key)), (RELEASE, text)):
        with whole_file(folder / name) as temporary:
            temporary.write_bytes(content)


def _check_newer(folder: Path, number: int) -> None:
    if not (folder / RELEASE).is_file():
        return
    offered = Fields(RELEASE, read_json(folder / RELEASE)).whole("release")
    if number <= offered:
        raise RecipeError(
            f"{folder} already offers release {offered}, and devices take no lower one", f"--release {offered + 1}"
        )


def _signature(text: bytes, key: Path) -> bytes:
    """What `ssh-keygen -Y verify` checks; a passphrase is asked for on the terminal."""
    if not key.is_file():
        raise InputError(f"there is no key {key}", f"make one: ssh-keygen -t ed25519 -f {key}")
    command = ["ssh-keygen", "-Y", "sign", "-n", NAMESPACE, "-f", str(key)]
    try:
        done = subprocess.run(command, input=text, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise InputError("there is no ssh-keygen to sign with", "install OpenSSH's client, 8.2 or later") from error
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip()
        raise InputError(f"{key} cannot sign: {said}", "give a private key of ssh's, or load it into an agent")
    return done.stdout
