// Handles mouse, pen, touch and arrow keys on the canvas.

const STRIDE = 8; // pixels per arrow key with Shift

export class Surface {
  constructor(canvas, cursor, studio, controls) {
    Object.assign(this, { canvas, cursor, studio, controls, at: null, from: null });
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => this.#up());
    canvas.addEventListener("pointerleave", () => this.#point(null));
    canvas.addEventListener("blur", () => { this.#up(); this.#point(null); });
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  get draws() { return this.studio.kind !== "photo"; }

  #place(event) {
    const box = this.canvas.getBoundingClientRect();
    const pixel = (value, start, length, count) =>
      Math.max(0, Math.min(count - 1, Math.floor((value - start) / length * count)));
    return {
      x: pixel(event.clientX, box.left, box.width, this.studio.width),
      y: pixel(event.clientY, box.top, box.height, this.studio.height),
    };
  }

  #down(event) {
    if (!this.draws || event.button !== 0 || !event.isPrimary) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus({ preventScroll: true });
    event.preventDefault();
    this.#start(this.#place(event));
  }

  #move(event) {
    if (!this.draws || !event.isPrimary) return;
    const moves = event.getCoalescedEvents?.() ?? [];
    for (const move of moves.length ? moves : [event]) this.#go(this.#place(move));
    this.#point(this.at, event.pointerType !== "mouse" && !this.from);
  }

  #start(place) {
    const { studio: { drawing }, controls: { tool } } = this;
    drawing.begin();
    this.step = drawing.past.at(-1);
    this.from = this.last = place;
    if (tool === "fill") {
      drawing.fill(place.x, place.y, this.studio.ink(tool));
      this.from = null;
      this.studio.changed();
    } else {
      this.#go(place);
    }
  }

  #go(place) {
    this.at = place;
    const { studio: { drawing }, controls: { tool, size } } = this;
    if (drawing.past.at(-1) !== this.step) this.#up(); // undo, load or turn ended the stroke
    if (!this.from) return;
    const ink = this.studio.ink(tool);
    if (tool === "rectangle") {
      drawing.restart();
      drawing.rectangle(this.from, place, ink);
    } else {
      drawing.line(this.last, place, size, ink);
    }
    this.last = place;
    this.studio.changed();
  }

  #up() { this.from = null; }

  /** Arrows move a cursor. Space begins a stroke; Space or Escape ends it. */
  #key(event) {
    if (!this.draws || event.ctrlKey || event.metaKey || event.altKey) return;
    const step = event.shiftKey ? STRIDE : 1;
    const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
    const { width, height } = this.studio;
    const at = this.at ?? { x: width >> 1, y: height >> 1 };
    if (moves[event.key]) {
      const [dx, dy] = moves[event.key];
      const within = (value, count) => Math.max(0, Math.min(count - 1, value));
      this.#go({ x: within(at.x + dx, width), y: within(at.y + dy, height) });
    } else if (event.key === " " && !this.from) {
      this.#start(at);
    } else if (event.key === " " || event.key === "Escape") {
      this.#up();
    } else {
      return;
    }
    event.preventDefault();
    this.#point(this.at ?? at);
  }

  /** Show the outline of the tool. */
  #point(place, isHidden = false) {
    this.cursor.hidden = !place || isHidden;
    if (!place) return;
    const { tool, size } = this.controls;
    const side = tool === "rectangle" || tool === "fill" ? 1 : size;
    const left = Math.round(place.x - (side - 1) / 2), top = Math.round(place.y - (side - 1) / 2);
    const { width, height } = this.studio;
    Object.assign(this.cursor.style, {
      left: `${left / width * 100}%`, top: `${top / height * 100}%`,
      width: `${side / width * 100}%`, height: `${side / height * 100}%`,
    });
  }
}
