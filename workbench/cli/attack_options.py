"""The words of ``workbench attack``: one for every field of ``AttackConfig``."""

from __future__ import annotations

import argparse


def add_options(parser: argparse.ArgumentParser) -> None:
    """All of them, in groups; what is left out takes the config's default."""
    _what(parser.add_argument_group("what is attacked"))
    _shared(parser.add_argument_group("what is shared"))
    _attacker(parser.add_argument_group("the attacker"))
    _how(parser.add_argument_group("the attack"))


def _what(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--image",
        help="built-in name or a DICOM, NIfTI, PNG or npz file (CT_small); without a mask of its "
        "own, bright pixels are the mask",
    )
    group.add_argument("--index", type=int, help="which slice of it, from 0; a batch goes on there")
    group.add_argument("--size", type=int, help="side in pixels (64)")
    group.add_argument(
        "--model", help="unet, unet-small, cnn, resnet9, mlp, ... or module:function"
    )
    group.add_argument(
        "--activation", help="in place of its own: elu, silu, gelu, tanh, sigmoid, relu, ..."
    )
    group.add_argument("--normalisation", help="in place of its own: group, instance or none")
    group.add_argument(
        "--trained", metavar="RUN", help="a finished training; else weights as drawn"
    )
    group.add_argument("--task", choices=("segmentation", "classification"))
    group.add_argument(
        "--no-surgery",
        dest="surgery",
        action="store_false",
        default=None,
        help="refuse a network with layers that break per-record privacy, instead of mending it",
    )


def _shared(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--batch", type=int, help="slices behind each site's gradient (1)")
    group.add_argument("--local-steps", type=int, help="gradient steps before sharing (1)")
    group.add_argument("--local-rate", type=float, help="learning rate of those steps (0.1)")
    group.add_argument("--rounds", type=int, help="at how many weights the slices are used (1)")
    group.add_argument("--sites", type=int, help="whose gradients are added up before (1)")
    group.add_argument(
        "--noise-multiplier",
        type=float,
        help="noise over clipping norm; 0 clips and adds nothing; without it neither is done",
    )
    group.add_argument("--max-grad-norm", type=float, help="clipping norm (1)")
    group.add_argument("--delta", type=float, help="of the epsilon that stands beside it (1e-5)")
    group.add_argument(
        "--defence", help="prune:0.1 (the share that is kept), quantise:8 (bits) or sign"
    )


def _attacker(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--server",
        help="honest, malicious or eavesdropper (honest; malicious for attacks that must be)",
    )
    group.add_argument("--mask", help="known or unknown (known)")
    group.add_argument("--labels", help="known or inferred (inferred for one slice)")
    group.add_argument("--public", help="slices that the attacker holds: none, others or phantoms")


def _how(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--attack", help="two-stage, imprint, ...; --list names and explains them")
    group.add_argument(
        "--seconds", type=float, help="of the attack (15); every draw and the floor take as many"
    )
    group.add_argument("--restarts", type=int, help="attempts that share the seconds (1)")
    group.add_argument("--draws", type=int, help="how often noise is drawn and attacked anew (1)")
    group.add_argument(
        "--no-floor",
        dest="floor",
        action="store_false",
        default=None,
        help="leave out the same attack on a gradient of pure noise",
    )
    group.add_argument(
        "--no-bounds",
        dest="bounds",
        action="store_false",
        default=None,
        help="leave out the bounds that must be computed",
    )
    group.add_argument("--seed", type=int, help="of weights, noise and starting images (0)")
    group.add_argument("--list", action="store_true", help="say which attacks there are, and stop")
