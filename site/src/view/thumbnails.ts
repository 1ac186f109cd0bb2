// Small pictures of many molecules, drawn one after the other by a single renderer and copied from its canvas.

import type { Picture } from "../trajectory.ts";
import { Camera } from "./camera.ts";
import { dark, light, type Palette } from "./colours.ts";
import { compose, reachOf } from "./compose.ts";
import { flat } from "./flat.ts";
import type { Renderer } from "./scene.ts";
import { webgl } from "./webgl.ts";

const scheme = matchMedia("(prefers-color-scheme: dark)");

/** Time for drawing in one frame of the page, ms. */
const budget = 8;

export type Source = (palette: Palette) => Picture;

export class Thumbnails {
  readonly #canvas = document.createElement("canvas");
  readonly #waiting = new Map<HTMLCanvasElement, Source>();
  #renderer: Renderer | undefined;
  #frame = 0;

  constructor() {
    this.#canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    this.#canvas.addEventListener("webglcontextrestored", () => (this.#renderer = undefined));
  }

  /** Draws a picture into a canvas, at that canvas's size, as soon as there is time. A later picture for it replaces an earlier one. */
  draw(target: HTMLCanvasElement, source: Source): void {
    this.#waiting.set(target, source);
    this.#frame ||= requestAnimationFrame(() => this.#work());
  }

  #work(): void {
    this.#frame = 0;
    const began = performance.now();
    for (const [target, source] of this.#waiting) {
      this.#waiting.delete(target);
      this.#one(target, source);
      if (performance.now() - began > budget) break;
    }
    if (this.#waiting.size) this.#frame = requestAnimationFrame(() => this.#work());
  }

  #one(target: HTMLCanvasElement, source: Source): void {
    const { width, height } = target;
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    this.#renderer ??= webgl(this.#canvas) ?? flat(this.#canvas);
    const palette = scheme.matches ? dark : light;
    const picture = source(palette);
    const camera = new Camera();
    camera.join({ reach: reachOf(picture), refresh: () => {} });
    camera.follow(0);
    this.#renderer.draw(compose(picture, camera, palette), width, height);
    const context = target.getContext("2d")!;
    context.clearRect(0, 0, width, height);
    context.drawImage(this.#canvas, 0, 0);
  }
}
