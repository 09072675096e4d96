// Starts the page: connects studio, controls and surface with its elements.

import { Camera } from "./camera.js";
import { Controls } from "./controls.js";
import { connect } from "./engine.js";
import { decoded } from "./loading.js";
import { Studio } from "./studio.js";
import { Surface } from "./surface.js";

const HINTS = {
  labels: "Paint labels; the network turns them into an image.",
  edges: "Draw black outlines on white; the network fills them in.",
  photo: "Open, paste or drop an image; the network translates it.",
};
const element = (id) => document.getElementById(id);
const [drawing, result, message] = ["drawing", "result", "message"].map(element);
let pending = 0; // number of actions that are not finished

try {
  await start(await connect());
} catch (error) {
  showError(error);
  settle();
}

async function start({ model, engine, sample }) {
  const studio = new Studio({ model, engine });
  document.title = element("name").textContent = model.name;
  [drawing.width, drawing.height] = [studio.width, studio.height];
  const actions = actionsOf(studio, sample);
  studio.addEventListener("drawn", () => show(studio));
  studio.addEventListener("translated", ({ detail }) => showResult(detail));
  studio.addEventListener("failed", ({ detail }) => {
    actions.stopCamera(); // it would send the next request at once
    showError(detail);
  });
  studio.addEventListener("idle", () => settle(studio));
  studio.addEventListener("turned", () => begin(studio, actions, sample));
  const controls = new Controls(studio, {
    tools: element("tools"), palette: element("palette"), directions: element("directions"),
  }, actions);
  new Surface(drawing, element("cursor"), studio, controls);
  wire(actions);
  await begin(studio, actions, sample);
}

/** Show the first sample of the test set, if there is one. */
async function begin(studio, actions, sample) {
  element("hint").textContent = HINTS[studio.kind];
  const isDrawn = studio.kind !== "photo";
  drawing.setAttribute("role", isDrawn ? "application" : "img"); // an application handles its own keys
  drawing.tabIndex = isDrawn ? 0 : -1;
  drawing.setAttribute("aria-label", !isDrawn ? "The input image"
    : "The drawing. Arrow keys move the cursor, with Shift in steps of 8; Space begins and ends a stroke.");
  element("webcam_button").hidden = isDrawn || !navigator.mediaDevices;
  element("random_sample").hidden = !studio.direction.samples.length;
  actions.stopCamera();
  listSamples(studio, actions, sample);
  const [first] = studio.direction.samples;
  const wasNew = studio.isNew;
  await attempt(studio, async () => {
    if (wasNew && first) await actions.loadSample(first, { isFirst: true });
    if (!wasNew || studio.isNew) await studio.changed(); // without a sample, translate the current drawing
  });
}

function show(studio) {
  settle(studio);
  document.body.toggleAttribute("data-empty", studio.kind === "photo" && studio.isNew);
  drawing.getContext("2d").putImageData(studio.drawing.image, 0, 0);
}

function showResult({ image, milliseconds }) {
  message.textContent = "";
  for (const id of ["save_result", "save"]) element(id).disabled = false;
  [result.width, result.height] = [image.width, image.height];
  result.getContext("2d").putImageData(image, 0, 0);
  element("time").textContent = `Translated in ${Math.round(milliseconds)} ms`;
}

function showError(error) {
  message.textContent = error.message;
}

function settle(studio) {
  document.body.dataset.state = pending || studio?.isBusy ? "busy" : "idle";
}

function actionsOf(studio, sample) {
  const camera = new Camera(element("webcam_button"));
  const change = (happened) => happened && studio.changed();
  const load = (find, { isFirst = false } = {}) => attempt(studio, async () => {
    const { drawing: wanted } = studio;
    const picture = await decoded(await find());
    // Keep the drawing if the user has meanwhile changed the direction or started to draw.
    if (studio.drawing !== wanted || (isFirst && wanted.past.length)) return;
    camera.stop();
    await studio.load(picture, { live: isFirst });
  });
  const loadFiles = ([first]) => load(() => {
    if (first) return first;
    throw new Error("That is not an image but a link or text; save the image and open its file.");
  });
  const loadSample = ({ url }, options) => load(() => sample(url), options);
  return {
    undo: () => change(studio.drawing.undo()),
    redo: () => change(studio.drawing.redo()),
    clear: () => { studio.drawing.clear(studio.ink("eraser")); studio.changed(); },
    open: () => element("file").click(),
    save: async () => {
      if (!element("save_result").disabled) await save(sideBySide(drawing, result), "both");
    },
    random: () => {
      const { samples } = studio.direction;
      if (samples.length) loadSample(samples[Math.floor(Math.random() * samples.length)]);
    },
    loadFiles,
    loadSample,
    stopCamera: () => camera.stop(),
    camera: () => attempt(studio, async () => {
      if (studio.kind !== "photo" || !navigator.mediaDevices) return;
      if (camera.isOn) camera.stop();
      else await camera.run((video, isFirst) => studio.load(video, { live: !isFirst }));
    }),
  };
}

/** Run an action. Show that it is running, and its error. */
async function attempt(studio, act) {
  pending += 1;
  settle(studio);
  try {
    await act();
  } catch (error) {
    showError(error);
  }
  pending -= 1;
  settle(studio);
}

function wire(actions) {
  const file = element("file");
  file.addEventListener("change", () => {
    if (file.files.length) actions.loadFiles(file.files);
    file.value = "";
  });
  const clicks = { open_file: "open", webcam_button: "camera", random_sample: "random", save: "save" };
  for (const [id, action] of Object.entries(clicks)) element(id).addEventListener("click", actions[action]);
  drawing.addEventListener("click", () => document.body.hasAttribute("data-empty") && actions.open());
  element("save_drawing").addEventListener("click", () => save(drawing, "input"));
  element("save_result").addEventListener("click", () => save(result, "result"));
  addEventListener("paste", ({ clipboardData: { files } }) => actions.loadFiles(files));
  addEventListener("dragover", (event) => {
    event.preventDefault();
    document.body.dataset.dropping = "";
  });
  addEventListener("dragleave", ({ relatedTarget }) => relatedTarget || delete document.body.dataset.dropping);
  addEventListener("drop", (event) => {
    event.preventDefault();
    delete document.body.dataset.dropping;
    actions.loadFiles(event.dataTransfer.files);
  });
}

function listSamples(studio, actions, sample) {
  element("samples").replaceChildren(...studio.direction.samples.map((entry) => {
    const button = document.createElement("button");
    const picture = Object.assign(document.createElement("img"), { alt: entry.name, width: 60, height: 60 });
    button.title = entry.name;
    picture.addEventListener("load", () => URL.revokeObjectURL(picture.src));
    button.append(picture);
    button.addEventListener("click", () => actions.loadSample(entry));
    sample(entry.url).then((blob) => { picture.src = URL.createObjectURL(blob); }, showError);
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
}

/** Return a canvas with both images at the height of the second; pixels are repeated, not blended. */
function sideBySide(left, right) {
  const width = Math.round((left.width * right.height) / left.height);
  const both = Object.assign(document.createElement("canvas"), { width: width + right.width, height: right.height });
  const context = both.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(left, 0, 0, width, right.height);
  context.drawImage(right, width, 0);
  return both;
}

async function save(canvas, what) {
  const blob = await new Promise((done) => canvas.toBlob(done, "image/png"));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = `${document.title}_${what}.png`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
