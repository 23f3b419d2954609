"""A panel that shows every part, around a job that is only a thread. For the browser tests."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import ipywidgets as W
import numpy as np
import pydicom
import traitlets as T
from pydicom.data import get_testdata_file

from workbench.errors import BadInput
from workbench.figures.theme import make_figure, style
from workbench.imaging.hounsfield import Window
from workbench.panels.parts.bind import bind_field
from workbench.panels.parts.controls import Choice, NumberField, PushButton, TextField, Toggle
from workbench.panels.parts.ct_view import CtView
from workbench.panels.parts.frame import Frame, side_by_side
from workbench.panels.parts.live_figure import LiveFigure
from workbench.panels.parts.model import PanelModel
from workbench.panels.parts.picture_row import PictureRow
from workbench.panels.parts.pump import Batch
from workbench.panels.parts.words import More, Table
from workbench.runs.events import Cancelled, Event, Failed, Finished, Started

WINDOW = Window(-200, 300)


@dataclass(frozen=True, kw_only=True)
class Seen(Event):
    step: int
    total: int
    loss: float
    picture: np.ndarray

    @property
    def progress(self) -> tuple[float, float]:
        return self.step, self.total


class ThreadJob:
    """Sharpens a picture step by step, twenty times a second."""

    run = "gallery-0001"

    def __init__(self, picture: np.ndarray, steps: int, fails: bool) -> None:
        self.status = "running"
        self._picture, self._steps, self._fails = picture, steps, fails
        self._callbacks: list[Callable[[Event], None]] = []
        self._going, self._cancelled = threading.Event(), threading.Event()
        self._going.set()
        self._thread = threading.Thread(target=self._work, daemon=True)

    def subscribe(self, callback: Callable[[Event], object]) -> Callable[[], None]:
        self._callbacks.append(callback)
        self._thread.start()
        return lambda: self._callbacks.remove(callback)

    def pause(self) -> None:
        self.status = "paused"
        self._going.clear()

    def go_on(self) -> None:
        self.status = "running"
        self._going.set()

    def cancel(self) -> None:
        self._cancelled.set()
        self._going.set()

    def _say(self, event: Event) -> None:
        for callback in self._callbacks:
            callback(event)

    def _work(self) -> None:
        rng = np.random.default_rng(0)
        noise = rng.uniform(0, 1, self._picture.shape)
        self._say(Started())
        for step in range(1, self._steps + 1):
            self._going.wait()
            if self._cancelled.is_set():
                return self._say(Cancelled())
            time.sleep(0.05)
            if self._fails and step == self._steps // 2:
                return self._say(Failed(message="The gallery was asked to fail, so it did."))
            share = (step / self._steps) ** 0.5
            mixed = share * self._picture + (1 - share) * noise
            self._say(Seen(step=step, total=self._steps, loss=2 / (1 + step), picture=mixed))
        return self._say(Finished(result={}))


class GalleryModel(PanelModel):
    data = T.Unicode("CT_small").tag(param=True)
    path = T.Unicode("").tag(param=True)
    epsilon = T.Float(8.0).tag(param=True)
    noise = T.Float(0.0).tag(param=True)
    steps = T.Int(60).tag(param=True)
    fails = T.Bool(False).tag(param=True)
    curve = T.List()
    picture = T.Any()
    film = T.List()

    def check(self) -> None:
        if self.path and not self.path.endswith(".npz"):
            raise BadInput(
                f"{self.path} is no npz file; name one, or leave it empty.", field="path"
            )

    def launch(self) -> ThreadJob:
        return ThreadJob(ct_small(), self.steps, self.fails)

    def clear(self) -> None:
        self.curve, self.film, self.picture = [], [], None
        self.guarantee, self.tone = "", "quiet"

    def take(self, batch: Batch) -> None:
        seen = batch.all(Seen)
        if seen:
            self.curve = [*self.curve, *((one.step, one.loss) for one in seen)]
            self.doing = f"step {seen[-1].step} of {seen[-1].total}"
            self.picture = seen[-1]
            if len(self.film) < 12 and seen[-1].step >= len(self.film) * self.steps / 12:
                self.film = [*self.film, seen[-1]]
        if batch.last(Finished):
            self.tone = "private"
            self.guarantee = (
                "(8.00, 1e-3)-DP per patient, add or remove one, Poisson q = 0.05, "
                "300 steps, PLD; public: number of patients, window."
            )


def ct_small() -> np.ndarray:
    """pydicom's own CT slice, windowed; float32 (128, 128) in [0, 1]."""
    slice_ = pydicom.dcmread(get_testdata_file("CT_small.dcm"))
    hu = slice_.pixel_array * float(slice_.RescaleSlope) + float(slice_.RescaleIntercept)
    return WINDOW.show(hu)


def blob(shape: tuple[int, int], centre: tuple[int, int], radius: float) -> np.ndarray:
    rows, columns = np.indices(shape)
    return ((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2).astype(np.uint8)


def losses(curve: Sequence[tuple[int, float]]) -> object:
    figure = make_figure(x_title="step", y_title="loss", height=244)
    steps, values = zip(*curve, strict=True) if curve else ((), ())
    figure.add_scatter(
        x=np.array(steps), y=np.array(values, float), name="training", mode="lines",
        line=style(0)["line"],
    )  # fmt: skip
    figure.add_scatter(
        x=np.array(steps), y=1.2 * np.array(values, float), name="validation", mode="lines",
        line=style(1)["line"],
    )  # fmt: skip
    return figure


def gallery(name: str = "gallery") -> W.Widget:
    """Every part in one panel."""
    model = GalleryModel.attach(name)
    choices = [
        bind_field(
            Choice("Data", {"CT_small": "CT_small (one real slice)", "phantom": "phantom liver"}),
            model, "data",
        ),
        bind_field(NumberField("Target epsilon", 8, 0.1, 50, log_from=0.1,
                               help="Calibrated noise multiplier: 0.74"), model, "epsilon"),
        bind_field(NumberField("Noise", 0, 0, 1, log_from=1e-4, help="0 adds none"),
                   model, "noise"),
        More(
            [
                bind_field(NumberField("Steps", 60, 20, 400, step=10, whole=True), model, "steps",
                           to_model=int, to_control=float),
                bind_field(TextField("Own data", placeholder="slices.npz",
                                     help="A path on this machine"), model, "path"),
                bind_field(Toggle("Fail half-way"), model, "fails"),
            ]
        ),
        PushButton("Fill the noise row"),
    ]  # fmt: skip
    view = CtView(
        "CT slice and its reconstruction", size_px=230, empty="Press Start to see a picture."
    )
    view.use_window(WINDOW)
    figure = LiveFigure(losses(model.curve), name="Loss over steps")
    row = PictureRow("Reconstructions under noise", size_px=96)
    table = Table(["noise", "SSIM", "PSNR (dB)"], [["0", "0.91", "31.2"], ["0.1", "0.22", "12.9"]],
                  caption="Scores")  # fmt: skip
    frame = Frame("Gallery of parts", choices, [side_by_side(view, figure), row, table], model)
    picture = ct_small()
    mask = blob(picture.shape, (60, 60), 18)

    def fill() -> None:
        names = ["no DP", "clipping", "σ = 0.001", "σ = 0.01", "σ = 0.1", "σ = 1"]
        row.reserve(names, *picture.shape)
        rng = np.random.default_rng(1)
        for at, sigma in enumerate([0, 0.05, 0.1, 0.2, 0.5]):
            noisy = np.clip(picture + sigma * rng.normal(size=picture.shape), 0, 1)
            row.fill(
                at, noisy, [f"SSIM {0.91 / (1 + 9 * sigma):.2f}", "ε = 3.2" if at > 1 else "ε = ∞"]
            )

    choices[-1].on_click = model.guard(fill)
    frames = itertools.count()

    def show(_change: object = None) -> None:
        seen = model.picture
        if seen is None:
            view.clear()
            figure.show_figure(losses(model.curve))
            return
        view.show(picture, seen.picture, before_caption="original", after_caption="reconstruction",
                  caption=f"CT_small, 128 x 128 pixels, update {next(frames)}")  # fmt: skip
        view.show_masks(mask, "predicted liver")
        view.show_outlines(mask)
        yy, xx = np.indices(picture.shape)
        view.show_attributions(np.sin(yy / 9) * np.cos(xx / 11))
        for one in model.film[len(view.film_captions) :]:
            view.add_frame(one.picture, f"{one.step}")
        figure.show_figure(losses(model.curve))

    model.observe(show, "picture")
    show()
    fill()
    return frame
