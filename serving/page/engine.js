// Two engines behind one interface: translate(canvas, direction) -> ImageData.

/** Asks the server beside the page. `headers` carry the token, where there is one. */
class ServerEngine {
  constructor(headers) { this.headers = headers; }

  async translate(canvas, direction) {
    const body = await new Promise((done) => canvas.toBlob(done, "image/png"));
    const headers = { ...this.headers, Accept: "image/png" };
    const answer = await ask(`translate?direction=${direction.id}`, { method: "POST", body, headers });
    return imageOf(await answer.blob());
  }
}

/** Runs the exported network in the browser, in a thread of its own. */
class OnnxEngine {
  #waiting = new Map();
  #count = 0;
  #fault = null; // why the worker cannot run

  constructor() {
    this.worker = new Worker(new URL("onnx_worker.js", import.meta.url), { type: "module" });
    this.worker.onmessage = ({ data }) => this.#settle(data);
    this.worker.onerror = (event) => this.#fail(event.message || "the worker did not start");
  }

  async translate(canvas, direction) {
    if (this.#fault) throw this.#fault;
    const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const number = this.#count++;
    this.worker.postMessage({ number, image, url: direction.onnx, channels: direction.channels });
    return new Promise((done, fail) => this.#waiting.set(number, { done, fail }));
  }

  #settle({ number, image, error }) {
    const { done, fail } = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (error) fail(new Error(error));
    else done(image);
  }

  #fail(reason) {
    this.#fault = new Error(`the network cannot run here: ${reason}; load the page again`);
    for (const { fail } of this.#waiting.values()) fail(this.#fault);
    this.#waiting.clear();
  }
}

/** What the page must know, and what translates. */
export async function connect() {
  const headers = headersOf(location);
  const model = await (await get("model.json", headers)).json();
  const engine = model.engine === "onnx" ? new OnnxEngine() : new ServerEngine(headers);
  const sample = async (url) => (await get(url, headers)).blob();
  return { model, engine, sample };
}

/** The token that stands in an address behind #, as the server wants it. */
export function headersOf({ hash }) {
  const token = new URLSearchParams(hash.slice(1)).get("token");
  return token ? { Authorization: `Bearer ${token}` } : {};
}

export function get(url, headers) { return ask(url, { headers }); }

async function ask(url, request) {
  const answer = await fetch(url, request).catch(() => {
    throw new Error("The server does not answer: is it still running?");
  });
  await requireOk(answer);
  return answer;
}

async function requireOk(answer) {
  if (answer.ok) return;
  const said = await answer.json().catch(() => ({}));
  throw new Error(said.error ?? `${answer.url} answered ${answer.status}`);
}

async function imageOf(blob) {
  const exact = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(blob, exact);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}
