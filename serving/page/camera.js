// Pictures from the camera, one after the other, as long as it is on.

export class Camera {
  #turn = 0; // of starts and stops: whoever finds another number is no longer wanted
  #video = null;

  constructor(button) { this.button = button; }

  get isOn() { return this.button.getAttribute("aria-pressed") === "true"; }

  /** Calls `show(video, isFirst)` again and again, until `stop`. */
  async run(show) {
    const turn = this.#start(true);
    try {
      const video = await opened();
      if (turn !== this.#turn) return end(video); // stopped while the person was asked
      this.#video = video;
      for (let isFirst = true; turn === this.#turn; isFirst = false) {
        await show(video, isFirst);
        await new Promise(requestAnimationFrame); // none comes while the page is hidden
      }
    } catch (error) {
      if (turn === this.#turn) this.stop();
      throw new Error(`The camera cannot be used: ${error.message}`);
    }
  }

  stop() {
    this.#start(false);
    if (this.#video) end(this.#video);
    this.#video = null;
  }

  #start(isOn) {
    this.button.setAttribute("aria-pressed", isOn);
    return ++this.#turn;
  }
}

async function opened() {
  const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "user" } });
  const video = document.createElement("video");
  video.muted = video.playsInline = true;
  video.srcObject = stream;
  await video.play();
  return video;
}

function end(video) {
  for (const track of video.srcObject.getTracks()) track.stop();
}
