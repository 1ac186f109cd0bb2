// Small pictures of many molecules, drawn one after the other.

import type { Picture } from "../trajectory.ts";
import { Camera } from "./camera.ts";
import { dark, light, type Palette } from "./colours.ts";
import { compose, reachOf } from "./compose.ts";
import { inTheDark } from "./media.ts";
import { sharedRenderer } from "./shared.ts";

/** Time for drawing in one frame of the page, ms. */
const budget = 8;

export type Source = (palette: Palette) => Picture;

interface Order {
  source: Source;
  /** Positions (n, 3) whose broad side is seen; without, the molecule lies as it does. */
  facing: ArrayLike<number> | undefined;
}

export class Thumbnails {
  readonly #waiting = new Map<HTMLCanvasElement, Order>();
  #frame = 0;

  /** Draws a picture into a canvas, at that canvas's size, as soon as there is time. A later picture for it replaces an earlier one. */
  draw(target: HTMLCanvasElement, source: Source, facing?: ArrayLike<number>): void {
    this.#waiting.set(target, { source, facing });
    this.#frame ||= requestAnimationFrame(() => this.#work());
  }

  #work(): void {
    this.#frame = 0;
    const began = performance.now();
    for (const [target, order] of this.#waiting) {
      this.#waiting.delete(target);
      this.#one(target, order);
      if (performance.now() - began > budget) break;
    }
    if (this.#waiting.size) this.#frame = requestAnimationFrame(() => this.#work());
  }

  #one(target: HTMLCanvasElement, { source, facing }: Order): void {
    const { width, height } = target;
    const palette = inTheDark(target) ? dark : light;
    const picture = source(palette);
    const camera = new Camera();
    if (facing) camera.face(facing);
    camera.join({ reach: reachOf(picture), refresh: () => {} });
    camera.follow(0);
    const context = target.getContext("2d")!;
    context.clearRect(0, 0, width, height);
    sharedRenderer().draw(context, compose(picture, camera, palette), width, height);
  }
}
