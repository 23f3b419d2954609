// The panel's name. Its style sheet is the frame's.

function render({ model, el }) {
  const life = new Life(model);
  const title = make("h3", { class: "wb-frame-title" });
  el.classList.add("wb");
  el.append(title);
  life.watch(["title"], () => {
    title.textContent = model.get("title");
  });
  return () => life.end();
}

export default { render };
