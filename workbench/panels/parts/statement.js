// One sentence that matters (a guarantee), or a quiet one (help). The mark says the tone without colour.

const MARKS = { private: "✓", open: "!", void: "!", quiet: "" };

function render({ model, el }) {
  const life = new Life(model);
  const mark = make("span", { class: "wb-statement-mark", "aria-hidden": "true" });
  const text = make("span", { class: "wb-statement-text" });
  const line = make("p", { class: "wb-statement" }, mark, text);
  el.classList.add("wb");
  el.append(line);
  life.watch(["text", "tone"], () => {
    const tone = model.get("tone");
    mark.textContent = MARKS[tone];
    mark.hidden = !MARKS[tone];
    text.textContent = model.get("text");
    line.dataset.tone = tone;
    line.hidden = !model.get("text");
  });
  return () => life.end();
}

export default { render };
