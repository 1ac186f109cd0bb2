// The bar under a picture: a scrubber over the frames of a trajectory, play, and speed.

import { make, svg } from "./dom.ts";
import type { Trajectory } from "./trajectory.ts";
import type { Palette } from "./view/colours.ts";
import type { Viewer } from "./view/viewer.ts";

/** At speed 1, playing takes this long from the first frame to the last, ms. */
const duration = 7000;

const speeds = [0.25, 0.5, 1, 2, 4];

const shapes = { play: "M4 2.5v11l9.5-5.5z", pause: "M3.5 2.5h3v11h-3zM9.5 2.5h3v11h-3z" };

/** What shows a picture: a Viewer. */
type Screen = Pick<Viewer, "show"> & Partial<Pick<Viewer, "open" | "face">>;

/** Several trajectories may be played at once, each in its viewer, by their shares of the whole. */
export class Transport {
  readonly #container: HTMLElement;
  readonly #viewers: Screen[];
  readonly #path = svg("path", { d: shapes.play });
  readonly #button = make(
    "button",
    { type: "button", className: "play", disabled: true },
    svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, this.#path),
  );
  readonly #scrubber = make("input", {
    type: "range",
    className: "scrubber",
    min: "0",
    max: "0",
    step: "any",
    value: "0",
    disabled: true,
  });
  readonly #profile = svg("path", {});
  readonly #output = make("output", { className: "position" });
  readonly #speed = make(
    "select",
    { className: "speed", title: "Speed" },
    ...speeds.map((x) => new Option(`${x}×`, String(x), x === 1, x === 1)),
  );
  /** Called after every move, by hand, by playing or by new frames. */
  onSeek = (): void => {};
  #trajectories: Trajectory[] = [];
  #position = 0;
  /** Whether new frames of a run are shown as they come. */
  #follows = true;
  #playing = 0;
  #loops = false;
  /** Whether the molecule is not finished, so that its broad side is not known. */
  #open = false;

  /**
   * Fills the container, which is to have role="group" and a label. Space, arrows, Home and End
   * work within `keys`, and where nothing has the focus, unless the page is not ours to take them
   * from.
   */
  constructor(
    container: HTMLElement,
    viewers: Screen[],
    keys: HTMLElement = container,
    ours = true,
  ) {
    this.#container = container;
    this.#viewers = viewers;
    this.#button.setAttribute("aria-label", "Play");
    this.#scrubber.setAttribute("aria-label", "Step of the trajectory");
    this.#speed.setAttribute("aria-label", "Speed of playing");
    const profile = svg(
      "svg",
      {
        class: "profile",
        viewBox: "0 0 100 20",
        preserveAspectRatio: "none",
        "aria-hidden": "true",
      },
      this.#profile,
    );
    container.append(
      this.#button,
      make("div", { className: "track" }, profile, this.#scrubber),
      this.#output,
      this.#speed,
    );
    this.#button.addEventListener("click", () => this.toggle());
    this.#scrubber.addEventListener("input", () => this.#scrub(Number(this.#scrubber.value)));
    keys.addEventListener("keydown", (event) => this.#key(event));
    if (ours)
      document.addEventListener(
        "keydown",
        (event) => event.target === document.body && this.#key(event),
      );
  }

  /** Position in frames, which may lie between two. */
  get position(): number {
    return this.#position;
  }

  get playing(): boolean {
    return this.#playing !== 0;
  }

  get #main(): Trajectory | undefined {
    return this.#trajectories[0];
  }

  get #last(): number {
    return Math.max(0, (this.#main?.length ?? 0) - 1);
  }

  /**
   * Shows trajectories, one for each viewer, which may be empty and grow: `grown` announces new
   * frames.
   */
  open(...trajectories: Trajectory[]): void {
    this.pause();
    this.#loops = false;
    this.#trajectories = trajectories;
    this.#viewers.forEach((viewer, k) => viewer.open?.(k ? undefined : trajectories[0]?.goal));
    this.#open = !trajectories[0]?.finished;
    this.#follows = true;
    this.#position = 0;
    this.grown();
  }

  grown(): void {
    const main = this.#main;
    this.#container.classList.toggle("still", !!main?.finished && main.length === 1); // nothing to play
    if (!main?.length) {
      this.#scrubber.disabled = this.#button.disabled = true;
      this.#output.value = "";
      this.#scrubber.value = "0";
      this.#profile.setAttribute("d", "");
      return;
    }
    this.#scrubber.max = String(this.#last);
    this.#scrubber.disabled = this.#button.disabled = this.#last === 0;
    this.#profile.setAttribute("d", profileOf(main));
    if (this.#open && main.goal) {
      this.#open = false;
      this.#viewers[0]?.face?.(main.goal, true);
    }
    this.seek(this.#follows && !this.#playing ? this.#last : this.#position, !main.finished);
  }

  toggle(): void {
    if (this.#playing) this.pause();
    else this.play();
  }

  pause(): void {
    cancelAnimationFrame(this.#playing);
    this.#playing = 0;
    this.#loops = false;
    this.#dress();
  }

  /** Plays to the end, or again and again with a rest at the end. */
  play(loops = false): void {
    if (!this.#last) return;
    cancelAnimationFrame(this.#playing);
    this.#loops = loops;
    if (this.#position >= this.#last) this.#position = 0;
    let before = performance.now();
    let rest = 0;
    const tick = (now: number) => {
      const elapsed = Math.min(100, now - before);
      before = now;
      this.#playing = requestAnimationFrame(tick);
      if (this.#position < this.#last) {
        this.seek(this.#position + (elapsed * Number(this.#speed.value) * this.#last) / duration);
        rest = 0;
      } else if (!this.#loops) {
        this.#follows = true;
        this.pause();
      } else if ((rest += elapsed) > 3500) this.#position = 0;
    };
    this.#playing = requestAnimationFrame(tick);
    this.#dress();
  }

  seek(position: number, patient = false): void {
    const main = this.#main;
    if (!main?.length) return;
    this.#position = Math.min(Math.max(0, position), this.#last);
    const step = main.stepAt(this.#position);
    this.#scrubber.value = String(this.#position);
    this.#scrubber.setAttribute("aria-valuetext", `step ${step} of ${main.steps}`);
    this.#output.value = main.steps ? `${step} / ${main.steps}` : "";
    const share = this.#last ? this.#position / this.#last : 0;
    this.#trajectories.forEach((trajectory, k) => {
      const at = k ? share * Math.max(0, trajectory.length - 1) : this.#position;
      if (trajectory.length)
        this.#viewers[k]?.show((palette: Palette) => trajectory.pictureAt(at, palette), patient);
    });
    this.onSeek();
  }

  #scrub(position: number): void {
    this.pause();
    this.seek(position);
    this.#follows = this.#position >= this.#last;
  }

  #dress(): void {
    this.#button.setAttribute("aria-label", this.#playing ? "Pause" : "Play");
    this.#path.setAttribute("d", shapes[this.#playing ? "pause" : "play"]);
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !this.#last)
      return;
    const target = event.target as HTMLElement;
    const typing =
      target !== this.#scrubber && target.matches("input, select, textarea, summary, a");
    if (typing || (event.key === " " && target.matches("button"))) return;
    const leap = event.shiftKey ? 10 : 1;
    const actions: Record<string, () => void> = {
      " ": () => this.toggle(),
      ArrowLeft: () => this.#scrub(Math.ceil(this.#position) - leap),
      ArrowRight: () => this.#scrub(Math.floor(this.#position) + leap),
      Home: () => this.#scrub(0),
      End: () => this.#scrub(this.#last),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}

/** How far the molecule had come along the trajectory, as an area in a box of 100 by 20. */
function profileOf({ settled }: Trajectory): string {
  const last = Math.max(1, settled.length - 1);
  const points = settled.map(
    (share, k) => `${((100 * k) / last).toFixed(2)} ${(20 - 20 * share).toFixed(2)}`,
  );
  return `M0 20L${points.join("L")}L100 20z`;
}
