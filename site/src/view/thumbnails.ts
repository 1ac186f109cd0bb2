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

/**
 * How long pictures of what is on its way rest, in times of what the last ones took: where drawing
 * is slow, the model goes first.
 */
const rest = 9;

export class Thumbnails {
  readonly #waiting = new Map<HTMLCanvasElement, Order>();
  readonly #passing = new Map<HTMLCanvasElement, Order>();
  #frame = 0;
  #until = 0; // when pictures on their way may be drawn again

  /**
   * Draws a picture into a canvas, at that canvas's size, as soon as there is time. A later picture
   * for it replaces an earlier one.
   */
  draw(target: HTMLCanvasElement, source: Source, facing?: ArrayLike<number>): void {
    this.#passing.delete(target);
    this.#waiting.set(target, { source, facing });
    this.#ask();
  }

  /** Draws a picture that another will soon replace, when nothing else is to be drawn. */
  sketch(target: HTMLCanvasElement, source: Source): void {
    this.#waiting.delete(target);
    this.#passing.set(target, { source, facing: undefined });
    this.#ask();
  }

  #ask(): void {
    this.#frame ||= requestAnimationFrame(() => this.#work());
  }

  #work(): void {
    this.#frame = 0;
    const began = performance.now();
    if (this.#waiting.size) this.#some(this.#waiting, began);
    else if (began >= this.#until) {
      this.#some(this.#passing, began);
      const now = performance.now();
      this.#until = now + rest * (now - began);
    }
    if (this.#waiting.size) this.#ask();
    else if (this.#passing.size)
      setTimeout(() => this.#ask(), Math.max(0, this.#until - performance.now()));
  }

  #some(orders: Map<HTMLCanvasElement, Order>, began: number): void {
    for (const [target, order] of orders) {
      orders.delete(target);
      this.#one(target, order);
      if (performance.now() - began > budget) return;
    }
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
