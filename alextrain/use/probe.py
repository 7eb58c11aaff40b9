"""A linear classifier on the features of another set: what a network's layers are worth there."""

from __future__ import annotations

import warnings
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from alextrain.errors import FeaturesError
from alextrain.extras import need

STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)  # scikit-learn's C, on features of unit deviation
HELD_OUT = 5  # every fifth row of the training features chooses the strength
STEPS = 300

Rows = tuple[NDArray[np.float32], NDArray[np.int64]]  # features [n, d], labels [n]


@dataclass(frozen=True)
class Probe:
    """What a linear classifier reaches."""

    layer: str
    trained_on: int  # images
    images: int  # it was tested on
    top1_wrong: int
    top5_wrong: int
    top_k: int  # 5, or the number of classes where there are fewer
    strength: float  # the C that was chosen
    converged: bool

    def to_dict(self) -> dict[str, Any]:
        """Return counts and errors as plain values."""
        top1, top5 = self.top1_wrong / self.images, self.top5_wrong / self.images
        return asdict(self) | {"top1_error": top1, "top5_error": top5}

    def sentence(self) -> str:
        """Say the result in one line."""
        values = self.to_dict()
        return (
            f"linear classifier on {self.layer}: top-1 error {values['top1_error']:.2%}, "
            f"top-{self.top_k} error {values['top5_error']:.2%} ({self.images:,} images; trained "
            f"on {self.trained_on:,}, C {self.strength:g}"
            f"{'' if self.converged else ', not converged'})"
        )


def probe(layer: str, train: Rows, test: Rows) -> Probe:
    """Fit scikit-learn's logistic regression and count its errors.

    Features are brought to mean 0 and deviation 1 by the training rows. The strength of the
    regularisation is chosen on every fifth training row, never on the test rows; then all training
    rows are used.

    Args:
        layer: Its name, for the result.
        train: Features and labels.
        test: Features and labels of the images that are counted.

    Raises:
        FeaturesError: the training rows show one class only.
        PackageError: scikit-learn is not installed.
    """
    if len(np.unique(train[1])) < 2:
        raise FeaturesError("the training images show one class only; a probe needs two or more")
    mean, std = train[0].mean(0), train[0].std(0)
    scale = np.where(std > 0, std, 1).astype(np.float32)
    x, y = (train[0] - mean) / scale, train[1]
    held = np.arange(len(y)) % HELD_OUT == HELD_OUT - 1
    best, fewest = STRENGTHS[0], len(y) + 1
    enough = held.any() and len(np.unique(y[~held])) == len(np.unique(y))
    if enough:  # too few rows choose nothing
        for strength in STRENGTHS:
            model, _ = _fit(x[~held], y[~held], strength)
            wrong = int((model.predict(x[held]) != y[held]).sum())
            if wrong < fewest:
                best, fewest = strength, wrong
    model, converged = _fit(x, y, best)
    top1, top5, top_k = _count(model, (test[0] - mean) / scale, test[1])
    return Probe(layer, len(y), len(test[1]), top1, top5, top_k, best, converged)


def _fit(x: NDArray[np.float32], y: NDArray[np.int64], strength: float) -> tuple[Any, bool]:
    linear = need("sklearn.linear_model", "probe")
    exceptions = need("sklearn.exceptions", "probe")
    model = linear.LogisticRegression(C=strength, max_iter=STEPS)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        model.fit(x, y)
    slow = any(issubclass(one.category, exceptions.ConvergenceWarning) for one in heard)
    return model, not slow


def _count(model: Any, x: NDArray[np.float32], y: NDArray[np.int64]) -> tuple[int, int, int]:
    """Return the rows whose label is not the first guess, and not among the first k; and k."""
    scores = model.predict_proba(x)
    top_k = min(5, scores.shape[1])
    guesses = model.classes_[np.argsort(-scores, axis=1, kind="stable")[:, :top_k]]
    right = guesses == y[:, None]
    return int((~right[:, 0]).sum()), int((~right.any(1)).sum()), top_k
