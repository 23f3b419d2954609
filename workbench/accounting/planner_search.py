"""How far a quantity may go before epsilon is exceeded: a search that always ends on the safe side.

Epsilon rises with the steps and with the sample rate, so there is one such place.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

Gap = Callable[[float], float]
"""How far epsilon at a value lies above the target, in e-folds; safe at 0 and below."""

_DEEPEST = 2.0
"""Gaps count for at most so much: epsilon 0 says nothing about where the edge is."""

_SLOPE = 0.5
"""Epsilon grows about as the square root of the steps, or faster."""

_SMALLEST = 1e-9


class Span(NamedTuple):
    """Values that may be taken.

    Attributes:
        safest: where epsilon is least.
        furthest: where epsilon is largest; above or below ``safest``.
        whole: only whole numbers.
        tolerance: in e-folds of the value, > 0; whole numbers are told apart where it allows.
    """

    safest: float
    furthest: float
    whole: bool
    tolerance: float


def furthest_safe(gap: Gap, span: Span, guess: float) -> float | None:
    """The safe value nearest to ``span.furthest``; ``None`` where even the safest is not safe.

    Args:
        gap: asked for several values, most of them near the edge. Not safe beyond the edge.
        span: where to look.
        guess: about the value.

    Returns:
        A value that ``gap`` was asked for and that is safe.
    """
    low, high = sorted((span.safest, span.furthest))
    start = _placed(min(max(guess, low), high), span)
    bracket = _bracket(gap, span, start)
    if bracket is None or bracket[1] is None:
        return None if bracket is None else bracket[0]
    return _narrowed(gap, span, bracket[0], bracket[1])


def _bracket(gap: Gap, span: Span, start: float) -> tuple[float, float | None] | None:
    """A safe value and one that is not; without the second where all are safe."""
    here = gap(start)
    safe, other = here <= 0, start
    end = span.furthest if safe else span.safest
    leap = max(min(abs(here), _DEEPEST) / _SLOPE, span.tolerance)
    while other != end:
        before, other = other, _leapt(other, end, leap, span)
        if (gap(other) <= 0) != safe:
            return (before, other) if safe else (other, before)
        leap *= 3
    return (other, None) if safe else None


def _leapt(value: float, end: float, leap: float, span: Span) -> float:
    """So many e-folds closer to the end, by at least one where numbers are whole."""
    towards = 1 if end > value else -1
    moved = value * math.exp(towards * leap)
    if span.whole:
        moved = max(moved, value + 1) if towards > 0 else min(moved, value - 1)
        moved = _placed(moved, span)
    return min(moved, end) if towards > 0 else max(moved, end)


def _narrowed(gap: Gap, span: Span, safe: float, unsafe: float) -> float:
    """Regula falsi on logarithms, after Dowell & Jarratt 1971 (Illinois), until both are close."""
    weights = [-_seen(gap(safe)), _seen(gap(unsafe))]
    while (probe := _probe(span, safe, unsafe, weights)) is not None:
        found = gap(probe)
        if found <= 0:
            safe, weights = probe, [-_seen(found), weights[1] / 2]
        else:
            unsafe, weights = probe, [weights[0] / 2, _seen(found)]
    return safe


def _probe(span: Span, safe: float, unsafe: float, weights: list[float]) -> float | None:
    """Where to look next; ``None`` where there is nothing between that matters."""
    width = math.log(unsafe / safe)
    if abs(width) <= span.tolerance or (span.whole and abs(unsafe - safe) <= 1):
        return None
    least = min(0.5, 0.5 * span.tolerance / abs(width))
    share = min(max(weights[0] / (weights[0] + weights[1]), least), 1 - least)
    if not span.whole:
        return safe * math.exp(share * width)
    between = sorted((safe, unsafe))
    probe = float(round(safe * math.exp(share * width)))
    return min(max(probe, between[0] + 1), between[1] - 1)


def _placed(value: float, span: Span) -> float:
    return float(round(value)) if span.whole else value


def _seen(gap: float) -> float:
    """A gap as a weight, neither zero nor beyond what it tells."""
    size = min(max(abs(gap), _SMALLEST), _DEEPEST)
    return size if gap > 0 else -size
