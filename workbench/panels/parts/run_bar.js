// Start, pause, stop; how far it is; what it says. Buttons follow the state and nothing else.

const WORDS = {
  idle: "Ready", starting: "Starting …", waiting: "Waiting for a free worker", running: "Running",
  paused: "Paused", finished: "Finished", failed: "Stopped by an error", cancelled: "Stopped",
};
const BUSY = ["starting", "waiting", "running", "paused"];

/** Seconds as a person says them: "0:42", "1:05:09". */
function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (number) => String(number).padStart(2, "0");
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** What is still to come, said roughly, because it is a guess. */
function roughly(seconds) {
  if (seconds < 5) return "a few seconds left";
  if (seconds < 55) return `about ${Math.ceil(seconds / 5) * 5} s left`;
  if (seconds < 3300) return `about ${Math.ceil(seconds / 60)} min left`;
  return `about ${Math.round(seconds / 360) / 10} h left`;
}

function render({ model, el }) {
  const life = new Life(model);
  const button = (kind) => {
    const node = focusable("button", { type: "button", class: "wb-button" });
    life.listen(node, "click", () => model.send({ kind: node.dataset.kind ?? kind }));
    return node;
  };
  const [start, pause, stop] = ["start", "pause", "stop"].map(button);
  start.classList.add("wb-main");
  const status = make("span", { class: "wb-run-status", role: "status", "aria-live": "polite" });
  const doing = make("span", { class: "wb-run-doing" });
  const time = make("span", { class: "wb-run-time" });
  const fill = make("div", { class: "wb-run-fill" });
  const bar = make("div", { class: "wb-run-bar", role: "progressbar", "aria-valuemin": "0", "aria-valuemax": "100", "aria-label": "progress" }, fill);
  const message = make("span", { class: "wb-run-message" });
  const details = make("pre");
  const more = make("details", {}, focusable("summary", {}, "Details"), details);
  const strip = make("div", { class: "wb-run-strip", role: "alert" });
  el.classList.add("wb", "wb-run");
  el.append(
    make(
      "div",
      { class: "wb-run-line" },
      make("div", { class: "wb-run-buttons" }, start, pause, stop),
      make("div", { class: "wb-run-progress" }, make("div", { class: "wb-run-words" }, status, doing, time), bar),
    ),
    strip,
  );

  const tick = () => {
    const state = model.get("status");
    let elapsed = model.get("elapsed_s");
    if (state === "running" || state === "starting" || state === "waiting") {
      elapsed += Math.max(0, Date.now() / 1000 - model.get("clock_at"));
    }
    const left = model.get("left_s");
    const parts = state === "idle" ? [] : [clock(elapsed)];
    if (state === "running" && left >= 0) parts.push(roughly(left));
    time.textContent = parts.join("  ·  ");
  };
  const show = () => {
    const state = model.get("status");
    const busy = BUSY.includes(state);
    const again = ["finished", "failed", "cancelled"].includes(state);
    start.textContent = again ? model.get("again_label") : model.get("start_label");
    start.disabled = busy || model.get("blocked");
    pause.textContent = state === "paused" ? "Continue" : "Pause";
    pause.dataset.kind = state === "paused" ? "go_on" : "pause";
    pause.disabled = !["running", "paused"].includes(state);
    pause.hidden = !model.get("pausable");
    stop.textContent = "Stop";
    stop.disabled = !busy;
    status.textContent = WORDS[state];
    status.dataset.state = state;
    doing.textContent = model.get("doing");
    const total = model.get("total");
    const share = total > 0 ? Math.min(1, model.get("done") / total) : 0;
    fill.style.width = `${100 * share}%`;
    bar.dataset.state = state;
    bar.setAttribute("aria-valuenow", String(Math.round(100 * share)));
    tick();
  };
  const complain = () => {
    message.textContent = model.get("message");
    details.textContent = model.get("details");
    more.hidden = !model.get("details");
    strip.hidden = !model.get("message");
    strip.replaceChildren(...(model.get("message") ? [message, more] : []));
  };
  life.watch(
    ["status", "done", "total", "doing", "elapsed_s", "clock_at", "left_s", "start_label", "again_label", "blocked", "pausable"],
    show,
  );
  life.watch(["message", "details"], complain);
  const ticking = setInterval(tick, 1000);
  return () => {
    clearInterval(ticking);
    life.end();
  };
}

export default { render };
