// Passes the frames of the camera on while it is switched on.

export class Camera {
  #session = 0; // counts starts and stops; code that finds another number must end
  #video = null;

  constructor(button) { this.button = button; }

  get isOn() { return this.button.getAttribute("aria-pressed") === "true"; }

  /** Call `show(video, isFirst)` repeatedly until `stop` is called. */
  async run(show) {
    const session = this.#start(true);
    try {
      const video = await openCamera();
      if (session !== this.#session) return stopTracks(video); // stopped while the browser asked for permission
      this.#video = video;
      for (let isFirst = true; session === this.#session; isFirst = false) {
        await show(video, isFirst);
        await new Promise(requestAnimationFrame); // is not called while the page is hidden
      }
    } catch (error) {
      if (session === this.#session) this.stop();
      throw new Error(`The camera cannot be used: ${error.message}`);
    }
  }

  stop() {
    this.#start(false);
    if (this.#video) stopTracks(this.#video);
    this.#video = null;
  }

  #start(isOn) {
    this.button.setAttribute("aria-pressed", isOn);
    return ++this.#session;
  }
}

async function openCamera() {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" } });
  const video = document.createElement("video");
  video.muted = video.playsInline = true;
  video.srcObject = stream;
  await video.play();
  return video;
}

function stopTracks(video) {
  for (const track of video.srcObject.getTracks()) track.stop();
}
