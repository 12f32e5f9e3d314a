"""The search: levels of train, prune, rewind. Finished levels are read back, so a killed search goes on."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lth_edge.find.auto import Guide, noise_of
from lth_edge.find.evaluate import evaluate
from lth_edge.find.feed import Feed
from lth_edge.find.gradual import Narrowing
from lth_edge.find.level import Level
from lth_edge.find.method import method_of, reached, whole_mask
from lth_edge.find.plan import Plan
from lth_edge.find.prunable import prunable
from lth_edge.find.train import Job, Start, Trained, load, train, weights_of
from lth_edge.progress import Progress
from lth_edge.recipe import FindRecipe, Recipe
from lth_edge.tasks.task import Task
from lth_edge.ticket import Mask

Trainer = Callable[[Job], Trained]


@dataclass(frozen=True)
class Budget:
    """Training seconds spent, over all seeds and earlier calls, against a limit."""

    limit: float | None
    spent: list[float] = field(default_factory=list)

    def add(self, seconds: float) -> None:
        self.spent.append(seconds)

    def exhausted(self) -> bool:
        """Whether another level, as long as the longest yet, would pass the limit."""
        return self.limit is not None and sum(self.spent) + max(self.spent, default=0.0) > self.limit


@dataclass(frozen=True)
class Found:
    """One seed's search: its levels, dense first, why it stopped, and whether the budget cut it short."""

    seed: int
    levels: list[Level]
    stopped: str
    cut_short: bool = False


@dataclass(frozen=True)
class Stage:
    """What all levels of a search share: the task on its device, and how one level is trained."""

    task: Task
    recipe: Recipe
    device: torch.device
    train_feed: Feed
    validation_feed: Feed
    progress: Progress
    trainer: Trainer = train

    @classmethod
    def of(cls, task: Task, recipe: Recipe, device: str, progress: Progress, trainer: Trainer = train) -> "Stage":
        where = torch.device(device)
        train_feed = Feed(task.splits.train, task.preprocess, where)
        validation_feed = Feed(task.splits.validation, task.preprocess, where)
        return cls(task, recipe, where, train_feed, validation_feed, progress, trainer)


def repeatable(device: str) -> None:
    """Have torch add up in the same order every time, in all of this process."""
    if device != "cpu":
        # cuBLAS reads this when it is first used; without it sums may come in another order.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True, warn_only=True)


def device_name(device: torch.device) -> str | None:
    """The accelerator's name; `None` on the CPU, which the report's machine names."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else None


def find(stage: Stage, seed: int, folder: Path, budget: Budget, guide: Guide | None = None) -> Found:
    """Search with one seed: dense first, then prune and rewind until a reason to stop.

    Args:
        folder: takes `level-00`, `level-01`, ...; levels already there are read back.
        guide: what the automatic search knows of other seeds.
    """
    task, recipe = stage.task, stage.recipe.find
    network, untouched = task.network(seed).to(stage.device), task.network(seed)
    levels = [dense(stage, seed, folder)]
    guide = guide or Guide(noise_of(task, [levels[0].metric]))
    method = method_of(recipe, stage.recipe.train.steps or 0, task, untouched, guide)
    while True:
        budget.add(levels[-1].facts["seconds"])
        stopped = reason_to_stop(stage, levels, budget)
        if stopped:
            return Found(seed, levels, stopped, cut_short=stopped == spent(recipe))
        plan = method(levels)
        if isinstance(plan, str):
            return Found(seed, levels, plan)
        levels.append(level(stage, network, seed, folder, levels, plan))


def dense(stage: Stage, seed: int, folder: Path) -> Level:
    """Read back or train level 0; where a mask is kept, it is the ticket that comes with it."""
    network = stage.task.network(seed).to(stage.device)
    mask = stage.task.kept or whole_mask(prunable(stage.task, stage.task.network(seed)))
    return level(stage, network, seed, folder, [], Plan(mask, mask.kept))


def with_steps(stage: Stage, steps: int) -> Stage:
    """The same stage with a schedule of `steps`: its milestones are shares of them."""
    return replace(stage, recipe=replace(stage.recipe, train=replace(stage.recipe.train, steps=steps)))


def level(stage: Stage, network: nn.Module, seed: int, folder: Path, before: list[Level], plan: Plan) -> Level:
    """Read back or train the level that follows `before`."""
    number = len(before)
    place = folder / f"level-{number:02d}"
    done = Level.load(place, plan.mask, plan.kept)
    if done is not None and done.facts.get("schedule") == plan.steps:
        stage.progress.line(f"{title(seed, done.facts)}: already there")
        return done
    facts = level_facts(stage, seed, number) | plan.facts
    if before and stage.recipe.find.retraining == "rewind":
        facts["rewind_step"] = before[0].facts["rewind_step"]
    if number == 0 and stage.task.given is not None:
        return Level.save(place, plan.mask, _given(stage, network, plan.mask), facts)
    start = start_of(stage, before[: plan.base + 1]) if before else Start(0, weights_of(network))
    within = stage if plan.steps is None else with_steps(stage, plan.steps)
    trained = run(within, network, plan.mask, start, seed, facts, fresh=number == 0, narrowing=plan.narrowing)
    return Level.save(place, trained.mask, trained, facts)


def run(
    stage: Stage,
    network: nn.Module,
    mask: Mask,
    start: Start,
    seed: int,
    facts: dict[str, Any],
    fresh: bool = False,
    narrowing: Narrowing | None = None,
) -> Trained:
    """Train once, with a progress bar.

    Args:
        narrowing: what is pruned meanwhile.
        fresh: from an initialisation: over the whole schedule, never at a fine-tuning rate; level 0 keeps the state
            that later levels rewind to.
    """
    recipe = stage.recipe
    steps = (recipe.train.steps or 0) - start.step
    with stage.progress.bar(title(seed, facts | {"weights_left": mask.density}), steps) as bar:
        job = Job(
            task=stage.task,
            network=network,
            mask=mask,
            start=start,
            settings=recipe.train,
            train_feed=stage.train_feed,
            validation_feed=stage.validation_feed,
            seed=seed,
            constant_rate=recipe.find.retraining == "fine-tune" and not fresh,
            snapshot_step=recipe.find.rewind_step if fresh and facts["level"] == 0 else None,
            recalibrate_bn=recipe.find.recalibrate_bn,
            narrowing=narrowing,
            tick=lambda step, metric: bar(step - start.step, metric),
        )
        return stage.trainer(job)


def level_facts(stage: Stage, seed: int, number: int, control: str = "") -> dict[str, Any]:
    """What a level's file says of it besides its figures."""
    find_recipe = stage.recipe.find
    return {
        "seed": seed,
        "level": number,
        "control": control,
        "seeds": {"initialisation": seed, "data_order": seed, "split": stage.recipe.task.split_seed},
        "retraining": find_recipe.retraining,
        "rewind_step": find_recipe.rewind_step,
        "metric": stage.task.metric.name,
    }


def reason_to_stop(stage: Stage, levels: list[Level], budget: Budget) -> str:
    """Why no further level is trained; empty while there is none."""
    recipe, task = stage.recipe.find, stage.task
    below = [not task.within_tolerance(entry.metric, levels[0].metric) for entry in levels]
    # The automatic search goes back to what held, and ends by reasons of its own.
    if recipe.find != "auto" and recipe.patience + 1 <= len(below) and all(below[-recipe.patience - 1 :]):
        times = f"{recipe.patience + 1} levels in a row" if recipe.patience else "one level"
        return f"{task.metric.name} on validation data was more than {task.tolerance:g} worse than dense for {times}"
    if recipe.sparsity is not None and reached(recipe.sparsity, levels[-1].mask()):
        return f"reached the sparsity asked for, {recipe.sparsity:.1%}"
    if levels[-1].number >= recipe.levels:
        return f"reached the {recipe.levels} levels asked for"
    if budget.exhausted():
        return spent(recipe)
    return ""


def spent(recipe: FindRecipe) -> str:
    """What is said where the budget stops a search."""
    return f"the budget of {recipe.budget} is spent"


def title(seed: int, facts: dict[str, Any]) -> str:
    """A level's name in progress lines."""
    kind = f" ({facts['control']})" if facts["control"] else ""
    left = f", {facts['weights_left']:.1%} of the weights" if "weights_left" in facts else ""
    return f"seed {seed}, level {facts['level']}{kind}{left}"


def start_of(stage: Stage, before: list[Level]) -> Start:
    """Where the level after `before` begins: rewound, or at the final weights of the level before."""
    if stage.recipe.find.retraining == "rewind":
        return before[0].start()
    return Start(stage.recipe.find.rewind_step or 0, before[-1].end())


def _given(stage: Stage, network: nn.Module, mask: Mask) -> Trained:
    """Level 0 of a trained network: evaluated, not retrained."""
    weights = weights_of(network)
    load(network, weights)
    found = evaluate(stage.task, network, stage.validation_feed)
    history = [(0, found.loss, found.metric)]
    return Trained(weights, weights, 0, found, 0, 0.0, history, mask, Start(0, weights))
