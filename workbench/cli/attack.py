"""``workbench attack``: bring a slice back from a shared gradient."""

from __future__ import annotations

import argparse
from typing import Any

from workbench.cli.attack_options import add_options

HELP = "bring a CT slice back from a shared gradient, with or without clipping and noise"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The settings of ``AttackConfig``; what is left out takes its default."""
    add_options(parser)


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Attack here and now, recording the run; progress goes to standard error."""
    if args.list:
        return {"attacks": _known()}
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

    from workbench.attacks.catalogue import METHODS
    from workbench.attacks.config import AttackConfig

    names = {field.name for field in fields(AttackConfig)}
    given = {
        name: value for name, value in vars(args).items() if name in names and value is not None
    }
    method = METHODS.get(given.get("attack", ""))
    if method is not None and method.server == "malicious":
        # Whoever names such an attack here names its server; what is shown says so.
        given.setdefault("server", "malicious")
    return AttackConfig(**given)


def _known() -> dict[str, dict[str, Any]]:
    from workbench.attacks.catalogue import METHODS

    return {
        name: {
            "about": method.about,
            "server": method.server,
            "needs": sorted(method.needs),
            "tasks": list(method.tasks),
            "source": method.source,
        }
        for name, method in METHODS.items()
    }


def tell(result: dict[str, Any]) -> str:
    """The result for a person."""
    if "attacks" in result:
        known = result["attacks"].items()
        return "\n".join(
            f"{name:20} {method['about']}; {method['source']}" for name, method in known
        )
    from workbench.accounting.guarantee import round_up
    from workbench.figures.reconstruction import decibel, in_words

    floor = (
        ""
        if result["floor_psnr"] is None
        else f"\nThe same attack on pure noise: {decibel(result['floor_psnr'])}, "
        f"SSIM {result['floor_ssim']:.2f}."
    )
    releases = int(result["releases"])
    several = (
        f", {releases} of them {round_up(float(result['epsilon_releases']))}"
        if releases > 1
        else ""
    )
    return (
        f"Run {result['run']}: {decibel(result['psnr'])}, SSIM {result['ssim']:.2f}, "
        f"{in_words(result)}, in {result['seconds']:.1f} s.{floor}\n"
        f"Without the gradient ({result['baseline']}): {decibel(result['baseline_psnr'])}, "
        f"SSIM {result['baseline_ssim']:.2f}.\n"
        f"One such step costs epsilon {round_up(float(result['epsilon_one_step']))}{several} "
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
