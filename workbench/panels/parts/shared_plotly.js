// The page's one promise of plotly: figures wait for it, the bundle widget keeps it.

function sharedPlotly() {
  globalThis.__wb_plotly ??= (() => {
    const held = {};
    held.promise = new Promise((resolve) => (held.resolve = resolve));
    return held;
  })();
  return globalThis.__wb_plotly;
}
