// Pictures from files, samples and cameras, in the size and the colours of the drawing.

/** The middle square of a picture (ImageBitmap or video), scaled to width x height: ImageData. */
export function fitted(picture, width, height, { smooth }) {
  const found = { width: picture.videoWidth ?? picture.width, height: picture.videoHeight ?? picture.height };
  const scale = Math.min(found.width / width, found.height / height);
  const [cutWidth, cutHeight] = [width * scale, height * scale];
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.fillStyle = "#fff"; // under what is transparent
  context.fillRect(0, 0, width, height);
  context.imageSmoothingEnabled = smooth;
  context.imageSmoothingQuality = "high";
  context.drawImage(
    picture, (found.width - cutWidth) / 2, (found.height - cutHeight) / 2, cutWidth, cutHeight,
    0, 0, width, height,
  );
  return context.getImageData(0, 0, width, height);
}

/** Every pixel becomes the nearest of `colours`, [[r, g, b], ...]: JPEG leaves noise in labels. */
export function snapped(image, colours) {
  const { data } = image;
  for (let place = 0; place < data.length; place += 4) {
    let nearest = colours[0], least = Infinity;
    for (const colour of colours) {
      const distance = (data[place] - colour[0]) ** 2 + (data[place + 1] - colour[1]) ** 2
        + (data[place + 2] - colour[2]) ** 2;
      if (distance < least) [nearest, least] = [colour, distance];
    }
    data.set(nearest, place);
  }
  return image;
}

export async function decoded(blob) {
  try {
    return await createImageBitmap(blob, { colorSpaceConversion: "none" });
  } catch {
    throw new Error(`${blob.name ?? "This"} is no picture that the browser can read.`);
  }
}

/** The camera as a playing video; its tracks must be stopped at the end. */
export async function openCamera() {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" } });
    const video = document.createElement("video");
    video.muted = video.playsInline = true;
    video.srcObject = stream;
    await video.play();
    return video;
  } catch (error) {
    throw new Error(`The camera cannot be used: ${error.message}`);
  }
}
