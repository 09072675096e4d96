// Pictures from files, samples and the camera, in the size and the colours of the drawing.

const NEAR = 70; // levels of a colour: farther off are mixtures of two labels
const RINGS = 3; // pixels: an edge's mixtures are not wider

/**
 * The middle square of a picture (ImageBitmap or video), scaled to width x height: ImageData. Of a
 * file that is a `pair` like those of the training, {size, half}, that of the half that goes in.
 */
export function fitted(picture, width, height, { smooth, pair }) {
  const found = shown(picture, pair);
  const scale = Math.min(found.width / width, found.height / height);
  const [cutWidth, cutHeight] = [width * scale, height * scale];
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.fillStyle = "#fff"; // under what is transparent
  context.fillRect(0, 0, width, height);
  context.imageSmoothingEnabled = smooth;
  context.imageSmoothingQuality = "high";
  context.drawImage(
    picture, found.left + (found.width - cutWidth) / 2, (found.height - cutHeight) / 2,
    cutWidth, cutHeight, 0, 0, width, height,
  );
  return context.getImageData(0, 0, width, height);
}

function shown(picture, pair) {
  const width = picture.videoWidth ?? picture.width, height = picture.videoHeight ?? picture.height;
  if (width !== pair?.size[0] || height !== pair.size[1]) return { left: 0, width, height };
  const half = Math.floor(width / 2);
  return { left: pair.half === "left" ? 0 : width - half, width: half, height };
}

/**
 * Every pixel gets one of `colours`, [[r, g, b], ...]. JPEG leaves noise inside a label, and mixtures
 * between two that look like a third: what is far from all colours takes that of a neighbour.
 */
export function snapped(image, colours) {
  const { data, width } = image, count = data.length / 4;
  const labels = new Int16Array(count), all = colours.map((_, number) => number), far = [];
  for (let pixel = 0; pixel < count; pixel++) {
    labels[pixel] = nearest(data, pixel, colours, all);
    if (distance(data, pixel, colours[labels[pixel]]) > NEAR ** 2) far.push(pixel);
  }
  const open = new Set(far);
  for (let ring = 0; ring < RINGS; ring++) {
    const settled = [...open].map((pixel) => {
      const around = neighbours(pixel, width, count).filter((one) => !open.has(one));
      return around.length && [pixel, nearest(data, pixel, colours, around.map((one) => labels[one]))];
    });
    for (const [pixel, label] of settled.filter(Boolean)) {
      labels[pixel] = label;
      open.delete(pixel);
    }
  }
  labels.forEach((label, pixel) => data.set(colours[label], pixel * 4));
  return image;
}

function distance(data, pixel, colour) {
  const at = pixel * 4;
  return (data[at] - colour[0]) ** 2 + (data[at + 1] - colour[1]) ** 2 + (data[at + 2] - colour[2]) ** 2;
}

/** Of the colours with these numbers. */
function nearest(data, pixel, colours, numbers) {
  let best = numbers[0], least = Infinity;
  for (const number of numbers) {
    const off = distance(data, pixel, colours[number]);
    if (off < least) [best, least] = [number, off];
  }
  return best;
}

function neighbours(pixel, width, count) {
  const column = pixel % width;
  return [
    column > 0 && pixel - 1, column < width - 1 && pixel + 1, pixel - width, pixel + width,
  ].filter((one) => one !== false && one >= 0 && one < count);
}

export async function decoded(blob) {
  try {
    return await createImageBitmap(blob, { colorSpaceConversion: "none" });
  } catch {
    throw new Error(`${blob.name ?? "This"} is no picture that the browser can read.`);
  }
}
