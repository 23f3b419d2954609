"""The words of ``workbench audit``."""

from __future__ import annotations

import argparse
from pathlib import Path

WHAT = ("mechanism", "every", "zoo", "reconstruction", "membership")


def add_options(parser: argparse.ArgumentParser) -> None:
    """All of them, in groups; what is left out takes the config's default."""
    parser.add_argument(
        "what",
        nargs="?",
        choices=WHAT,
        default="mechanism",
        help="mechanism: one training (default); every: all engines; zoo: which test catches which "
        "bug; reconstruction: which of many slices it was; membership: a finished run",
    )
    parser.add_argument(
        "--run",
        metavar="RUN",
        help="a finished training: its claim, or with membership who was among its records",
    )
    _claim(parser.add_argument_group("what is claimed"))
    _training(parser.add_argument_group("whose training"))
    _size(parser.add_argument_group("how hard it is looked at"))
    _reconstruction(parser.add_argument_group("reconstruction (10 steps at sample rate 1)"))
    _membership(parser.add_argument_group("membership"))


def _claim(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--noise-multiplier", type=float, help="noise over clipping norm (1)")
    group.add_argument("--sample-rate", type=float, help="of Poisson sampling (0.05)")
    group.add_argument("--steps", type=int, help="that were charged (200)")
    group.add_argument("--delta", type=float, help="(1e-5; state it for a training of your own)")
    group.add_argument("--unit", choices=("slice", "patient"), help="who is protected (slice)")
    group.add_argument(
        "--adjacency", metavar="WORDS", help="neighbouring data sets ('add or remove one')"
    )
    group.add_argument("--max-grad-norm", type=float, help="clipping norm (1)")


def _training(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--engine", help="bookkeeping, opacus, opacus-ghost, privacy-engine, ...; --list explains"
    )
    group.add_argument(
        "--training",
        metavar="MODULE:FUNCTION",
        help="a training of your own",
    )
    group.add_argument("--bug", help="break the mechanism on purpose; --list names all")
    group.add_argument("--network", help="cnn, cnn-reflect, unet-small or module:function (cnn)")
    group.add_argument("--task", choices=("segmentation", "classification"))
    group.add_argument("--data", help="natural records, a name or a path (drawn phantoms)")
    group.add_argument("--size", type=int, help="side in pixels (32)")
    group.add_argument("--optimizer", choices=("sgd", "adam"), help="(sgd)")
    group.add_argument("--physical-batch", type=int, help="records in memory at once (256)")
    group.add_argument("--noise", choices=("secure", "seeded"), help="where it comes from (secure)")


def _size(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--canaries", type=int, help="about half become members (2000)")
    group.add_argument("--nulls", type=int, help="coordinates that hold noise alone (6000)")
    group.add_argument("--confidence", type=float, help="of the bounds (0.95)")
    group.add_argument("--level", type=float, help="false alarms of the verdict (1e-4)")
    group.add_argument(
        "--accept",
        action="append",
        metavar="TEST",
        help="show this test's outcome, which is known, but let it not decide; may be repeated",
    )
    group.add_argument("--nightly", action="store_true", help="every: the thorough size")
    group.add_argument(
        "--report", type=Path, metavar="FILE.html", help="write a page for people, too"
    )
    group.add_argument("--list", action="store_true", help="say which engines and bugs there are")


def _reconstruction(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--candidates", type=int, help="equally likely slices (64)")
    group.add_argument("--trials", type=int, help="trainings that are attacked (100)")


def _membership(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--references", type=int, help="trainings to compare with (4)")
    group.add_argument("--signal", help="what is read off the networks: logit, loss or dice")
