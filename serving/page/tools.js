// Draws pixel by pixel: a canvas would smooth edges, and labels must keep their exact colours.

const MAX_UNDO_STEPS = 60;

/** Convert [r, g, b] to an opaque pixel of ImageData, read as little-endian uint32. */
export function packed([red, green, blue]) {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

export class Drawing {
  constructor(width, height, colour) {
    this.image = new ImageData(width, height);
    this.pixels = new Uint32Array(this.image.data.buffer);
    this.pixels.fill(packed(colour));
    this.past = [];
    this.future = [];
  }

  get width() { return this.image.width; }
  get height() { return this.image.height; }

  /** Call this before a change that is one undo step. */
  begin() {
    this.past.push(this.pixels.slice());
    if (this.past.length > MAX_UNDO_STEPS) this.past.shift();
    this.future = [];
  }

  /** Restore the state of `begin` without an undo step. */
  restart() { this.pixels.set(this.past.at(-1)); }

  undo() { return this.#travel(this.past, this.future); }
  redo() { return this.#travel(this.future, this.past); }

  #travel(from, to) {
    if (!from.length) return false;
    to.push(this.pixels.slice());
    this.pixels.set(from.pop());
    return true;
  }

  /** Draw a disc with a diameter of `size` pixels. */
  stamp(x, y, size, colour) {
    const radius = size / 2, centre = (size - 1) / 2;
    const left = Math.round(x - centre), top = Math.round(y - centre);
    for (let row = 0; row < size; row++) {
      const half = Math.sqrt(Math.max(0, radius ** 2 - (row - centre) ** 2));
      const from = Math.round(centre - half + 0.5), to = Math.round(centre + half + 0.5);
      this.#row(top + row, left + Math.min(from, to - 1), left + to, colour);
    }
  }

  /** Draw a disc on every pixel of the line (Bresenham 1965). */
  line(from, to, size, colour) {
    let { x, y } = from;
    const dx = Math.abs(to.x - x), dy = -Math.abs(to.y - y);
    const right = x < to.x ? 1 : -1, down = y < to.y ? 1 : -1;
    for (let error = dx + dy; ;) {
      this.stamp(x, y, size, colour);
      if (x === to.x && y === to.y) return;
      const twice = 2 * error;
      if (twice >= dy) { error += dy; x += right; }
      if (twice <= dx) { error += dx; y += down; }
    }
  }

  rectangle(from, to, colour) {
    const [left, right] = [Math.min(from.x, to.x), Math.max(from.x, to.x) + 1];
    for (let y = Math.min(from.y, to.y); y <= Math.max(from.y, to.y); y++) this.#row(y, left, right, colour);
  }

  /** Fill the connected area of equal colour around (x, y). */
  fill(x, y, colour) {
    const { width, height, pixels } = this;
    const old = pixels[y * width + x];
    if (old === colour) return;
    const open = [y * width + x];
    while (open.length) {
      const place = open.pop();
      if (pixels[place] !== old) continue;
      pixels[place] = colour;
      const column = place % width, row = (place - column) / width;
      if (column > 0) open.push(place - 1);
      if (column < width - 1) open.push(place + 1);
      if (row > 0) open.push(place - width);
      if (row < height - 1) open.push(place + width);
    }
  }

  /** Load another image of the same size, as one undo step. */
  replace(image) {
    this.begin();
    this.image.data.set(image.data);
  }

  clear(colour) {
    this.begin();
    this.pixels.fill(colour);
  }

  #row(y, left, right, colour) {
    if (y < 0 || y >= this.height) return;
    const start = y * this.width;
    this.pixels.fill(colour, start + Math.max(0, left), start + Math.min(this.width, Math.max(0, right)));
  }
}
