"""The controls that panels are made of: a label, a value, help, and errors under themselves.

They draw themselves in the browser, so that a slider answers without the kernel, every control
has a name for screen readers, and no key press reaches the notebook's own shortcuts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import anywidget
import traitlets as T

from workbench.panels.parts.assets import script, sheet

Click = Callable[[], None]

_CSS = sheet("tokens", "controls")


class Field(anywidget.AnyWidget):
    """What every control has: a label, help under it, an error under that, on or off.

    ``error`` is what Python says against the value, ``complaint`` what the page itself says
    against something typed that never became the value.
    """

    _css = _CSS
    label = T.Unicode().tag(sync=True)
    help = T.Unicode().tag(sync=True)
    error = T.Unicode().tag(sync=True)
    complaint = T.Unicode().tag(sync=True)
    disabled = T.Bool(False).tag(sync=True)


class NumberField(Field):
    """A number that can be typed or dragged.

    Args:
        label: name of the quantity.
        value: where it starts.
        minimum: least value, included.
        maximum: greatest value, included.
        unit: printed after the number (``"s"``, ``"slices"``).
        step: values snap to multiples of it when dragged; 0 does not snap.
        log_from: above 0, the slider is logarithmic from here to ``maximum``; when ``minimum`` is
            lower, the slider's left end means ``minimum`` (noise: 0, then 1e-4 to 1).
        slider: ``False`` shows the typed field alone.
        help: one quiet line under the control.
        whole: refuse fractions.
    """

    _esm = script("dom", "field", "number")
    value = T.Float(0.0).tag(sync=True)
    minimum = T.Float(0.0).tag(sync=True)
    maximum = T.Float(1.0).tag(sync=True)
    unit = T.Unicode().tag(sync=True)
    step = T.Float(0.0).tag(sync=True)
    log_from = T.Float(0.0).tag(sync=True)
    slider = T.Bool(True).tag(sync=True)
    whole = T.Bool(False).tag(sync=True)

    def __init__(
        self,
        label: str,
        value: float,
        minimum: float,
        maximum: float,
        *,
        unit: str = "",
        step: float = 0.0,
        log_from: float = 0.0,
        slider: bool = True,
        help: str = "",
        whole: bool = False,
    ) -> None:
        if not minimum <= value <= maximum or minimum == maximum:
            raise ValueError(f"{label}: {value} does not lie between {minimum} and {maximum}.")
        super().__init__(
            label=label, value=value, minimum=minimum, maximum=maximum, unit=unit, step=step,
            log_from=log_from, slider=slider, help=help, whole=whole,
        )  # fmt: skip


class Choice(Field):
    """One of a few named things, as a drop-down list.

    Args:
        label: what is chosen.
        options: names, or a mapping from names to the words shown.
        value: the name chosen at first; the first option where not given.
        help: one quiet line under the control.
    """

    _esm = script("dom", "field", "choice")
    options = T.List(T.List(T.Unicode())).tag(sync=True)
    value = T.Unicode().tag(sync=True)

    def __init__(
        self,
        label: str,
        options: Mapping[str, str] | Sequence[str],
        value: str | None = None,
        *,
        help: str = "",
    ) -> None:
        pairs = _pairs(options)
        super().__init__(
            label=label, options=pairs, value=pairs[0][0] if value is None else value, help=help
        )

    def offer(self, options: Mapping[str, str] | Sequence[str], value: str | None = None) -> None:
        """Replace the options; the chosen one stays where it is still offered."""
        pairs = _pairs(options)
        names = [name for name, _ in pairs]
        wanted = self.value if value is None else value
        with self.hold_sync():
            self.options = pairs
            self.value = wanted if wanted in names else names[0]

    @T.validate("value")
    def _known(self, proposal: Any) -> str:
        names = [name for name, _ in self.options]
        if proposal["value"] not in names:
            raise T.TraitError(f"{self.label}: {proposal['value']!r} is not one of {names}.")
        return str(proposal["value"])


class Toggle(Field):
    """Yes or no.

    Args:
        label: what is switched on.
        value: whether it is on at first.
        help: one quiet line under the control.
    """

    _esm = script("dom", "field", "toggle")
    value = T.Bool(False).tag(sync=True)

    def __init__(self, label: str, value: bool = False, *, help: str = "") -> None:
        super().__init__(label=label, value=value, help=help)


class TextField(Field):
    """A line of text: a path, a list of numbers.

    Args:
        label: what is asked for.
        value: the text at first.
        placeholder: an example, shown while the field is empty.
        help: one quiet line under the control.
    """

    _esm = script("dom", "field", "text")
    value = T.Unicode().tag(sync=True)
    placeholder = T.Unicode().tag(sync=True)

    def __init__(
        self, label: str, value: str = "", *, placeholder: str = "", help: str = ""
    ) -> None:
        super().__init__(label=label, value=value, placeholder=placeholder, help=help)


class PushButton(anywidget.AnyWidget):
    """A button with words on it.

    Args:
        label: the words.
        on_click: called without arguments at each click; wrap it in the model's ``guard``.
        main: draw it as the one button that matters.
        help: words that appear under the pointer.
    """

    _esm = script("dom", "button")
    _css = _CSS
    label = T.Unicode().tag(sync=True)
    help = T.Unicode().tag(sync=True)
    main = T.Bool(False).tag(sync=True)
    disabled = T.Bool(False).tag(sync=True)

    def __init__(
        self, label: str, on_click: Click | None = None, *, main: bool = False, help: str = ""
    ) -> None:
        super().__init__(label=label, main=main, help=help)
        self.on_click = on_click
        self.on_msg(self._heard)

    def click(self) -> None:
        """Do what a click does, unless the button is off."""
        if not self.disabled and self.on_click is not None:
            self.on_click()

    def _heard(self, _widget: object, content: dict[str, Any], _buffers: object) -> None:
        if content.get("kind") == "click":
            self.click()


def _pairs(options: Mapping[str, str] | Sequence[str]) -> list[list[str]]:
    items = options.items() if isinstance(options, Mapping) else [(name, name) for name in options]
    pairs = [[name, words] for name, words in items]
    if not pairs:
        raise ValueError("A choice needs at least one option.")
    return pairs
