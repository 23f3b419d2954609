"""``workbench attack``: bring a slice back from a shared gradient."""

from __future__ import annotations

import argparse
from typing import Any

HELP = "bring a CT slice back from a shared gradient, with or without clipping and noise"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The settings of ``AttackConfig``; what is left out takes its default."""
    what = parser.add_argument_group("what is attacked")
    what.add_argument(
        "--image",
        help="built-in name or a DICOM, NIfTI, PNG or npz file (CT_small); without a mask of its "
        "own, bright pixels are the mask",
    )
    what.add_argument("--index", type=int, help="which slice of it, from 0")
    what.add_argument("--size", type=int, help="side in pixels (64)")
    what.add_argument("--model", help="unet, unet-batchnorm, cnn, resnet9, mlp or module:function")
    what.add_argument("--task", choices=("segmentation", "classification"))
    what.add_argument("--batch", type=int, help="slices behind the one gradient (1)")
    what.add_argument(
        "--no-surgery",
        dest="surgery",
        action="store_false",
        default=None,
        help="refuse a network with layers that break per-record privacy, instead of mending it",
    )
    how = parser.add_argument_group("the attack")
    how.add_argument("--attack", help="two-stage or analytic (two-stage)")
    how.add_argument(
        "--seconds", type=float, help="of the attack (15); the floor takes as long again"
    )
    how.add_argument("--restarts", type=int, help="attempts that share the seconds (1)")
    how.add_argument(
        "--no-floor",
        dest="floor",
        action="store_false",
        default=None,
        help="leave out the same attack on a gradient of pure noise",
    )
    how.add_argument("--seed", type=int, help="of weights, noise and starting images (0)")
    privacy = parser.add_argument_group("protection (none, unless a noise multiplier is given)")
    privacy.add_argument(
        "--noise-multiplier", type=float, help="noise over clipping norm; 0 clips and adds nothing"
    )
    privacy.add_argument("--max-grad-norm", type=float, help="clipping norm (1)")
    privacy.add_argument("--delta", type=float, help="of the one-step epsilon (1e-5)")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Attack here and now, recording the run; progress goes to standard error."""
    from workbench.cli.progress import narrate
    from workbench.cli.threads import one_thread
    from workbench.figures.reconstruction import reconstruction_png
    from workbench.runs.configs import config_to_json
    from workbench.runs.events import Finished
    from workbench.runs.files import write_whole
    from workbench.runs.inline import drive
    from workbench.runs.store import Store
    from workbench.runs.work import outcome

    one_thread()
    config = config_to_json(config_of(args))
    store = Store(args.out)
    name = store.open("attack", config)
    events = drive("workbench.attacks.run:work", config, run=name, store=store)
    last = narrate(events, _say)
    result = outcome(last)
    picture = store.folder(name) / "reconstruction.png"
    if isinstance(last, Finished):
        drawn = reconstruction_png(last.result, last.arrays)
        write_whole(picture, lambda file: file.write(drawn))
    return {"run": name, **result, "reconstruction": str(picture.resolve())}


def config_of(args: argparse.Namespace) -> Any:
    """The ``AttackConfig`` that the words on the command line stand for.

    Raises:
        BadInput: a value is out of its range.
    """
    from dataclasses import fields

    from workbench.attacks.config import AttackConfig

    given = {name: value for name, value in vars(args).items() if value is not None}
    names = {field.name for field in fields(AttackConfig)}
    return AttackConfig(**{name: value for name, value in given.items() if name in names})


def tell(result: dict[str, Any]) -> str:
    """The result for a person."""
    from workbench.accounting.guarantee import round_up
    from workbench.figures.reconstruction import decibel, in_words

    floor = (
        ""
        if result["floor_psnr"] is None
        else f"\nThe same attack on pure noise: {decibel(result['floor_psnr'])}, "
        f"SSIM {result['floor_ssim']:.2f}."
    )
    return (
        f"Run {result['run']}: {decibel(result['psnr'])}, SSIM {result['ssim']:.2f}, "
        f"{in_words(result)}, in {result['seconds']:.1f} s.{floor}\n"
        f"Without the gradient ({result['baseline']}): {decibel(result['baseline_psnr'])}, "
        f"SSIM {result['baseline_ssim']:.2f}.\n"
        f"One such step costs epsilon {round_up(float(result['epsilon_one_step']))} "
        f"at delta {result['delta']:g}.\n"
        f"Picture: {result['reconstruction']}"
    )


def _say(event: Any) -> str | None:
    from workbench.runs.events import Started

    if not isinstance(event, Started):
        return None
    facts = event.facts
    mask = f" Mask {facts['mask']}." if facts["mask"] != "none" else ""
    changed = "".join(f"\n  {line}" for line in facts["surgery"])
    return (
        f"{facts['data']}: {facts['pixels']:,} pixels to find from {facts['parameters']:,} "
        f"gradient values.{mask}\n{facts['threat']}{changed}"
    )
