// What every part needs to build its elements and to leave nothing behind.

/** An element with attributes and children; `on` holds listeners, `quiet` stops Lab's shortcuts. */
function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children);
  return node;
}

/** A focusable element: JupyterLab must not take its keys ("b" would insert a cell). */
function focusable(tag, attributes = {}, ...children) {
  return make(tag, { "data-lm-suppress-shortcuts": "true", ...attributes }, ...children);
}

let made = 0;
/** An id that no other element on the page has. */
function freshId(stem) {
  made += 1;
  return `wb-${stem}-${Math.random().toString(36).slice(2, 8)}${made}`;
}

/** Everything a view attached, so that removing the view detaches it. */
class Life {
  constructor(model) {
    this.model = model;
    this.ending = new AbortController();
  }

  /** Calls `act` now and whenever one of the traits changes. */
  watch(names, act) {
    const once = this.frame(act);
    for (const name of names) {
      this.model.on(`change:${name}`, once);
      this.ending.signal.addEventListener("abort", () => this.model.off(`change:${name}`, once));
    }
    act();
  }

  /** At most one call per animation frame, and none after the end. */
  frame(act) {
    let waiting = 0;
    this.ending.signal.addEventListener("abort", () => cancelAnimationFrame(waiting));
    return () => {
      cancelAnimationFrame(waiting);
      waiting = requestAnimationFrame(act);
    };
  }

  listen(node, kind, act) {
    node.addEventListener(kind, act, { signal: this.ending.signal });
  }

  end() {
    this.ending.abort();
  }
}

/** A number as a person would say it: "0.05", "1 200", "1 × 10⁻⁵". */
function say(value) {
  if (value === Infinity) return "∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  if (size < 0.001) {
    const [digits, power] = value.toExponential(1).split("e");
    const raised = String(Number(power)).replace(/./g, (sign) => "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"["-0123456789".indexOf(sign)]);
    return `${Number(digits)} × 10${raised}`;
  }
  const rounded = size >= 1000 ? Math.round(value) : Number(value.toPrecision(3));
  return String(rounded).replace(/\B(?=(\d{3})+(?!\d)(?<!\.\d*))/g, "\u202f");
}
