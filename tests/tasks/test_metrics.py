"""Metrics against scikit-learn or by hand, and which way is better."""

import math

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from lth_edge.errors import InputError, RecipeError
from lth_edge.tasks.metrics import METRICS, Metric, load_loss, load_metric, predictions, recall_per_class

random = np.random.default_rng(0)
LOGITS = random.standard_normal((200, 4)).astype(np.float32)
CLASSES = np.where(random.random(200) < 0.5, LOGITS.argmax(1), random.integers(0, 4, 200))
ONE_LOGIT = random.standard_normal((200, 1)).astype(np.float32)
BINARY = np.where(random.random(200) < 0.7, ONE_LOGIT[:, 0] > 0, random.random(200) < 0.2).astype(np.int64)


def softmax(logits):
    return torch.from_numpy(logits).softmax(1).numpy()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", sk.accuracy_score(CLASSES, LOGITS.argmax(1))),
        ("balanced-accuracy", sk.balanced_accuracy_score(CLASSES, LOGITS.argmax(1))),
        ("macro-f1", sk.f1_score(CLASSES, LOGITS.argmax(1), average="macro")),
        ("auc", sk.roc_auc_score(CLASSES, softmax(LOGITS), multi_class="ovr")),
    ],
)
def test_metrics_of_classes_agree_with_scikit_learn(name, expected):
    assert METRICS[name](LOGITS, CLASSES) == pytest.approx(100 * expected, rel=1e-5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("accuracy", sk.accuracy_score(BINARY, ONE_LOGIT[:, 0] > 0)),
        ("macro-f1", sk.f1_score(BINARY, ONE_LOGIT[:, 0] > 0, average="macro")),
        ("auc", sk.roc_auc_score(BINARY, ONE_LOGIT[:, 0])),
    ],
)
@pytest.mark.parametrize("targets", [BINARY, BINARY[:, None]], ids=["row", "column"])
def test_metrics_of_one_logit_agree_with_scikit_learn(name, expected, targets):
    assert METRICS[name](ONE_LOGIT, targets) == pytest.approx(100 * expected)


def test_auc_of_two_logits_is_that_of_their_difference():
    two = np.concatenate([np.zeros_like(ONE_LOGIT), ONE_LOGIT], axis=1)
    assert METRICS["auc"](two, BINARY) == pytest.approx(METRICS["auc"](ONE_LOGIT, BINARY))


def test_mean_absolute_error_by_hand_whatever_the_shape_of_the_output():
    outputs, targets = np.float32([[1.0], [2.0], [4.0]]), np.float32([1.5, 2.0, 2.0])
    assert METRICS["mae"](outputs, targets) == pytest.approx(2.5 / 3)


def test_recall_per_class_by_hand():
    outputs = np.eye(3)[[0, 0, 1, 2, 2]]
    assert recall_per_class(outputs, np.array([0, 1, 1, 2, 2])) == {0: 1.0, 1: 0.5, 2: 1.0}


def test_segmentation_is_scored_pixel_by_pixel():
    outputs = np.zeros((1, 2, 2, 2))
    outputs[0, 1, 0] = 1
    assert METRICS["accuracy"](outputs, np.array([[[1, 1], [0, 1]]])) == 75.0


def test_one_logit_is_decided_by_its_sign():
    assert predictions(np.array([[-1.0], [0.5]])).tolist() == [0, 1]


@pytest.mark.parametrize(("name", "sign"), [("accuracy", 1), ("macro-f1", 1), ("auc", 1), ("mae", -1)])
def test_a_fall_is_positive_in_the_direction_that_is_worse(name, sign):
    assert METRICS[name].loss_against(88.0, 90.0) == 2.0 * sign


def test_only_metrics_in_points_have_a_tolerance_of_their_own():
    assert {name: metric.tolerance for name, metric in METRICS.items()} == {
        "accuracy": 1.0, "balanced-accuracy": 1.0, "macro-f1": 1.0, "auc": 1.0, "mae": None
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
def test_auc_where_a_class_is_missing_is_refused_rather_than_nan():
    with pytest.raises(InputError, match="auc"):
        METRICS["auc"](LOGITS[:4], np.zeros(4, np.int64))


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_an_own_metric_that_is_not_finite_is_refused(value):
    with pytest.raises(InputError, match=f"mine is {value} here"):
        Metric("mine", lambda outputs, targets: value)(None, None)


@pytest.mark.parametrize("error", [KeyError("a"), ZeroDivisionError(), RuntimeError("shape"), AttributeError("no")])
def test_an_own_metric_that_fails_in_any_way_is_named(error):
    def fails(outputs, targets):
        raise error

    with pytest.raises(InputError, match="mine cannot be computed here"):
        Metric("mine", fails)(None, None)


def test_an_unknown_metric_or_loss_comes_with_the_nearest():
    with pytest.raises(RecipeError, match="did you mean 'macro-f1'"):
        load_metric("macro_f1", None)
    with pytest.raises(RecipeError, match="did you mean 'cross-entropy'"):
        load_loss("crossentropy", torch.zeros(1))


def test_an_own_metric_needs_its_direction(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text("def worst(outputs, targets):\n    return abs(outputs - targets).max()\n")
    with pytest.raises(RecipeError, match="--metric-direction"):
        load_metric(f"{file}:worst", None)
    metric = load_metric(f"{file}:worst", "lower")
    assert metric(np.array([1.0, 5.0]), np.array([1.0, 2.0])) == 3.0
    assert metric.loss_against(3.0, 2.0) == 1.0


@pytest.mark.parametrize(
    ("targets", "name"), [(torch.zeros(3), "mse"), (torch.zeros(3, dtype=torch.int64), "cross-entropy")]
)
def test_the_loss_follows_from_the_targets(targets, name):
    assert load_loss(None, targets)[0] == name


@pytest.mark.parametrize(("name", "expected"), [("mse", 5.0), ("l1", 2.0), ("bce", None)])
def test_losses_take_outputs_of_one_column(name, expected):
    outputs, targets = torch.tensor([[1.0], [3.0]]), torch.tensor([0, 0])
    value = load_loss(name, targets)[1](outputs, targets)
    by_hand = torch.log1p(torch.exp(outputs)).mean() if expected is None else expected
    assert float(value) == pytest.approx(float(by_hand))
