// Plotly itself, once per page, kept for the figures. Nothing is awaited here: a widget that takes
// longer than two seconds to initialize is given up by the page.

export default {
  initialize({ model }) {
    const shared = sharedPlotly();
    if (shared.loading) return;
    shared.loading = true;
    const url = URL.createObjectURL(new Blob([model.get("source")], { type: "text/javascript" }));
    import(url).then(shared.resolve, (error) => {
      shared.loading = false;
      console.error("plotly did not load", error);
    });
  },
  render() {},
};
