// The canvas: input, and drawing when something has changed.

import { Camera, type Subject } from "./camera.ts";
import { dark, light, type Palette } from "./colours.ts";
import { compose, reachOf } from "./compose.ts";
import { flat } from "./flat.ts";
import { printable } from "./paper.ts";
import { ballAt, type Renderer, type Scene } from "./scene.ts";
import { webgl } from "./webgl.ts";
import type { Picture } from "../trajectory.ts";

const scheme = matchMedia("(prefers-color-scheme: dark)");

/** How far beside an atom a click still means it, CSS pixels. */
const slack = 12;

export class Viewer implements Subject {
  /** Called with the number of the ball that was clicked or tapped; without one, clicks mean nothing. */
  onPick: ((ball: number) => void) | undefined;
  readonly canvas = document.createElement("canvas");
  #renderer: Renderer;
  #source: (palette: Palette) => Picture = () => ({ balls: [], sticks: [] });
  readonly #camera: Camera;
  #scene: Scene | undefined; // as last drawn
  #reach = 0;
  #frame = 0;
  #patient = false;
  #rest = 0; // until when a slow machine is spared, where the caller is patient

  /** Puts a canvas into the element. With `plain` it draws without WebGL. */
  constructor(container: HTMLElement, describedBy: string, plain: boolean, camera = new Camera()) {
    const canvas = this.canvas;
    this.#camera = camera;
    camera.join(this);
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-describedby", describedBy);
    container.append(canvas);
    this.#renderer = (plain ? undefined : webgl(canvas)) ?? flat(canvas);
    this.#listen();
    printable(canvas, (target) => this.paint(target, light));
  }

  get kind(): Renderer["kind"] {
    return this.#renderer.kind;
  }

  set label(text: string) {
    this.canvas.setAttribute("aria-label", text);
  }

  get reach(): number {
    return this.#reach;
  }

  /** Draws from now on what the source gives. A patient caller comes again: where drawing is slow, the model goes first. */
  show(source: (palette: Palette) => Picture, patient = false): void {
    this.#source = source;
    this.#patient = patient;
    if (!this.#spared) this.refresh();
  }

  get #spared(): boolean {
    return this.#patient && performance.now() < this.#rest;
  }

  eased(): void {
    if (!this.#spared) this.refresh();
  }

  refresh(): void {
    if (this.#frame) return;
    const asked = performance.now();
    this.#frame = requestAnimationFrame((now) => {
      const late = performance.now() - asked;
      this.#rest = late > 30 ? asked + 6 * late : 0;
      this.#draw(now);
    });
  }

  #draw(now: number): void {
    this.#frame = 0;
    const canvas = this.canvas;
    const ratio = Math.min(devicePixelRatio, 2);
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const palette = scheme.matches ? dark : light;
    const picture = this.#source(palette);
    this.#reach = reachOf(picture);
    const settled = this.#camera.follow(now);
    this.#scene = compose(picture, this.#camera, palette);
    this.#renderer.draw(this.#scene, width, height);
    if (!settled && !this.#spared) this.refresh();
  }

  /** Paints what is shown now into another canvas, at that canvas's own size. */
  paint(target: HTMLCanvasElement, palette = scheme.matches ? dark : light): void {
    const { width, height } = target;
    Object.assign(this.canvas, { width, height });
    this.#renderer.draw(compose(this.#source(palette), this.#camera, palette), width, height);
    target.getContext("2d")!.drawImage(this.canvas, 0, 0);
    this.refresh();
  }

  /** The ball at a point of the window. */
  #ballAt(x: number, y: number): number {
    const canvas = this.canvas;
    const box = canvas.getBoundingClientRect();
    const ratio = canvas.width / box.width;
    if (!this.#scene) return -1;
    return ballAt(this.#scene, canvas.width, canvas.height, (x - box.left) * ratio, (y - box.top) * ratio, slack * ratio);
  }

  #listen(): void {
    const canvas = this.canvas;
    const fingers = new Map<number, PointerEvent>();
    const spread = () => {
      const [a, b] = [...fingers.values()];
      return a && b ? Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) : 0;
    };
    let pressed: PointerEvent | undefined; // what may become a click
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, event);
      pressed = fingers.size === 1 ? event : undefined;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) {
        canvas.classList.toggle("over-atom", !!this.onPick && this.#ballAt(event.clientX, event.clientY) >= 0);
        return;
      }
      if (pressed && Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) > 5) pressed = undefined;
      const width = spread();
      fingers.set(event.pointerId, event);
      if (fingers.size > 1) {
        if (width) this.#camera.scale(spread() / width);
      } else if (!pressed || !this.onPick) {
        this.#camera.turn((event.clientX - before.clientX) * 0.009, (event.clientY - before.clientY) * 0.009);
      }
    });
    canvas.addEventListener("pointerup", (event) => {
      const ball = pressed && this.onPick ? this.#ballAt(event.clientX, event.clientY) : -1;
      pressed = undefined;
      if (ball >= 0) this.onPick?.(ball);
    });
    for (const type of ["pointerup", "pointercancel"] as const) {
      canvas.addEventListener(type, (event) => fingers.delete(event.pointerId));
    }
    // The page scrolls under the pointer, unless the reader means the picture: with Ctrl or ⌘, or after a click on it.
    canvas.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey && !canvas.matches(":focus")) return;
      event.preventDefault();
      this.#camera.scale(Math.exp(-event.deltaY * (event.deltaMode ? 0.04 : 0.0014)));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.#renderer = webgl(canvas) ?? this.#renderer;
      this.refresh();
    });
    new ResizeObserver(() => this.refresh()).observe(canvas);
    scheme.addEventListener("change", () => this.refresh());
    this.#watchResolution();
  }

  /** A canvas of the same size on a screen of another resolution has other pixels. */
  #watchResolution(): void {
    matchMedia(`(resolution: ${devicePixelRatio}dppx)`).addEventListener("change", () => {
      this.refresh();
      this.#watchResolution();
    }, { once: true });
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const camera = this.#camera;
    const actions: Record<string, () => void> = {
      ArrowLeft: () => camera.turn(-0.12, 0),
      ArrowRight: () => camera.turn(0.12, 0),
      ArrowUp: () => camera.turn(0, -0.12),
      ArrowDown: () => camera.turn(0, 0.12),
      "+": () => camera.scale(1.15),
      "=": () => camera.scale(1.15),
      "-": () => camera.scale(1 / 1.15),
      "0": () => camera.resetZoom(),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}
