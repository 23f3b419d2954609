"""``workbench demo``: the main job without a browser, ending in one HTML page."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workbench.runs.events import Event
    from workbench.runs.job import Job
    from workbench.runs.store import Store

HELP = "train with and without privacy, attack with and without noise, write demo.html"

DATA, SIZE, STEPS = "phantom-liver", 64, 150
EPSILON, DELTA = 8.0, 1e-3
NOISES: tuple[float | None, ...] = (None, 0.001, 0.01, 0.1)


def arguments(parser: argparse.ArgumentParser) -> None:
    """What may be changed; the defaults fit in six minutes on two cores."""
    parser.add_argument("--data", default=DATA, help="built-in name or path with liver masks")
    parser.add_argument("--index", type=int, default=4, help="the slice that is attacked")
    parser.add_argument("--steps", type=int, default=STEPS, help="of both trainings")
    parser.add_argument("--seconds", type=float, default=12.0, help="of each attack")


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Train twice and attack four times, two jobs at a time, and write the page."""
    from workbench.cli.progress import narrate, wait_for
    from workbench.figures.demo_page import draw_demo
    from workbench.runs.jobs import warm
    from workbench.runs.store import Store

    warm("workbench.training.loop", "workbench.attacks.run")
    print("Getting the slices ...", file=sys.stderr)
    narrate(_loaded(args.data), lambda event: None)
    store = Store(args.out)
    print("Training with and without privacy ...", file=sys.stderr)
    trainings = wait_for({name: _train(args, store, name) for name in ("private", "plain")})
    print("Attacking one shared gradient at four levels of noise ...", file=sys.stderr)
    attacks = wait_for({noise: _attack(args, store, noise) for noise in NOISES})
    page = Path(args.out or Path.cwd()) / "demo.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(draw_demo(store, trainings, attacks, data=args.data), encoding="utf-8")
    return {
        "page": str(page.resolve()),
        "trainings": {name: store.record(run).result for name, run in trainings.items()},
        "attacks": [store.record(run).result for run in attacks.values()],
    }


def tell(result: dict[str, Any]) -> str:
    """Where the page is."""
    return f"The page is ready: {result['page']}"


def _loaded(data: str) -> Iterator[Event]:
    """Load once before two jobs need it, so that phantoms are not drawn twice."""
    from workbench.imaging.loading import loading
    from workbench.runs.events import Progress

    yield from loading(data, size=SIZE)
    yield Progress(done=1, total=1, doing="ready")


def _train(args: argparse.Namespace, store: Store, name: str) -> Job:
    from workbench.runs.configs import config_to_json
    from workbench.runs.jobs import start
    from workbench.training.config import PrivacyConfig, TrainConfig

    private = PrivacyConfig(target_epsilon=EPSILON, delta=DELTA) if name == "private" else None
    config = TrainConfig(data=args.data, image_size=SIZE, steps=args.steps, privacy=private)
    return start("workbench.training.loop:work", config_to_json(config), kind="train", store=store)


def _attack(args: argparse.Namespace, store: Store, noise: float | None) -> Job:
    from workbench.attacks.config import AttackConfig
    from workbench.runs.configs import config_to_json
    from workbench.runs.jobs import start

    config = AttackConfig(
        image=args.data,
        index=args.index,
        size=SIZE,
        seconds=args.seconds,
        noise_multiplier=noise,
        floor=noise == NOISES[-1],
    )
    return start("workbench.attacks.run:work", config_to_json(config), kind="attack", store=store)
