// Buttons, palette and keys: the current choices, and the action that each control starts.

const TOOLS = [
  { id: "brush", label: "Brush", key: "B", kinds: ["labels"] },
  { id: "pencil", label: "Pencil", key: "P", kinds: ["edges"] },
  { id: "rectangle", label: "Rectangle", key: "R", kinds: ["labels"] },
  { id: "fill", label: "Fill", key: "F", kinds: ["labels"] },
  { id: "eraser", label: "Eraser", key: "E", kinds: ["labels", "edges"] },
];
const NOUNS = { labels: "labels", edges: "edges", photo: "photos" };
const SIZES = { labels: 6, edges: 1 }; // initial size in pixels

export class Controls {
  constructor(studio, elements, actions) {
    Object.assign(this, { studio, elements, actions });
    studio.addEventListener("turned", () => this.#build());
    studio.addEventListener("drawn", () => this.#enable());
    document.addEventListener("keydown", (event) => this.#key(event));
    this.#build();
    this.#buildDirections();
  }

  #build() {
    const { studio } = this;
    this.tools = TOOLS.filter(({ kinds }) => kinds.includes(studio.kind));
    this.tool = this.tools[0]?.id;
    this.size = SIZES[studio.kind] ?? 1;
    document.body.dataset.kind = studio.kind;
    this.buttons = new Map();
    const bar = this.tools.map(({ id, label, key }) => this.#button(id, label, key, () => this.choose(id)));
    if (this.tools.length) bar.push(this.#slider());
    bar.push(
      this.#button("undo", "Undo", "Ctrl+Z", () => this.actions.undo()),
      this.#button("redo", "Redo", "Ctrl+Shift+Z", () => this.actions.redo()),
    );
    if (this.tools.length) bar.push(this.#button("clear", "Clear", "Delete", () => this.actions.clear()));
    this.elements.tools.replaceChildren(...bar);
    this.#buildPalette();
    if (this.tool) this.choose(this.tool);
    this.#enable();
  }

  #button(id, label, key, act) {
    const button = document.createElement("button");
    button.title = `${label} (${key})`;
    button.setAttribute("aria-label", label);
    button.setAttribute("aria-keyshortcuts", key.replace("Ctrl", "Control"));
    button.innerHTML = `<svg aria-hidden="true"><use href="#icon_${id}"/></svg><span>${label}</span>`;
    button.addEventListener("click", act);
    this.buttons.set(id, button);
    return button;
  }

  #slider() {
    const label = document.createElement("label");
    label.className = "size";
    label.title = "Size of the brush and the eraser ([ and ])";
    this.slider = document.createElement("input");
    const most = Math.max(2, Math.round(this.studio.width / 4));
    Object.assign(this.slider, { type: "range", min: 1, max: most, value: this.size });
    this.slider.addEventListener("input", () => this.resize(this.slider.valueAsNumber));
    this.sizeText = document.createElement("span");
    label.append(this.slider, this.sizeText);
    this.resize(this.size);
    return label;
  }

  #buildPalette() {
    const { palette } = this.studio.direction;
    this.elements.palette.hidden = !palette.length;
    this.elements.palette.replaceChildren(...palette.map(({ colour, name }, number) => {
      const label = choice("colour", "colour", name, number === this.studio.chosen, () => {
        this.studio.chosen = number;
        if (this.tool === "eraser") this.choose("brush");
      });
      label.prepend(swatch(colour));
      if (number < 9) label.title = `${name} (${number + 1})`;
      return label;
    }));
  }

  #buildDirections() {
    const { directions } = this.studio.model;
    const { directions: group } = this.elements;
    group.hidden = directions.length < 2;
    group.replaceChildren(...directions.map(({ id, kind }) => choice(
      "direction", "direction", `${id[0]} to ${id.at(-1)}, from ${NOUNS[kind]}`,
      id === this.studio.direction.id, () => this.studio.turn(id),
    )));
    group.title = "Direction of the translation (X)";
  }

  choose(tool) {
    this.tool = tool;
    for (const { id } of this.tools) this.buttons.get(id).setAttribute("aria-pressed", id === tool);
  }

  resize(size) {
    const most = Number(this.slider.max);
    this.size = Math.max(1, Math.min(most, size));
    this.slider.value = this.size;
    this.sizeText.textContent = `Size ${this.size}`;
    this.slider.setAttribute("aria-label", "Size");
  }

  #enable() {
    this.buttons.get("undo").disabled = !this.studio.drawing.past.length;
    this.buttons.get("redo").disabled = !this.studio.drawing.future.length;
  }

  #key(event) {
    if (event.altKey || (event.target.type === "text")) return;
    const act = event.ctrlKey || event.metaKey ? this.#withControl(event) : this.#plain(event);
    if (!act) return;
    event.preventDefault();
    act();
  }

  #withControl({ key, shiftKey }) {
    const { undo, redo } = this.actions;
    return { z: shiftKey ? redo : undo, Z: redo, y: redo }[key];
  }

  #plain({ key }) {
    const tool = this.tools.find((candidate) => candidate.key.toLowerCase() === key.toLowerCase());
    if (tool) return () => this.choose(tool.id);
    const radios = [...this.elements.palette.querySelectorAll("input")];
    if (/^[1-9]$/.test(key) && radios[key - 1]) return () => radios[key - 1].click();
    const { save, random, open, camera, clear } = this.actions;
    return {
      "[": this.slider && (() => this.resize(this.size - 1)),
      "]": this.slider && (() => this.resize(this.size + 1)),
      Delete: this.tools.length && clear,
      s: save, n: random, o: open, w: camera, x: () => this.#turn(),
    }[key.length === 1 ? key.toLowerCase() : key];
  }

  #turn() {
    const radios = [...this.elements.directions.querySelectorAll("input")];
    radios.find((radio) => !radio.checked)?.click();
  }
}

/** Return a label around a radio button. */
function choice(group, className, text, isChosen, act) {
  const label = document.createElement("label");
  label.className = className;
  const radio = document.createElement("input");
  Object.assign(radio, { type: "radio", name: group, checked: isChosen });
  radio.addEventListener("change", act);
  const words = document.createElement("span");
  words.textContent = text;
  label.append(radio, words);
  return label;
}

function swatch(colour) {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const context = canvas.getContext("2d");
  context.fillStyle = `rgb(${colour.join(" ")})`;
  context.fillRect(0, 0, 1, 1);
  return canvas;
}
