// Records a film from the camera; nothing is sent before the recording ends.
import { find } from "./parts.js";

const READY = 3; // seconds to put one's hands where they begin

export class Camera {
  constructor(fail, recorded) {
    this.fail = fail;
    this.recorded = recorded;
    this.recorder = null;
    this.ticking = 0;
    find("camera").addEventListener("click", () => this.open());
    find("camera-off").addEventListener("click", () => this.close());
    find("record").addEventListener("click", () => (this.ticking ? this.end() : this.begin()));
  }

  async open() {
    this.fail("");
    try {
      this.stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 }, audio: false });
    } catch (problem) {
      this.fail(`The camera cannot be used: ${problem.message}`);
      return;
    }
    find("preview").srcObject = this.stream;
    await find("preview").play();
    find("recorder").hidden = false;
    find("camera").hidden = true;
    find("record").focus();
  }

  // Counts down, then records until it is pressed again.
  begin() {
    find("record").textContent = "Stop";
    const began = performance.now() + 1000 * READY;
    this.ticking = setInterval(() => {
      const passed = (performance.now() - began) / 1000;
      find("clock").textContent = passed < 0 ? `${Math.ceil(-passed)} …` : `● ${passed.toFixed(0)} s`;
      if (passed >= 0 && !this.recorder) this.start();
    }, 100);
  }

  start() {
    const pieces = [];
    this.recorder = new MediaRecorder(this.stream);
    this.recorder.ondataavailable = (event) => pieces.push(event.data);
    this.recorder.onstop = () => {
      const kind = this.recorder.mimeType.includes("mp4") ? "mp4" : "webm";
      this.recorder = null;
      this.recorded(new Blob(pieces), `recording.${kind}`);
    };
    this.recorder.start();
  }

  end() {
    clearInterval(this.ticking);
    this.ticking = 0;
    find("clock").textContent = "";
    find("record").textContent = "Record";
    this.recorder?.stop();
  }

  close() {
    if (this.recorder) this.recorder.onstop = null;
    this.end();
    this.recorder = null;
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    find("recorder").hidden = true;
    find("camera").hidden = false;
    find("camera").focus();
  }
}
