"""How genuine similarities differ from impostor ones, learned from labels of which some are wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

BINS: Final = 2000
_CENTRES: Final = -1 + (np.arange(BINS) + 0.5) * 2 / BINS

_LOW, _LOW_SPREADS = 0.1, 1.2816  # this share of a normal distribution lies so many spreads below its centre
_HIGH, _HIGH_SPREADS = 0.99, 2.3263
_MOST: Final = 0.95  # of the impostors must be less alike than half of the genuine
_LEAST_SPREAD: Final = 0.01


class NoContrast(ValueError):  # noqa: N818 - it names the finding
    """The data are too few, or photos of one person are no more alike than those of two."""


def count(similarities: ArrayLike) -> Floats:
    """Cosine similarities as counts in BINS equal bins from -1 to 1."""
    bins = ((np.asarray(similarities).ravel() + 1) * (BINS / 2)).astype(np.int64)
    return np.bincount(np.clip(bins, 0, BINS - 1), minlength=BINS).astype(np.float64)


@dataclass(frozen=True)
class Contrast:
    """Two normal distributions by the sides that face each other: centre and spread of genuine and of impostor.

    `wrong` is the share of similarities within a label that are of two people.
    """

    genuine: float
    genuine_spread: float
    impostor: float
    impostor_spread: float
    wrong: float

    @classmethod
    def fit(cls, within: Floats, between: Floats) -> Contrast:
        """From counts (BINS,) of similarities within labels, some of them wrong, and between labels.

        Hardly a genuine similarity is below the median of impostor ones: as many within labels as lie there are
        half of the wrong ones. What these add is then taken away, and the rest is read by its quantiles, which a
        few labels for one person do not move. Raises NoContrast.
        """
        impostor, wrong = _strangers(within, between)
        stranger, own = np.cumsum(between) / between.sum(), np.cumsum(within) / within.sum()
        # Counts of few photos may dip under what strangers add: a share never falls.
        real = np.maximum.accumulate(np.clip((own - wrong * stranger) / (1 - wrong), 0, 1))
        genuine, quarter, low = (_quantile(real, share) for share in (0.5, 0.25, _LOW))
        most = _quantile(stranger, _MOST)
        if genuine <= most:
            raise NoContrast(
                f"photos of one person are {genuine:.2f} alike and those of two people up to {most:.2f}: "
                "this model does not tell them apart"
            )
        spread = _spread(_high(between, quarter), impostor, _HIGH_SPREADS)
        # Templates of few photos are less alike than most: a spread is not believed to be far below the other.
        return cls(genuine, max(_spread(genuine, low, _LOW_SPREADS), spread / 2), impostor, spread, wrong)

    @classmethod
    def given(cls, within: Floats, between: Floats, threshold: float) -> Contrast:
        """With a given threshold, at which the genuine similarities mirror the impostor ones; counts as for `fit`.

        Raises NoContrast where a hundredth of the impostor similarities is above the threshold.
        """
        impostor, wrong = _strangers(within, between)
        genuine = 2 * threshold - impostor
        high = _high(between, genuine)
        if threshold <= high:
            raise NoContrast(f"one in a hundred pairs of two people is {high:.2f} alike, above {threshold:g}")
        spread = _spread(high, impostor, _HIGH_SPREADS)
        return cls(genuine, spread, impostor, spread, wrong)

    @property
    def threshold(self) -> float:
        """Where both error rates are equal: as many spreads from one centre as from the other."""
        whole = self.genuine_spread + self.impostor_spread
        return (self.genuine * self.impostor_spread + self.impostor * self.genuine_spread) / whole

    def log_ratio(self, similarity: ArrayLike) -> Floats:
        """The logarithm of how much more likely genuine than impostor a similarity is; it never falls.

        0 at the threshold. Beyond its own centre a distribution counts as at its centre.
        """
        values = np.asarray(similarity, dtype=np.float64)
        impostor = np.maximum(values - self.impostor, 0) / self.impostor_spread
        genuine = np.maximum(self.genuine - values, 0) / self.genuine_spread
        ratio: Floats = (impostor**2 - genuine**2) / 2
        return ratio


def _strangers(within: Floats, between: Floats) -> tuple[float, float]:
    """The median of impostor similarities, and their share within labels."""
    if not within.sum() or not between.sum():
        raise NoContrast("there are no two photos of one person, or no two people")
    impostor = _quantile(np.cumsum(between) / between.sum(), 0.5)
    # One more of each than there are: that none was seen does not make a wrong label impossible.
    wrong = (2 * within[: np.searchsorted(_CENTRES, impostor)].sum() + 1) / (within.sum() + 2)
    return impostor, float(min(wrong, 0.5))


def _high(between: Floats, genuine: float) -> float:
    """The 99th percentile of impostor similarities; those like genuine ones are of one person under two labels."""
    below = between[: np.searchsorted(_CENTRES, genuine)]
    return _quantile(np.cumsum(below) / max(below.sum(), 1), _HIGH)


def _spread(far: float, near: float, spreads: float) -> float:
    return max((far - near) / spreads, _LEAST_SPREAD)


def _quantile(cumulative: Floats, share: float) -> float:
    return float(_CENTRES[min(int(np.searchsorted(cumulative, share)), BINS - 1)])
