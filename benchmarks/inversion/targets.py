"""What an attacker gets out of a gradient in so many processor seconds, beside what was aimed at.

Weights, noise and starting images come from seeds; unless a row says otherwise the slice is
CT_small at 64 x 64, the mask is known, one slice stands behind the gradient, and the numbers are
medians over three seeds. One thread.
"""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.inversion.measuring import (
    SEEDS,
    NoRealSlices,
    liver,
    median,
    over_seeds,
    result_of,
    slices_of_patients,
    trained_network,
    warm_up,
    worst,
)
from workbench.attacks.config import AttackConfig

Row = dict[str, object]
SMALL = "unet-small"
NOT_MEASURED = "not measured: {}"


def measure(only: str = "") -> list[Row]:
    """One row for each case whose name contains ``only``."""
    warm_up()
    return [row for name, case in CASES.items() if only in name for row in _rows(name, case)]


def _rows(name: str, case: Callable[[], list[Row]]) -> list[Row]:
    try:
        return [{"case": name, **row} for row in case()]
    except NoRealSlices as missing:
        reason = NOT_MEASURED.format(missing)
        return [{"case": name, "seconds": "", "aim": "", "reached": reason, "worst": ""}]


def _row(seconds: float, aim: str, reached: str, lowest: str = "") -> Row:
    return {"seconds": seconds, "aim": aim, "reached": reached, "worst": lowest}


def _psnr(config: AttackConfig, aim: str) -> Row:
    found = over_seeds(config)
    return _row(
        config.seconds, aim, f"{median(found, 'psnr'):.1f} dB", f"{worst(found, 'psnr'):.1f} dB"
    )


def _known_mask() -> list[Row]:
    quick = over_seeds(_config(seconds=6))
    return [
        _row(6, "SSIM 0.90", f"{median(quick, 'ssim'):.3f}", f"{worst(quick, 'ssim'):.3f}"),
        _psnr(_config(seconds=15), "50 dB"),
    ]


def _large() -> list[Row]:
    return [_psnr(_config(size=128, seconds=60, model="unet"), "30 dB")]


def _real_known() -> list[Row]:
    numbers = slices_of_patients(20)
    found = [result_of(_config(image=liver(), index=number, seconds=20)) for number in numbers]
    return [
        _row(
            20, "median 40 dB, worst 20 dB", f"{median(found, 'psnr'):.1f} dB",
            f"{worst(found, 'psnr'):.1f} dB",
        )
    ]  # fmt: skip


def _real_unknown(public: str) -> list[Row]:
    found = [
        result_of(
            _config(image=liver(), index=number, seconds=60, mask="unknown", public=public,
                    model="unet")
        )
        for number in slices_of_patients(8)
    ]  # fmt: skip
    return [
        _row(
            60, "22 dB, Dice 0.85",
            f"{median(found, 'psnr'):.1f} dB, Dice {median(found, 'mask_dice'):.2f}",
            f"{worst(found, 'psnr'):.1f} dB, Dice {worst(found, 'mask_dice'):.2f}",
        )
    ]  # fmt: skip


def _trained(data: str) -> list[Row]:
    numbers = slices_of_patients(3, data=data)
    with trained_network(100, SMALL, data) as (run, home):
        config = _config(image=data, trained=run, public="others", seconds=20)
        found = [
            result_of(_config(config, index=number, seed=seed), home)
            for number, seed in zip(numbers, SEEDS, strict=True)
        ]
    return [_row(20, "30 dB", f"{median(found, 'psnr'):.1f} dB", f"{worst(found, 'psnr'):.1f} dB")]


def _imprint() -> list[Row]:
    rows = []
    for batch in (32, 64):
        config = _config(
            image=liver(), attack="imprint", server="malicious", batch=batch, seconds=2
        )
        above = [
            sum(float(one["psnr"]) > 40 for one in result["per_slice"])
            for result in over_seeds(config)
        ]
        aim = "32 of 32 above 40 dB" if batch == 32 else ""
        rows.append(_row(2, aim, f"{sorted(above)[1]} of {batch}", f"{min(above)} of {batch}"))
    return rows


def _against_published() -> list[Row]:
    ours, theirs = (
        over_seeds(_config(attack=name, seconds=15))
        for name in ("two-stage", "inverting-gradients")
    )
    gaps = [float(a["psnr"]) - float(b["psnr"]) for a, b in zip(ours, theirs, strict=True)]
    return [_row(15, "20 dB better", f"{sorted(gaps)[1]:.1f} dB", f"{min(gaps):.1f} dB")]


def _noise() -> list[Row]:
    """Every attack that reads such a gradient, above the same attack on noise alone."""
    rows = []
    for model in (SMALL, "cnn"):
        for name in NOISE_ATTACKS:
            public = "phantoms" if name == "learned-prior" else "none"
            found = over_seeds(
                _config(model=model, attack=name, noise_multiplier=0.5, seconds=8, floor=True,
                        public=public, labels="known" if model == "cnn" else None)
            )  # fmt: skip
            gaps = [float(one["psnr"]) - float(one["floor_psnr"]) for one in found]
            rows.append(
                _row(8, f"{name} on {model}: within 1 dB", f"{sorted(gaps)[1]:+.2f} dB",
                     f"{max(gaps):+.2f} dB")
            )  # fmt: skip
    return rows


NOISE_ATTACKS = ("two-stage", "noisy", "learned-prior", "inverting-gradients", "lbfgs", "dlg")


def _config(base: AttackConfig | None = None, **settings: object) -> AttackConfig:
    from dataclasses import asdict

    plain = {"model": SMALL, "floor": False, "bounds": False}
    return AttackConfig(**{**(plain if base is None else asdict(base)), **settings})  # type: ignore[arg-type]


CASES: dict[str, Callable[[], list[Row]]] = {
    "U-Net, 163k weights": _known_mask,
    "U-Net of five levels, 128 x 128": _large,
    "real liver slices, 20 patients": _real_known,
    "mask unknown, 8 liver slices, nothing public": lambda: _real_unknown("none"),
    "mask unknown, 8 liver slices, others' slices public": lambda: _real_unknown("others"),
    "U-Net with ReLU": lambda: [_psnr(_config(activation="relu", seconds=30), "22 dB")],
    "trained 100 steps, others' liver slices public": lambda: _trained(liver()),
    "trained 100 steps on phantoms, others' phantoms public": lambda: _trained("phantom-liver"),
    "batch of 4 liver slices": lambda: [
        _psnr(_config(image=liver(), batch=4, seconds=60), "26 dB")
    ],
    "FedAvg update, 4 local steps": lambda: [_psnr(_config(local_steps=4, seconds=20), "32 dB")],
    "small CNN": lambda: [_psnr(_config(model="cnn", seconds=5), "65 dB")],
    "imprint in front of the U-Net, liver slices": _imprint,
    "against Inverting Gradients": _against_published,
    "noise multiplier 0.5, above pure noise": _noise,
}
