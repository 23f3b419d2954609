"""``workbench data``: what is in a set of slices, and which sets are built in."""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import BadInput

if TYPE_CHECKING:
    import numpy as np

    from workbench.imaging.sliceset import SliceSet

HELP = "look at a set of slices before using it: 'data show PATH', 'data list'"

Result = dict[str, Any]


def arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what follows ``workbench data``."""
    parser.add_argument(
        "action",
        choices=("show", "list"),
        help="show: draw a contact sheet and say what was found; list: name the built-in sets",
    )
    parser.add_argument(
        "path",
        nargs="?",
        help="with show: a file, a folder or a built-in name; volumes take PATH#label=5",
    )
    parser.add_argument("--size", type=int, help="square the slices and resize them to this side")


def run(args: argparse.Namespace) -> Result:
    """Do it.

    Returns:
        For ``list``: ``built_in``, name to description. For ``show``: ``name, task, patients,
        slices, height, width, value_range, classes, splits, window, spacing_mm,
        identifying_tags, provenance, contact_sheet``. ``classes`` gives each class its number of
        slices (labels) or its share of all pixels (masks).

    Raises:
        BadInput: no path was given, or what is there cannot be used.
    """
    from workbench.imaging.load import BUILT_IN, load

    if args.action == "list":
        return {"built_in": dict(BUILT_IN)}
    if args.path is None:
        raise BadInput(
            f"data show needs a path or one of the built-in names {', '.join(BUILT_IN)}."
        )
    slices = load(args.path, size=args.size, progress=_progress)
    return _found(slices) | {"contact_sheet": str(_drawn(slices, getattr(args, "out", None)))}


def _progress(done: float, total: float) -> None:
    if sys.stderr.isatty():
        end = "\n" if done >= total else "\r"
        print(f"reading: {done:.0f} of {total:.0f}", end=end, file=sys.stderr, flush=True)


def _found(slices: SliceSet) -> Result:
    import numpy as np

    splits = None if slices.split is None else np.unique(slices.split, return_counts=True)
    return {
        "name": slices.name,
        "task": slices.task,
        "patients": slices.patient_count,
        "slices": len(slices),
        "height": slices.height,
        "width": slices.width,
        "value_range": [float(slices.images.min()), float(slices.images.max())],
        "classes": _balance(slices),
        "groups": {name: _counts(of) for name, of in slices.groups.items()},
        "splits": None if splits is None else dict(zip(*(s.tolist() for s in splits), strict=True)),
        "window": None if slices.window is None else [slices.window.low, slices.window.high],
        "spacing_mm": None if slices.spacing_mm is None else list(slices.spacing_mm),
        "identifying_tags": list(slices.identifying_tags),
        "provenance": slices.provenance,
    }


def _counts(words: np.ndarray) -> dict[str, int]:
    return dict(sorted(Counter(words[words != ""].tolist()).items()))


def _balance(slices: SliceSet) -> dict[str, float] | dict[str, int]:
    import numpy as np

    if slices.masks is not None:
        pixels = np.bincount(slices.masks.ravel(), minlength=len(slices.classes))
        return {
            name: float(count / pixels.sum())
            for name, count in zip(slices.classes, pixels.tolist(), strict=True)
        }
    if slices.labels is None:
        return {}
    counts = np.bincount(slices.labels, minlength=len(slices.classes))
    return dict(zip(slices.classes, counts.tolist(), strict=True))


def _drawn(slices: SliceSet, out: str | Path | None) -> Path:
    from workbench.figures.contact_sheet import contact_sheet_numbers, draw_contact_sheet
    from workbench.figures.theme import png
    from workbench.runs.workspace import workspace

    folder = workspace() / "contact-sheets" if out is None else Path(out)
    figure = draw_contact_sheet(contact_sheet_numbers(slices))
    file = folder / f"{re.sub(r'[^A-Za-z0-9._-]+', '-', slices.name)}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png(figure, dpi=100))
    except OSError as error:
        raise BadInput(f"{file} cannot be written: {error.strerror}.", field="out") from error
    return file.resolve()


def tell(result: Result) -> str:
    """The same for people."""
    if "built_in" in result:
        width = max(len(name) for name in result["built_in"])
        return "\n".join(f"{name:<{width}}  {what}" for name, what in result["built_in"].items())
    low, high = result["value_range"]
    lines = [
        f"{result['name']}: {result['provenance']}",
        f"  slices    {result['slices']:,} of {result['patients']:,} "
        f"patient{'' if result['patients'] == 1 else 's'}, "
        f"{result['height']} x {result['width']} pixels",
        f"  values    {low:.3g} to {high:.3g}{_window_text(result['window'])}",
        f"  classes   {_classes_text(result['classes'])}",
        f"  splits    {_counts_text(result['splits'] or {}) or 'none; patients will be drawn'}",
        *(f"  groups    by {name}: {_counts_text(of)}" for name, of in result["groups"].items()),
        f"  headers   {_tags_text(result['identifying_tags'])}",
        f"  pictures  {result['contact_sheet']}",
    ]
    return "\n".join(lines)


def _window_text(window: list[float] | None) -> str:
    return "" if window is None else f", standing for {window[0]:g} to {window[1]:g} HU"


def _classes_text(classes: dict[str, float]) -> str:
    if not classes:
        return "none: there are neither masks nor labels"
    if all(isinstance(value, int) for value in classes.values()):
        return _counts_text(classes)
    return ", ".join(f"{name} {share:.1%} of pixels" for name, share in classes.items())


def _counts_text(counts: dict[str, float]) -> str:
    return ", ".join(f"{name} {count:,} slices" for name, count in counts.items())


def _tags_text(tags: list[str]) -> str:
    if not tags:
        return "nothing found that identifies a patient"
    return "these fields could identify a patient: " + ", ".join(tags)
