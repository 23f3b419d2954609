// A plotly figure that shares one copy of plotly with its neighbours and always draws what Python
// holds now: each view asks for the current state before its first drawing.

const PATIENCE_MS = 1000;

/** Passes plotly's view the model, remembers its listeners, and keeps its echoes to itself. */
function behind(model, handlers) {
  const echoes = ["_js2py_traceDeltas", "_js2py_widget_layoutDelta", "_js2py_layoutDelta"];
  return {
    get: (name) => model.get(name),
    set: (name, value) => echoes.includes(name) || model.set(name, value),
    save_changes: () => model.save_changes(),
    on(name, act) {
      const guarded = (...values) => act(...values);
      handlers.push([name, guarded]);
      model.on(name, guarded);
    },
  };
}

function render({ model, el }) {
  let gone = false;
  let drawn = null;
  const name = model.get("figure_name");
  el.classList.add("wb-figure");
  el.setAttribute("role", "group");
  el.setAttribute("aria-label", name);
  el.style.minHeight = `${model.get("_widget_layout").height ?? 260}px`;

  const erase = () => {
    drawn?.();
    drawn = null;
  };
  const draw = (module) => {
    if (gone) return;
    erase();
    const box = document.createElement("div");
    el.replaceChildren(box);
    const handlers = [];
    const plot = module.default();
    plot.initialize({ model: behind(model, handlers) });
    const purge = plot.render({ el: box });
    const resize = () => {
      if (!box.clientWidth) return;
      module.FigureView.prototype.autosizeFigure.call({
        el: box, model: { get: () => ({}) }, _sendLayoutDelta() {},
      });
    };
    let width = 0;
    const resized = new ResizeObserver(() => {
      if (Math.abs(box.clientWidth - width) > 1) resize();
      width = box.clientWidth;
    });
    resized.observe(box);
    drawn = () => {
      resized.disconnect();
      handlers.forEach(([event, act]) => model.off(event, act));
      purge();
    };
  };

  const start = async () => {
    const module = await sharedPlotly().promise;
    if (gone) return;
    const heard = (content) => {
      if (content?.kind === "current") draw(module);
    };
    model.on("msg:custom", heard);
    cleanups.push(() => model.off("msg:custom", heard));
    model.send({ kind: "ready" });
    setTimeout(() => drawn || draw(module), PATIENCE_MS);
  };
  const cleanups = [];
  start();
  return () => {
    gone = true;
    cleanups.forEach((clean) => clean());
    erase();
  };
}

export default { render };
