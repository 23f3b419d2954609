"""What can be wrong with what a person gave us, said in one sentence."""

import math


class WorkbenchError(Exception):
    """Base of every error that the workbench raises on purpose."""


class BadInput(WorkbenchError, ValueError):
    """A value, file or combination that cannot be used.

    The message is one sentence for the person at the screen: what was wrong, where, what to do.

    Args:
        message: that sentence.
        field: the config field or control concerned (``"target_epsilon"``), so that a panel can
            put the sentence under it; ``None`` when no single field is to blame.
    """

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field

    def __reduce__(self) -> tuple[object, ...]:
        # Exceptions are rebuilt from their positional arguments when they cross a process border.
        return (_rebuild, (type(self), self.message, self.field))


def _rebuild(kind: type[BadInput], message: str, field: str | None) -> BadInput:
    return kind(message, field=field)


class NothingToResume(BadInput):
    """A run was asked for that does not exist, or that left no checkpoint."""


def check_choice(field: str, value: str, known: tuple[str, ...]) -> None:
    """Refuse a word that is not among those known.

    Raises:
        BadInput: with the field's name, the words known and the one given.
    """
    if value not in known:
        raise BadInput(
            f"{field.replace('_', ' ').capitalize()} must be {' or '.join(known)}, not {value!r}.",
            field=field,
        )


def check_range(field: str, value: float, interval: str, *, hint: str = "") -> None:
    """Refuse a number outside an interval; what is not a number lies outside all of them.

    Args:
        field: its name, as in the config.
        value: the number.
        interval: as it is written in mathematics: ``"(0, 1]"``, ``"[1, inf)"``.
        hint: what to do, as the end of the sentence.

    Raises:
        BadInput: with the field's name, the interval in words and the number.
    """
    low, high = (float(end) for end in interval[1:-1].split(","))
    above = value >= low if interval[0] == "[" else value > low
    below = value <= high if interval[-1] == "]" else value < high
    if not (above and below):
        end = f"; {hint}." if hint else "."
        raise BadInput(
            f"{field.replace('_', ' ').capitalize()} must be {_in_words(interval, low, high)}, "
            f"not {value:g}{end}",
            field=field,
        )


def _in_words(interval: str, low: float, high: float) -> str:
    closed = interval[0] == "["
    if high == math.inf:
        return f"{low:g} or more" if closed else f"above {low:g}"
    if interval[-1] == ")":
        return f"between {low:g} and {high:g}"
    return f"{low:g} to {high:g}" if closed else f"above {low:g} and at most {high:g}"
