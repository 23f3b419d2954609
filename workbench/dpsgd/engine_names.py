"""The engines by name, for those who choose one without loading it."""

from __future__ import annotations

ENGINES: dict[str, str] = {
    "bookkeeping": "one forward and one backward pass, each layer its cheaper way",
    "opacus": "Opacus' per-record hooks",
    "opacus-functorch": "Opacus with torch.func, layer by layer",
    "opacus-ew": "Opacus with torch's expanded weights",
    "opacus-ghost": "Opacus' ghost clipping: norms first, then a second backward pass",
}
"""Name to what it does. All release the same gradient; they differ in time and memory."""
