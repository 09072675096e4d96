// The state of the page: one drawing for each direction, and one translation at a time.

import { fitted, snapped } from "./loading.js";
import { Drawing, packed } from "./tools.js";

const BLACK = [0, 0, 0], WHITE = [255, 255, 255];

/** Events: "drawn" (the input changed), "translated", "failed", "idle", "turned" (new direction). */
export class Studio extends EventTarget {
  #running = null; // a promise, while translations are under way
  #again = false;

  constructor({ model, engine }) {
    super();
    [this.model, this.engine] = [model, engine];
    [this.width, this.height] = model.size;
    this.drawings = new Map();
    this.canvas = new OffscreenCanvas(this.width, this.height);
    this.canvas.toBlob ??= (done, type) => this.canvas.convertToBlob({ type }).then(done);
    this.context = this.canvas.getContext("2d", { willReadFrequently: true });
    this.turn(model.directions[0].id);
  }

  turn(id) {
    this.direction = this.model.directions.find((direction) => direction.id === id);
    this.colours = this.direction.palette.map(({ colour }) => colour);
    this.ground = this.colours[this.direction.ground] ?? WHITE;
    this.chosen = Math.min(1, this.colours.length - 1);
    this.isNew = !this.drawings.has(id);
    if (this.isNew) this.drawings.set(id, new Drawing(this.width, this.height, this.ground));
    this.dispatchEvent(new Event("turned"));
  }

  get isBusy() { return this.#running !== null; }

  get kind() { return this.direction.kind; }
  get drawing() { return this.drawings.get(this.direction.id); }

  /** Return the colour of a tool. */
  ink(tool) {
    return packed(tool === "eraser" ? this.ground : this.colours[this.chosen] ?? BLACK);
  }

  /** Load an ImageBitmap or a playing video. `live`: without an undo step. */
  load(picture, { live = false } = {}) {
    const { pair } = this.direction;
    const image = fitted(picture, this.width, this.height, { smooth: this.kind !== "labels", pair });
    if (this.kind === "labels") snapped(image, this.colours);
    if (live) this.drawing.image.data.set(image.data);
    else this.drawing.replace(image);
    this.isNew = false;
    return this.changed();
  }

  /** Show the drawing, and translate it when the current translation is finished. */
  changed() {
    this.#again = true;
    this.#running ??= this.#run();
    this.dispatchEvent(new Event("drawn"));
    return this.#running;
  }

  async #run() {
    while (this.#again) {
      this.#again = false;
      await this.#translate();
    }
    this.#running = null;
    this.dispatchEvent(new Event("idle"));
  }

  async #translate() {
    this.context.putImageData(this.drawing.image, 0, 0);
    const began = performance.now();
    try {
      const image = await this.engine.translate(this.canvas, this.direction);
      const detail = { image, milliseconds: performance.now() - began };
      this.dispatchEvent(new CustomEvent("translated", { detail }));
    } catch (error) {
      this.dispatchEvent(new CustomEvent("failed", { detail: error }));
    }
  }
}
