// Truth, reconstruction and the map of errors. Black is right, blue too dark, orange too bright.

const TRAITS = [
  "rows", "columns", "truth", "found", "error", "reach", "span", "unit", "found_title", "size_px",
];

function render({ model, el }) {
  const life = new Life(model);
  const card = () => {
    const title = make("div", { class: "wb-compared-title" });
    const canvas = make("canvas", { role: "img" });
    const box = make("div", { class: "wb-compared-card" }, title, canvas);
    el.append(box);
    return { title, canvas, box };
  };
  el.classList.add("wb", "wb-compared");
  const [truth, found, error] = [card(), card(), card()];
  const [dark, bright] = [make("span"), make("span")];
  const bar = make("span", { class: "wb-compared-bar", "aria-hidden": "true" });
  const key = make("div", { class: "wb-compared-key" }, dark, bar, bright);
  error.box.append(key);

  const reachSaid = () => {
    const value = model.get("reach") * model.get("span");
    return `${say(value)} ${model.get("unit")}`;
  };
  const draw = () => {
    const [rows, columns] = [model.get("rows"), model.get("columns")];
    const table = windowTable(0, 255);
    const signed = bytesOf(model, "error", Int8Array);
    const show = (one, what) => {
      if (what.grey) paint(one.canvas, { ...what, rows, columns, table });
      else one.canvas.width = 0; // empty: what was painted before must not stay
    };
    show(truth, { grey: bytesOf(model, "truth") });
    show(found, { grey: bytesOf(model, "found") });
    const grey = signed ? new Uint8Array(rows * columns) : null;
    show(error, { grey, signed, opacity: 1 });
  };
  const everything = () => {
    const ratio = `${model.get("columns") || 1} / ${model.get("rows") || 1}`;
    el.style.setProperty("--wb-side", `${model.get("size_px")}px`);
    el.style.setProperty("--wb-ratio", ratio);
    const here = [model.get("truth"), model.get("found"), model.get("error")].map((bytes) =>
      Boolean(bytes?.byteLength),
    );
    [truth, found, error].forEach((one, at) => one.box.classList.toggle("wb-absent", !here[at]));
    truth.title.textContent = "truth";
    found.title.textContent = model.get("found_title");
    error.title.textContent = "error";
    truth.canvas.setAttribute("aria-label", "truth, which the attack never saw");
    found.canvas.setAttribute("aria-label", here[1] ? model.get("found_title") : "no reconstruction yet");
    error.canvas.setAttribute(
      "aria-label",
      here[2] ? `map of errors, up to ${reachSaid()} either way` : "no errors yet",
    );
    key.style.visibility = here[2] ? "visible" : "hidden";
    dark.textContent = `−${reachSaid()}`;
    bright.textContent = `+${reachSaid()}`;
    draw();
  };
  const resized = new ResizeObserver(life.frame(draw));
  resized.observe(el);
  life.watch(TRAITS, everything);
  return () => {
    resized.disconnect();
    life.end();
  };
}

export default { render };
