"""Our attack and the published ones on the same gradients: quality over processor seconds."""

from __future__ import annotations

import statistics

import numpy as np

from benchmarks.inversion.measuring import warm_up
from workbench.attacks.config import AttackConfig
from workbench.attacks.events import Posed, Reconstructing
from workbench.attacks.run import attack
from workbench.attacks.scoring.score import mean_score
from workbench.attacks.search.clock import processor_seconds

NETWORKS = ("unet-small", "cnn")
ATTACKS = ("two-stage", "lbfgs", "dlg", "idlg", "inverting-gradients")
SECONDS, LOOKS, SEEDS = 15.0, (2.0, 5.0, 15.0), (0, 1, 2)


def measure(only: str = "") -> list[dict[str, object]]:
    """One row per network and attack: the picture as it stands after 2, 5 and 15 seconds of a
    budget of 15; medians over three seeds of weights and starting images."""
    warm_up()
    return [
        _row(network, name)
        for network in NETWORKS
        for name in ATTACKS
        if only in f"{network} {name}" and not (name == "idlg" and network == "unet-small")
    ]


def _row(network: str, name: str) -> dict[str, object]:
    curves = [_scores(network, name, seed) for seed in SEEDS]
    row: dict[str, object] = {"network": network, "attack": name}
    for place, look in enumerate(LOOKS):
        psnr, ssim = (statistics.median(curve[place][i] for curve in curves) for i in (0, 1))
        row |= {f"PSNR at {look:g} s": f"{psnr:.1f} dB", f"SSIM at {look:g} s": f"{ssim:.3f}"}
    return row


def _scores(network: str, name: str, seed: int) -> list[tuple[float, float]]:
    config = AttackConfig(
        model=network, attack=name, seconds=SECONDS, seed=seed, floor=False, bounds=False
    )
    truth: np.ndarray | None = None
    frames: list[Reconstructing] = []
    with processor_seconds():
        for event in attack(config):
            if isinstance(event, Posed):
                truth = event.truth
            elif isinstance(event, Reconstructing):
                frames.append(event)
    assert truth is not None
    shown = [[f for f in frames if f.seconds <= look] or frames[:1] for look in LOOKS]
    scored = [mean_score(truth, until[-1].image) for until in shown]
    return [(one.psnr, one.ssim) for one in scored]
