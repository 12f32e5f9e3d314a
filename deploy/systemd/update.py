#!/usr/bin/env python3
"""Update a device's model from a folder of static files, or go back to the release before.

    update.py STATE --url https://example.org/model --signers allowed_signers
    update.py STATE --rollback

A release is taken when its note is signed by a known key, its number is above every one tried here, its hashes are
right and it repeats its test vector on this device. Then one rename switches to it. It stays when the server says that
it serves it; otherwise the release before comes back, and the new one is not tried again.

Exit codes:

    0  done, or nothing new
    1  the folder or the disk did not answer: try again later
    2  wrong command line
    3  refused: signature, hash, test vector, or a downgrade that nobody asked for
    4  the new release did not serve; the one before is back, where there is one

SPDX-License-Identifier: MIT-0
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from offer import Offer, Refused, Unreachable
from store import Busy, State, Store

TEST_VECTOR_TIMEOUT_S = 600
LATER, REFUSED, NOT_SERVED = 1, 3, 4


class NotServed(Exception):
    """A release passed every check, and then the server did not serve it."""


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    store, server = Store(options.state), Server(options.server, options.wait)
    try:
        with store.held():
            said = roll_back(store, server) if options.rollback else update(store, server, options)
    except (Unreachable, Busy, OSError) as problem:
        return _failed(problem, LATER)
    except Refused as problem:
        return _failed(problem, REFUSED)
    except NotServed as problem:
        return _failed(problem, NOT_SERVED)
    print(said)
    return 0


def update(store: Store, server: Server, options: argparse.Namespace) -> str:
    """Finish what an earlier call left, then take the release on offer, if it is to be taken."""
    finish_trial(store, server)
    offer = Offer(options.url, options.signers)
    note = offer.note()
    current, highest = store.current(), store.state().highest
    if note.release == current:
        return f"release {current} is here already"
    if note.release <= highest and not options.allow_downgrade:
        if note.release == highest:
            return f"release {highest} was given up here; waiting for a newer one"
        raise Refused(f"release {note.release} is older than {highest}; --allow-downgrade takes it all the same")
    with store.arriving(note.release) as folder:
        offer.download(note, folder)
        check(folder)
    store.remember(State(highest, previous=current, trial=note.release))
    store.switch(note.release)
    finish_trial(store, server)
    return f"release {note.release} serves"


def check(folder: Path) -> None:
    """Run the package's own check, whose code came signed: each file's hash, then the test vector.

    Raises:
        Refused: it fails; the package is wrong, or this device cannot run it.
    """
    command = [sys.executable, "-B", str(folder / "run.py")]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TEST_VECTOR_TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise Refused(f"the test vector took longer than {TEST_VECTOR_TIMEOUT_S} s") from error
    if done.returncode != 0:
        raise Refused(f"the package fails its own check (exit code {done.returncode}): {done.stderr.strip()}")


def finish_trial(store: Store, server: Server) -> None:
    """Confirm the release on trial or go back; power may have gone anywhere in the switch to it, or back.

    Raises:
        NotServed: the server does not serve it.
    """
    state = store.state()
    if state.trial is None:
        return
    if store.current() != state.trial:
        store.remember(replace(state, trial=None))
        return
    problem = server.problem(state.trial)
    if problem and state.previous is not None:
        store.switch(state.previous)
    store.remember(State(highest=state.trial, previous=None if problem else state.previous))
    store.prune()
    if problem and state.previous is None:
        raise NotServed(f"release {state.trial} is the first here and does not serve: {problem}")
    if problem:
        raise NotServed(f"back to release {state.previous}, as {state.trial} does not serve: {problem}")


def roll_back(store: Store, server: Server) -> str:
    """Go back to the release before; the present one is not taken again."""
    state, current = store.state(), store.current()
    if state.previous in {None, current}:  # the same after a cut right before a switch
        raise Refused("there is no release to go back to")
    store.switch(state.previous)
    store.remember(State(highest=max(state.highest, current or 0)))
    problem = server.problem(state.previous)
    if problem:
        raise NotServed(f"switched back to release {state.previous}, but it does not serve: {problem}")
    return f"release {state.previous} serves again"


class Server:
    """The server beside this program, asked what it serves.

    Args:
        url: of serve.py, without /health.
        wait: seconds that it may take to serve a release after the switch.
    """

    def __init__(self, url: str, wait: float) -> None:
        self._url, self._wait = url.rstrip("/") + "/health", wait

    def problem(self, number: int) -> str:
        """Why it does not serve that release; empty once it does."""
        said, deadline = "", time.monotonic() + self._wait
        while True:
            try:
                health = self._ask()
                if health["wanted"] == number and health["status"] != "loading":
                    return "" if health["status"] == "ok" else health["error"]
                said = f"the server is at release {health['release']}"
            except (OSError, ValueError, KeyError) as error:
                said = f"{self._url} does not answer: {error}"
            if time.monotonic() > deadline:
                return said
            time.sleep(0.2)

    def _ask(self) -> dict[str, Any]:
        try:
            with urllib.request.urlopen(self._url, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:  # says in its body why it is not well
            return json.load(error)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("state", type=Path, help="folder of the releases on this device")
    parser.add_argument("--url", help="update folder: https://, file://, or http:// on this machine")
    parser.add_argument("--signers", type=Path, default=Path("/etc/lth-edge/allowed_signers"))
    parser.add_argument("--server", default="http://127.0.0.1:8642", help="serve.py, which must serve what is new")
    parser.add_argument("--wait", type=float, default=60, help="seconds until it must (default: 60)")
    parser.add_argument("--allow-downgrade", action="store_true", help="take a release that is not newer")
    parser.add_argument("--rollback", action="store_true", help="go back to the release before")
    options = parser.parse_args(arguments)
    if not options.rollback and not options.url:
        parser.error("give --url, or --rollback")
    return options


def _failed(problem: Exception, code: int) -> int:
    print(f"update.py: {problem}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
