"""Progress on stderr: a bar with the time left on a terminal, plain lines elsewhere, or nothing."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as RichProgress

Tick = Callable[[int, float], None]


class Progress(Protocol):
    """Where the pipeline says what it is doing."""

    def line(self, text: str) -> None:
        """One line of news."""

    def bar(self, title: str, total: int) -> AbstractContextManager[Tick]:
        """A block in which the yielded `tick(done, metric)` reports steps."""
        ...


class Silent:
    """Says nothing: the default from Python."""

    def line(self, text: str) -> None:
        pass

    @contextmanager
    def bar(self, title: str, total: int) -> Iterator[Tick]:
        yield lambda done, metric: None


class Bars:
    """A bar per level with the time left."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def line(self, text: str) -> None:
        self._console.print(text, highlight=False)

    @contextmanager
    def bar(self, title: str, total: int) -> Iterator[Tick]:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[metric]}"),
        )
        with RichProgress(*columns, console=self._console) as progress:
            task = progress.add_task(title, total=total, metric="")
            yield lambda done, metric: progress.update(task, completed=done, metric=_figure(metric))


class Lines:
    """Plain lines: one when a level begins, one every `every` seconds, one when it ends."""

    def __init__(self, every: float = 15.0) -> None:
        self._every = every

    def line(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    @contextmanager
    def bar(self, title: str, total: int) -> Iterator[Tick]:
        began = said = time.monotonic()
        last = math.nan

        def tick(done: int, metric: float) -> None:
            nonlocal said, last
            last = metric
            now = time.monotonic()
            if now - said >= self._every:
                said = now
                left = (now - began) / done * (total - done)
                self.line(f"{title}: step {done}/{total}, {_time(left)} left {_figure(metric)}")

        yield tick
        self.line(f"{title}: {_time(time.monotonic() - began)} {_figure(last)}".rstrip())


def on_stderr() -> Progress:
    """Bars where stderr is a terminal, lines elsewhere."""
    console = Console(stderr=True)
    return Bars(console) if console.is_terminal else Lines()


def _figure(metric: float) -> str:
    return "" if math.isnan(metric) else f"validation {metric:.2f}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s" if minutes else f"{seconds:.1f}s"
