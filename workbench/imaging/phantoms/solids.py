"""Solids as signed distances: negative inside, positive outside, in millimetres.

Coordinates follow the radiological view: x to the patient's left (right in the picture), y to the
back (down), z to the head. The distances are first-order estimates, exact on the surface, which
is where they decide how much of a pixel an organ covers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

FAR = 1e3
"""A distance in mm that is outside of everything."""

Vector = tuple[float, float, float]


@dataclass(frozen=True, eq=False)
class Plane:
    """The pixels of one axial slice: ``x`` and ``y`` float32 ``(H, W)`` in mm, one height ``z``.

    It remembers the distances it was asked for, since organs are cut and clipped by each other.
    """

    x: np.ndarray
    y: np.ndarray
    z: float
    _known: dict[int, tuple[Solid, np.ndarray]] = field(default_factory=dict)

    def to(self, solid: Solid) -> np.ndarray:
        """The distance of every pixel to this solid, computed once; not to be written to."""
        if id(solid) not in self._known:
            # The solid is kept too, so that its id is not given to another.
            self._known[id(solid)] = (solid, solid.distance(self))
        return self._known[id(solid)][1]


class Solid(Protocol):
    """Anything that knows how far each pixel of a slice is from its surface."""

    def distance(self, at: Plane) -> np.ndarray:
        """Signed distance in mm, float32 ``(H, W)``."""
        ...


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid; ``power`` above 2 squares it off, an infinite ``radii[2]`` makes a column.

    Args:
        centre: mm.
        radii: half axes in mm, > 0.
        turn: rotation about the z axis in radians.
        power: exponent of the superellipsoid, >= 2.
    """

    centre: Vector
    radii: Vector
    turn: float = 0.0
    power: float = 2.0

    def distance(self, at: Plane) -> np.ndarray:
        """First-order distance: level over the length of its gradient."""
        height = (at.z - self.centre[2]) / self.radii[2]
        if abs(height) >= 1:
            return np.full(at.x.shape, FAR, np.float32)
        dx, dy = at.x - self.centre[0], at.y - self.centre[1]
        if self.turn:
            cos, sin = math.cos(self.turn), math.sin(self.turn)
            dx, dy = cos * dx + sin * dy, cos * dy - sin * dx
        u, v = np.abs(dx) / self.radii[0], np.abs(dy) / self.radii[1]
        p = self.power
        if p == 2:
            level = u * u + v * v + height * height
            slope = 2 * np.hypot(u / self.radii[0], v / self.radii[1])
        else:
            nearly_u, nearly_v = u ** (p - 1), v ** (p - 1)
            level = u * nearly_u + v * nearly_v + abs(height) ** p
            slope = p * np.hypot(nearly_u / self.radii[0], nearly_v / self.radii[1])
        return (level - 1) / np.maximum(slope, 1e-3)


@dataclass(frozen=True)
class Tube:
    """A round tube along a path, such as a vessel, a rib or a loop of bowel.

    Args:
        path: corner points in mm, at least two.
        radius: mm.
    """

    path: tuple[Vector, ...]
    radius: float

    def distance(self, at: Plane) -> np.ndarray:
        """Distance to the nearest piece of the path, less the radius."""
        nearest = np.full(at.x.shape, FAR, np.float32)
        for start, end in zip(self.path, self.path[1:], strict=False):
            low, high = min(start[2], end[2]), max(start[2], end[2])
            if low - self.radius < at.z < high + self.radius:
                np.minimum(nearest, _to_segment(at, start, end), out=nearest)
        return nearest - np.float32(self.radius)


def _to_segment(at: Plane, start: Vector, end: Vector) -> np.ndarray:
    ax, ay, az = (e - s for s, e in zip(start, end, strict=True))
    dx, dy, dz = at.x - start[0], at.y - start[1], at.z - start[2]
    along = np.clip((dx * ax + dy * ay + dz * az) / max(ax * ax + ay * ay + az * az, 1e-6), 0, 1)
    return np.sqrt((dx - along * ax) ** 2 + (dy - along * ay) ** 2 + (dz - along * az) ** 2)


@dataclass(frozen=True)
class Below:
    """Everything below a surface: ``axis`` ``"y"`` in front of a level, ``"z"`` caudal of it."""

    axis: str
    level: float

    def distance(self, at: Plane) -> np.ndarray:
        """Distance to the level."""
        if self.axis == "y":
            return at.y - np.float32(self.level)
        return np.full(at.x.shape, at.z - self.level, np.float32)


@dataclass(frozen=True)
class Union:
    """Several solids as one; ``blend`` mm round off the seams (polynomial smooth minimum)."""

    parts: tuple[Solid, ...]
    blend: float = 0.0

    def distance(self, at: Plane) -> np.ndarray:
        """Smooth minimum over the parts."""
        result = at.to(self.parts[0])
        for part in self.parts[1:]:
            result = smooth_minimum(result, at.to(part), self.blend)
        return result


@dataclass(frozen=True)
class Both:
    """What lies in every one of the solids."""

    parts: tuple[Solid, ...]

    def distance(self, at: Plane) -> np.ndarray:
        """Maximum over the parts."""
        result = at.to(self.parts[0])
        for part in self.parts[1:]:
            if result.min() > 0:
                break
            result = np.maximum(result, at.to(part))
        return result


@dataclass(frozen=True)
class Cut:
    """A solid without what another takes away, the edge rounded by ``blend`` mm."""

    solid: Solid
    away: Solid
    blend: float = 0.0

    def distance(self, at: Plane) -> np.ndarray:
        """Smooth maximum of the solid and the outside of the other."""
        kept = at.to(self.solid)
        if kept.min() > 0:
            return kept
        return -smooth_minimum(-kept, at.to(self.away), self.blend)


@dataclass(frozen=True)
class Grown:
    """A solid grown by ``by`` mm on all sides; a negative number shrinks it."""

    solid: Solid
    by: float

    def distance(self, at: Plane) -> np.ndarray:
        """The solid's own distance less the growth."""
        return at.to(self.solid) - np.float32(self.by)


@dataclass(frozen=True)
class Stacked:
    """A solid repeated along z, such as the vertebrae; it is described around z = 0."""

    solid: Solid
    period: float
    offset: float = 0.0

    def distance(self, at: Plane) -> np.ndarray:
        """The solid's distance at the height within its own period."""
        height = (at.z - self.offset + self.period / 2) % self.period - self.period / 2
        return self.solid.distance(Plane(at.x, at.y, height))


def smooth_minimum(a: np.ndarray, b: np.ndarray, blend: float) -> np.ndarray:
    """The smaller of two distances, the corner between them rounded over ``blend`` mm."""
    if blend <= 0:
        return np.minimum(a, b)
    overlap = np.maximum(blend - np.abs(a - b), 0) / np.float32(blend)
    return np.minimum(a, b) - overlap * overlap * np.float32(blend / 4)
