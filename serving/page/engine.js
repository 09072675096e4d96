// Two engines with the same interface: translate(canvas, direction) -> ImageData.

/** Sends images to the server of the page. `headers` hold the token, if any. */
class ServerEngine {
  constructor(headers) { this.headers = headers; }

  async translate(canvas, direction) {
    const body = await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
    const headers = { ...this.headers, Accept: "image/png" };
    const answer = await request(`translate?direction=${direction.id}`, { method: "POST", body, headers });
    return imageOf(await answer.blob());
  }
}

/** Runs the exported network in the browser, in a worker. */
class OnnxEngine {
  #waiting = new Map();
  #count = 0;
  #fault = null; // the error that stopped the worker

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
    return new Promise((resolve, reject) => this.#waiting.set(number, { resolve, reject }));
  }

  #settle({ number, image, error }) {
    const { resolve, reject } = this.#waiting.get(number);
    this.#waiting.delete(number);
    if (error) reject(new Error(error));
    else resolve(image);
  }

  #fail(reason) {
    this.#fault = new Error(`the network cannot run here: ${reason}; load the page again`);
    for (const { reject } of this.#waiting.values()) reject(this.#fault);
    this.#waiting.clear();
  }
}

/** Load model.json, and create the engine that it names. */
export async function connect() {
  const headers = headersOf(location);
  const model = await (await get("model.json", headers)).json();
  const engine = model.engine === "onnx" ? new OnnxEngine() : new ServerEngine(headers);
  const sample = async (url) => (await get(url, headers)).blob();
  return { model, engine, sample };
}

/** Return the headers for the token behind # in an address. */
export function headersOf({ hash }) {
  const token = new URLSearchParams(hash.slice(1)).get("token");
  return token ? { Authorization: `Bearer ${token}` } : {};
}

function get(url, headers) { return request(url, { headers }); }

async function request(url, options) {
  const answer = await fetch(url, options).catch(() => {
    throw new Error("The server does not answer: is it still running?");
  });
  await requireOk(answer);
  return answer;
}

async function requireOk(answer) {
  if (answer.ok) return;
  const body = await answer.json().catch(() => ({}));
  throw new Error(body.error ?? `${answer.url} answered ${answer.status}`);
}

async function imageOf(blob) {
  const exact = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(blob, exact);
  const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext("2d");
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height);
}
