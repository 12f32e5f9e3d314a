"""What "auto" means: defaults by network, data and starting point, so that a run's recipe says everything."""

from dataclasses import replace

from lth_edge.errors import RecipeError
from lth_edge.find.gradual import END, last_pruning
from lth_edge.find.prunable import has_norms
from lth_edge.recipe import FindRecipe, Recipe, TrainRecipe
from lth_edge.tasks.task import Task

# Epochs and settings from arXiv 1803.03635 (figure 2) and arXiv 2003.02389 (table 1), fewer epochs where they are many.
FROM_SCRATCH: dict[str, tuple[int, TrainRecipe]] = {
    "mlp": (12, TrainRecipe(batch_size=60, optimizer="adam", learning_rate=1.2e-3)),
    "lenet-300-100": (20, TrainRecipe(batch_size=60, optimizer="adam", learning_rate=1.2e-3)),
    "lenet-5": (20, TrainRecipe(batch_size=60, optimizer="adam", learning_rate=1.2e-3)),
    "conv-2": (20, TrainRecipe(batch_size=60, optimizer="adam", learning_rate=2e-4)),
    "conv-4": (25, TrainRecipe(batch_size=60, optimizer="adam", learning_rate=3e-4)),
    "conv-6": (30, TrainRecipe(batch_size=60, optimizer="adam", learning_rate=3e-4)),
    "resnet-8": (
        182,
        TrainRecipe(batch_size=128, optimizer="sgd", learning_rate=0.1, milestones=(0.5, 0.75)),
    ),
    "resnet-20": (
        182,
        TrainRecipe(batch_size=128, optimizer="sgd", learning_rate=0.1, milestones=(0.5, 0.75)),
    ),
    "resnet-56": (
        182,
        TrainRecipe(batch_size=128, optimizer="sgd", learning_rate=0.1, milestones=(0.5, 0.75)),
    ),
    "vgg-16": (
        160,
        TrainRecipe(batch_size=128, optimizer="sgd", learning_rate=0.1, milestones=(0.5, 0.75)),
    ),
    "cnn-1d": (20, TrainRecipe(batch_size=64, optimizer="adam", learning_rate=1e-3)),
    "vit": (100, TrainRecipe(batch_size=128, optimizer="adamw", learning_rate=1e-3, milestones=(0.5, 0.75))),
}
ANY_NETWORK = (30, TrainRecipe(batch_size=64, optimizer="adam", learning_rate=1e-3))
FROM_TRAINED = (10, TrainRecipe(batch_size=64, optimizer="sgd", learning_rate=0.01, milestones=(0.5, 0.75)))
LATE_REWIND = 0.05
"""Share of the steps that a late rewind goes back to; arXiv 1903.01611 finds 0.1 to 7 % enough."""


def fill_in(recipe: Recipe, task: Task, own_loop: bool = False) -> Recipe:
    """A recipe in which every value that decides the weights is set.

    Args:
        own_loop: the user's training function is used, which alone can name a late step to rewind to.
    """
    train = _train(recipe.train, task)
    find = _find(recipe.find, task, train.steps or 0, own_loop)
    if own_loop and train.precision != "fp32":
        raise RecipeError(f"--precision {train.precision} needs lth-edge's own training loop", "call autocast in yours")
    if task.kept is None:
        _check_method(find, train.steps or 0, own_loop)
    else:
        _check_kept(find)
    # Units that the ticket lost are taken out of its files: what they are pruned for.
    loses_units = find.granularity == "unit" or find.rank == "clustered"
    store = replace(recipe.store, compact=True) if loses_units else recipe.store
    return replace(recipe, task=task.recipe, train=train, find=find, store=store)


def why_rewind(recipe: FindRecipe, task: Task) -> str:
    """One sentence on how the search goes back, for the report."""
    if task.kept is not None:
        return (
            f"the mask of the ticket of {task.recipe.keep_mask} is kept and its weights are trained on; level 0, the "
            "baseline, is that ticket as it was, with its zeros stored"
        )
    if recipe.retraining == "learning-rate":
        return "the learning rate is rewound and the schedule replayed on the final weights of the level before"
    if recipe.retraining == "fine-tune":
        return "the final weights of the level before are fine-tuned at the last learning rate"
    if recipe.rewind_step == 0:
        return (
            "weights are rewound to the original initialisation (step 0)"
            if task.given is None
            else ("weights are rewound to the given ones")
        )
    return f"weights are rewound to step {recipe.rewind_step}, early in training (late rewinding, arXiv 1912.05671)"


def _check_kept(find: FindRecipe) -> None:
    """What has no place where a mask is kept.

    Raises:
        RecipeError: it is asked for.
    """
    asked = {"--sparsity": find.sparsity is not None, f"--find {find.find}": find.find != "iterative"}
    controls = {"--controls": find.controls, "--dense-longer": find.dense_longer}
    for option in (name for name, wanted in (asked | controls).items() if wanted):
        mend = f"leave {option} away"
        if option in controls:
            mend += f", or say --no-{option[2:]} where a recipe or preset asks for it"
        raise RecipeError(f"--keep-mask prunes nothing, so there is no place for {option}", mend)


def _check_method(find: FindRecipe, steps: int, own_loop: bool) -> None:
    """What ranks single weights, gradual pruning, the automatic search and a training loop of one's own cannot do.

    Raises:
        RecipeError: it is asked for.
    """
    if own_loop and find.find in {"gradual", "auto"}:
        raise RecipeError(f"--find {find.find} needs lth-edge's own training loop", "choose iterative or one-shot")
    if own_loop and find.dense_longer:
        raise RecipeError("--dense-longer needs lth-edge's own training loop", "your own decides how long it trains")
    if find.find == "auto" and 4 * (find.rewind_step or 0) > steps:
        raise RecipeError(
            f"--find auto halves trainings, and rewind-step {find.rewind_step} leaves little of half of {steps} steps",
            "rewind to the first quarter",
        )
    if find.rank == "clustered" and find.granularity == "unit":
        raise RecipeError("--rank clustered ranks single weights", "choose --granularity weight, or --rank magnitude")
    if find.find != "gradual":
        return
    if find.granularity == "unit":
        raise RecipeError("gradual pruning takes out single weights", "choose --find iterative or one-shot for units")
    if (find.rewind_step or 0) >= last_pruning(steps):
        raise RecipeError(
            f"rewind-step {find.rewind_step} is after the last pruning of gradual pruning, at {END:.0%} of the steps",
            "give an earlier --rewind-step, or more --steps",
        )


def _train(given: TrainRecipe, task: Task) -> TrainRecipe:
    epochs, default = FROM_TRAINED if task.given is not None else FROM_SCRATCH.get(task.model, ANY_NETWORK)
    if given.optimizer is not None and given.optimizer != default.optimizer:
        # A rate belongs to its optimiser: another optimiser starts from its own usual rate.
        default = replace(default, learning_rate=0.05 if given.optimizer == "sgd" else 1e-3)
    count = len(task.splits.train)
    batch_size = min(given.batch_size or default.batch_size or 64, count)
    steps = given.steps or max(epochs * (count // batch_size), 200)
    optimizer = given.optimizer or default.optimizer
    return replace(
        given,
        steps=steps,
        batch_size=batch_size,
        optimizer=optimizer,
        learning_rate=given.learning_rate or default.learning_rate,
        weight_decay=(1e-4 if optimizer == "sgd" else 0.0) if given.weight_decay is None else given.weight_decay,
        milestones=default.milestones or () if given.milestones is None else given.milestones,
        # Digits and series must not be flipped: only where the images are known to bear it.
        augment=given.augment or ("crop-flip" if task.data.startswith("torchvision:CIFAR") else "none"),
        evaluate_every=given.evaluate_every or max(1, steps // 20),
    )


def _find(given: FindRecipe, task: Task, steps: int, own_loop: bool) -> FindRecipe:
    retraining = given.retraining or ("rewind" if task.given is None else "learning-rate")
    rewind_step = given.rewind_step
    if rewind_step is not None and rewind_step >= steps:
        raise RecipeError(
            f"rewind-step {rewind_step} is not before the last of {steps} steps",
            "give an earlier --rewind-step, or more --steps",
        )
    if rewind_step is None:
        late = retraining == "rewind" and task.given is None and not own_loop and has_norms(task.network(0))
        rewind_step = round(LATE_REWIND * steps) if late else 0
    output = given.prune_rate / 2 if given.output_prune_rate is None else given.output_prune_rate
    return replace(given, retraining=retraining, rewind_step=rewind_step, output_prune_rate=output)
