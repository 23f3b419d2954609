"""``python -m workbench COMMAND``: the same things as in the panels, from a terminal."""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from workbench.errors import WorkbenchError

COMMANDS = (
    "lab", "demo", "train", "explore", "attack", "audit", "data", "runs", "ledger", "accountant",
    "plan",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the words after ``workbench``; ``None`` takes the process's own.

    Returns:
        0, or what the command says of its result (``status``: 1 of an audit that falsified a
        claim); 2 after one sentence on standard error, or after an error of the workbench itself;
        130 after an interrupt.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    parser = _parser(words)
    status = 0
    try:
        args = _parse(parser, words)
        result = args.command.run(args)
        if result is not None:
            status = args.command.status(result) if hasattr(args.command, "status") else 0
            print(json.dumps(result) if args.json else args.command.tell(result))
    except WorkbenchError as error:
        print(f"workbench: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("workbench: stopped; what was computed is kept.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        pass
    except Exception:
        # Python would end with 1, which says of a gate that something was found.
        traceback.print_exc()
        return 2
    return status


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """The parser; only the command that is asked for is imported and filled in."""
    parser = argparse.ArgumentParser(
        prog="workbench",
        description="See and measure what training on medical images gives away.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in COMMANDS:
        if words and words[0] in COMMANDS and words[0] != name:
            continue
        module = importlib.import_module(f"workbench.cli.{name}")
        own = commands.add_parser(name, help=module.HELP, description=module.HELP)
        module.arguments(own)
        _common(own)
        own.set_defaults(command=module, parser=own)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--json", action="store_true", help="print one JSON value as the last line of output"
    )
    parser.add_argument(
        "--config", type=Path, metavar="FILE.toml", help="settings by their long names"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder to write to, instead of the workspace"
    )


def _parse(parser: argparse.ArgumentParser, words: Sequence[str]) -> argparse.Namespace:
    args = parser.parse_args(words)
    if args.config is None:
        return args
    args.parser.set_defaults(**_settings(args))
    return parser.parse_args(words)


def _settings(args: argparse.Namespace) -> dict[str, Any]:
    from workbench.errors import BadInput
    from workbench.runs.configs import toml_values

    settings: dict[str, Any] = {}
    for name, value in toml_values(args.config).items():
        settings |= value if isinstance(value, dict) else {name: value}
    for name in settings:
        if name not in vars(args) or name in ("command", "parser", "config"):
            raise BadInput(f"{args.config}: there is no setting {name!r} for this command.")
    return settings


if __name__ == "__main__":
    sys.exit(main())
