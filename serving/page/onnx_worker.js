// Runs the exported network by onnxruntime-web: uint8 [1, H, W, C] -> uint8 [1, H, W, c].

import * as ort from "./onnxruntime/ort.js";

ort.env.wasm.numThreads = 1; // more threads need headers that plain web hosts do not send
ort.env.wasm.wasmPaths = { wasm: new URL("onnxruntime/ort-wasm-simd-threaded.wasm", import.meta.url).href };
const sessions = new Map();

self.onmessage = async ({ data: { number, image, url, channels } }) => {
  try {
    const session = await opened(url);
    const shape = [1, image.height, image.width, channels];
    const input = new ort.Tensor("uint8", packed(image.data, channels), shape);
    const results = await session.run({ [session.inputNames[0]]: input });
    const made = results[session.outputNames[0]];
    self.postMessage({ number, image: unpacked(made.data, made.dims) });
  } catch (error) {
    self.postMessage({ number, error: String(error.message ?? error) });
  }
};

/** Load a network once. After a failed download, the next translation fetches it again. */
function opened(url) {
  if (!sessions.has(url)) {
    sessions.set(url, open(url));
    sessions.get(url).catch(() => sessions.delete(url));
  }
  return sessions.get(url);
}

async function open(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}`);
  return ort.InferenceSession.create(new Uint8Array(await answer.arrayBuffer()));
}

/** Convert RGBA to RGB, or to grey (ITU-R 601 luma, as the server does). */
function packed(rgba, channels) {
  const count = rgba.length / 4, levels = new Uint8Array(count * channels);
  for (let index = 0; index < count; index++) {
    const [red, green, blue] = rgba.subarray(index * 4, index * 4 + 3);
    if (channels === 1) levels[index] = Math.round(0.299 * red + 0.587 * green + 0.114 * blue);
    else levels.set([red, green, blue], index * 3);
  }
  return levels;
}

function unpacked(levels, [, height, width, channels]) {
  const image = new ImageData(width, height);
  for (let index = 0; index < width * height; index++) {
    const at = index * channels;
    const colour = channels === 1 ? [levels[at], levels[at], levels[at]] : levels.subarray(at, at + 3);
    image.data.set(colour, index * 4);
    image.data[index * 4 + 3] = 255;
  }
  return image;
}
