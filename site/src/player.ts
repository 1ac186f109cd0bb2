// The bar under the picture: a scrubber over the frames of a trajectory, and play.

import { element } from "./dom.ts";
import type { Trajectory } from "./trajectory.ts";
import type { Viewer } from "./view/viewer.ts";

/** Playing takes this long from the first frame to the last, ms. */
const duration = 7000;

const shapes = { play: "M4 2.5v11l9.5-5.5z", pause: "M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z" };

export class Player {
  readonly #viewer: Viewer;
  readonly #button = element<HTMLButtonElement>("play");
  readonly #scrubber = element<HTMLInputElement>("scrubber");
  readonly #output = element<HTMLOutputElement>("position");
  #trajectory: Trajectory | undefined;
  #position = 0;
  /** Whether new frames of a run are shown as they come. */
  #follows = true;
  #playing = 0;

  constructor(viewer: Viewer) {
    this.#viewer = viewer;
    this.#button.addEventListener("click", () => (this.#playing ? this.pause() : this.#play()));
    this.#scrubber.addEventListener("input", () => {
      this.pause();
      this.#seek(Number(this.#scrubber.value));
      this.#follows = this.#position >= this.#last;
    });
  }

  get #last(): number {
    return Math.max(0, (this.#trajectory?.length ?? 0) - 1);
  }

  /** Shows a trajectory, which may be empty and grow: `grown` tells of new frames. */
  open(trajectory: Trajectory): void {
    this.pause();
    this.#trajectory = trajectory;
    this.#follows = true;
    this.grown();
  }

  grown(): void {
    const trajectory = this.#trajectory;
    if (!trajectory?.length) return;
    this.#scrubber.max = String(this.#last);
    this.#scrubber.disabled = this.#button.disabled = this.#last === 0;
    this.#seek(this.#follows && !this.#playing ? this.#last : this.#position, !trajectory.finished);
  }

  pause(): void {
    cancelAnimationFrame(this.#playing);
    this.#playing = 0;
    this.#dress();
  }

  #play(): void {
    if (this.#position >= this.#last) this.#position = 0;
    let before = performance.now();
    const tick = (now: number) => {
      this.#seek(Math.min(this.#last, this.#position + ((now - before) / duration) * this.#last));
      before = now;
      this.#playing = requestAnimationFrame(tick);
      if (this.#position < this.#last) return;
      this.#follows = true;
      this.pause();
    };
    this.#playing = requestAnimationFrame(tick);
    this.#dress();
  }

  #dress(): void {
    this.#button.setAttribute("aria-label", this.#playing ? "Pause" : "Play");
    this.#button.querySelector("path")!.setAttribute("d", shapes[this.#playing ? "pause" : "play"]);
  }

  #seek(position: number, patient = false): void {
    const trajectory = this.#trajectory;
    if (!trajectory?.length) return;
    this.#position = Math.min(position, this.#last);
    const step = trajectory.stepAt(this.#position);
    this.#scrubber.value = String(this.#position);
    this.#scrubber.setAttribute("aria-valuetext", `step ${step} of ${trajectory.steps}`);
    this.#output.value = trajectory.steps ? `${step} / ${trajectory.steps}` : "";
    this.#viewer.show((palette) => trajectory.pictureAt(this.#position, palette), patient);
  }
}
