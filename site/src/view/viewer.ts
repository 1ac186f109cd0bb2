// The canvas: camera, input, and drawing when something has changed.

import { dark, light, type Palette } from "./colours.ts";
import { flat } from "./flat.ts";
import { halfAngle, type Renderer, type Scene, type Stick, type Vec3 } from "./scene.ts";
import { webgl } from "./webgl.ts";
import type { Picture } from "../trajectory.ts";

type Matrix = [Vec3, Vec3, Vec3];

const scheme = matchMedia("(prefers-color-scheme: dark)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/** Bounds of the radius that the camera shows, Å: a lone atom stays small, and one that has flown off is left outside. */
const [nearest, farthest] = [2.6, 40];

export class Viewer {
  readonly #canvas = document.createElement("canvas");
  #renderer: Renderer;
  #source: (palette: Palette) => Picture = () => ({ balls: [], sticks: [] });
  #rotation: Matrix = turned(turned(identity(), 0.5, 1), -0.35, 0);
  #zoom = 1;
  #extent = 0; // radius that the camera shows, follows the picture
  #frame = 0;
  #time = 0;
  #patient = false;
  #rest = 0; // until when a slow machine is spared, where the caller is patient

  /** Puts a canvas into the element. With `plain` it draws without WebGL. */
  constructor(container: HTMLElement, describedBy: string, plain: boolean) {
    const canvas = this.#canvas;
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-describedby", describedBy);
    container.append(canvas);
    this.#renderer = (plain ? undefined : webgl(canvas)) ?? flat(canvas);
    this.#listen();
  }

  get kind(): Renderer["kind"] {
    return this.#renderer.kind;
  }

  set label(text: string) {
    this.#canvas.setAttribute("aria-label", text);
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
    const canvas = this.#canvas;
    const ratio = Math.min(devicePixelRatio, 2);
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const palette = scheme.matches ? dark : light;
    const picture = this.#source(palette);
    const settled = this.#follow(picture, now);
    this.#renderer.draw(this.#scene(picture, palette), width, height);
    if (!settled && !this.#spared) this.refresh();
  }

  /** Moves the camera's distance towards what the picture needs; true when it is there. */
  #follow(picture: Picture, now: number): boolean {
    const radii = picture.balls.map(({ at, radius }) => Math.hypot(...at) + radius);
    const wanted = 1.15 * Math.min(farthest, Math.max(nearest, ...radii));
    const elapsed = Math.min(100, now - this.#time);
    this.#time = now;
    const rate = calm.matches || this.#extent === 0 ? 1 : 1 - Math.exp(-elapsed / 350);
    this.#extent += (wanted - this.#extent) * rate;
    return Math.abs(wanted - this.#extent) < 0.005;
  }

  #scene({ balls, sticks }: Picture, palette: Palette): Scene {
    const place = (p: Vec3) => apply(this.#rotation, p);
    return {
      balls: balls.map((ball) => ({ ...ball, at: place(ball.at) })),
      sticks: sticks.flatMap((s) => strands({ ...s, from: place(s.from), to: place(s.to) })),
      distance: this.#extent / Math.sin(halfAngle) / this.#zoom,
      extent: this.#extent,
      fog: palette.fog,
    };
  }

  #turn(dx: number, dy: number): void {
    this.#rotation = turned(turned(this.#rotation, dx, 1), dy, 0);
    this.refresh();
  }

  #scale(factor: number): void {
    this.#zoom = Math.min(2.6, Math.max(0.4, this.#zoom * factor));
    this.refresh();
  }

  #listen(): void {
    const canvas = this.#canvas;
    const fingers = new Map<number, PointerEvent>();
    const spread = () => {
      const [a, b] = [...fingers.values()];
      return a && b ? Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY) : 0;
    };
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, event);
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const width = spread();
      fingers.set(event.pointerId, event);
      if (fingers.size === 1) this.#turn((event.clientX - before.clientX) * 0.009, (event.clientY - before.clientY) * 0.009);
      else if (width) this.#scale(spread() / width);
    });
    for (const type of ["pointerup", "pointercancel"] as const) {
      canvas.addEventListener(type, (event) => fingers.delete(event.pointerId));
    }
    canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      this.#scale(Math.exp(-event.deltaY * (event.deltaMode ? 0.04 : 0.0014)));
    }, { passive: false });
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.#renderer = webgl(canvas) ?? this.#renderer;
      this.refresh();
    });
    new ResizeObserver(() => this.refresh()).observe(canvas);
    scheme.addEventListener("change", () => this.refresh());
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const actions: Record<string, () => void> = {
      ArrowLeft: () => this.#turn(-0.12, 0),
      ArrowRight: () => this.#turn(0.12, 0),
      ArrowUp: () => this.#turn(0, -0.12),
      ArrowDown: () => this.#turn(0, 0.12),
      "+": () => this.#scale(1.15),
      "=": () => this.#scale(1.15),
      "-": () => this.#scale(1 / 1.15),
      "0": () => this.#scale(1 / this.#zoom),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}

/** A bond as one to three sticks side by side, turned so that the reader sees them all. */
function strands({ from, to, radius, colour, order }: Stick & { order: number }): Stick[] {
  if (order < 2) return [{ from, to, radius, colour }];
  const [x, y] = [to[0] - from[0], to[1] - from[1]];
  const flatLength = Math.hypot(x, y);
  const side: Vec3 = flatLength > 1e-3 ? [-y / flatLength, x / flatLength, 0] : [1, 0, 0];
  const thin = radius * (order === 2 ? 0.68 : 0.55);
  const gap = order === 2 ? 0.11 : 0.17;
  const offsets = order === 2 ? [-gap, gap] : [-gap, 0, gap];
  return offsets.map((o) => ({ from: add(from, side, o), to: add(to, side, o), radius: thin, colour }));
}

function identity(): Matrix {
  return [[1, 0, 0], [0, 1, 0], [0, 0, 1]];
}

function add(p: Vec3, q: Vec3, k: number): Vec3 {
  return [p[0] + k * q[0], p[1] + k * q[1], p[2] + k * q[2]];
}

function apply(m: Matrix, p: Vec3): Vec3 {
  return m.map((row) => row[0] * p[0] + row[1] * p[1] + row[2] * p[2]) as Vec3;
}

/** m followed by a rotation about the camera's x axis (0) or y axis (1), made orthonormal again. */
function turned(m: Matrix, angle: number, axis: 0 | 1): Matrix {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const r: Matrix = axis === 0 ? [[1, 0, 0], [0, c, -s], [0, s, c]] : [[c, 0, s], [0, 1, 0], [-s, 0, c]];
  const columns = [0, 1, 2].map((k) => apply(r, [m[0][k]!, m[1][k]!, m[2][k]!]));
  const rows = [0, 1, 2].map((k) => columns.map((column) => column[k]!) as Vec3) as Matrix;
  return orthonormal(rows);
}

/** Gram-Schmidt on rows: thousands of small turns must not shear the molecule. */
function orthonormal([a, b]: Matrix): Matrix {
  const unit = (v: Vec3) => add([0, 0, 0], v, 1 / Math.hypot(...v));
  const x = unit(a);
  const y = unit(add(b, x, -(b[0] * x[0] + b[1] * x[1] + b[2] * x[2])));
  return [x, y, [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0]]];
}
