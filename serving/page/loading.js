// Converts files, samples and camera frames to the size and the colours of the drawing.

const NEAR = 70; // levels; a pixel farther from every colour is a mixture of two labels
const RINGS = 3; // pixels: the maximum width of the mixtures at an edge

/**
 * Scale the central square of an image (ImageBitmap or video) to width x height. Return ImageData.
 * If the image has the size of a `pair` of the training, {size, half}, use the input half.
 */
export function fitted(picture, width, height, { smooth, pair }) {
  const area = inputArea(picture, pair);
  const scale = Math.min(area.width / width, area.height / height);
  const [cutWidth, cutHeight] = [width * scale, height * scale];
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.fillStyle = "#fff"; // the background of transparent pixels
  context.fillRect(0, 0, width, height);
  context.imageSmoothingEnabled = smooth;
  context.imageSmoothingQuality = "high";
  context.drawImage(
    picture, area.left + (area.width - cutWidth) / 2, (area.height - cutHeight) / 2,
    cutWidth, cutHeight, 0, 0, width, height,
  );
  return context.getImageData(0, 0, width, height);
}

function inputArea(picture, pair) {
  const width = picture.videoWidth ?? picture.width, height = picture.videoHeight ?? picture.height;
  if (width !== pair?.size[0] || height !== pair.size[1]) return { left: 0, width, height };
  const half = Math.floor(width / 2);
  return { left: pair.half === "left" ? 0 : width - half, width: half, height };
}

/**
 * Give every pixel one of `colours`, [[r, g, b], ...]. JPEG adds noise inside a label, and mixtures
 * between two labels that look like a third one: a pixel that is far from all colours gets the colour
 * of a neighbour.
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
      const around = neighbours(pixel, width, count).filter((neighbour) => !open.has(neighbour));
      return around.length && [pixel, nearest(data, pixel, colours, around.map((neighbour) => labels[neighbour]))];
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

/** Return the nearest of the colours with these numbers. */
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
  ].filter((place) => place !== false && place >= 0 && place < count);
}

export async function decoded(blob) {
  try {
    return await createImageBitmap(blob, { colorSpaceConversion: "none" });
  } catch {
    throw new Error(`${blob.name ?? "This"} is not an image that the browser can read.`);
  }
}
