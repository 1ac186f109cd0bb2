// The canvas: input, and drawing when something has changed. Pictures come from the page's one
// renderer (shared.ts).

import { Camera, type Subject } from "./camera.ts";
import { dark, light, type Palette } from "./colours.ts";
import { compose, reachOf, type Representation } from "./compose.ts";
import { measured } from "./measure.ts";
import { inTheDark, onResolution, onScheme } from "./media.ts";
import { annotate, type Notes } from "./overlay.ts";
import { printable } from "./paper.ts";
import { ballAt, type Renderer, type Scene } from "./scene.ts";
import { onContext, sharedRenderer } from "./shared.ts";
import type { Picture } from "../trajectory.ts";

/** How far beside an atom a click still means it, CSS pixels. */
const slack = 12;

/** How long a hint stays, ms. */
const hintTime = 1800;

/** Of a picture that turns by itself, radians per second. */
const spinRate = 0.6;

/** The largest side of a picture as a file, pixels. */
const largest = 8192;
/** A machine is slow if a picture takes longer than this, ms: 60 pictures a second. */
const frame = 1000 / 60;

export class Viewer implements Subject {
  /** Called with the number of the ball that was clicked or tapped; without one, clicks measure. */
  onPick: ((ball: number) => void) | undefined;
  /** Called with what is measured, such as "C1–C2 1.54 Å"; empty when measuring ends. */
  onMeasure: ((text: string) => void) | undefined;
  readonly canvas = document.createElement("canvas");
  readonly #context: CanvasRenderingContext2D;
  #plain: boolean;
  #source: (palette: Palette) => Picture = () => ({ balls: [], sticks: [] });
  readonly #camera: Camera;
  #representation: Representation = "ball-and-stick";
  #scene: Scene | undefined; // as last drawn
  #picture: Picture = { balls: [], sticks: [] }; // of which it was drawn
  #reach = 0;
  #frame = 0;
  #patient = false;
  #rest = 0; // until when a slow machine is spared, where the caller is patient
  #seen = true; // whether the canvas is within the window
  #spin = false;
  #spun = 0; // when it was last turned by itself
  #held = false; // by a pointer
  #armed = false; // whether the wheel and swipes are the picture's, since it was clicked
  #hovered = -1;
  #chosen: number[] = []; // balls between which is measured
  #hint = "";
  #hintEnds: ReturnType<typeof setTimeout> | undefined;
  readonly #ends: (() => void)[] = [];
  readonly #sizes = new ResizeObserver(() => this.refresh());
  readonly #sight = new IntersectionObserver((entries) => {
    this.#seen = entries.at(-1)!.isIntersecting;
    if (this.#seen) this.refresh();
  });

  /** Puts a canvas into the element. With `plain` it draws without WebGL. */
  constructor(container: HTMLElement, describedBy: string, plain: boolean, camera = new Camera()) {
    const canvas = this.canvas;
    this.#camera = camera;
    this.#plain = plain;
    camera.join(this);
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-describedby", describedBy);
    canvas.style.color = "CanvasText"; // tells whether the surrounding is dark
    container.append(canvas);
    this.#context = canvas.getContext("2d")!;
    this.#arm(false);
    this.#listen();
    this.start();
  }

  /**
   * Follows what happens around the canvas: its size, the screen, the colour scheme. A viewer
   * begins so.
   */
  start(): void {
    if (this.#ends.length) return;
    const refresh = () => this.refresh();
    this.#sizes.observe(this.canvas);
    this.#sight.observe(this.canvas);
    this.#ends.push(
      onScheme(refresh),
      onResolution(refresh),
      onContext(refresh),
      printable(this.canvas, (target) => this.paint(target, light)),
    );
    this.refresh();
  }

  /** Ends that, for a viewer that has left the page; what it shows stays. */
  stop(): void {
    for (const end of this.#ends.splice(0)) end();
    this.#sizes.disconnect();
    this.#sight.disconnect();
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }

  get kind(): Renderer["kind"] {
    return this.#renderer.kind;
  }

  get #renderer(): Renderer {
    return sharedRenderer(this.#plain);
  }

  /** Whether it draws without WebGL. */
  set plain(plain: boolean) {
    this.#plain = plain;
    this.refresh();
  }

  set label(text: string) {
    this.canvas.setAttribute("aria-label", text);
  }

  get reach(): number {
    return this.#reach;
  }

  get representation(): Representation {
    return this.#representation;
  }

  set representation(how: Representation) {
    this.#representation = how;
    this.refresh();
  }

  /** Whether the picture turns by itself. */
  get spin(): boolean {
    return this.#spin;
  }

  set spin(on: boolean) {
    this.#spin = on;
    this.#spun = 0;
    this.refresh();
  }

  /**
   * Draws from now on what the source gives. A patient caller comes again: where drawing is slow,
   * the model goes first.
   */
  show(source: (palette: Palette) => Picture, patient = false): void {
    this.#source = source;
    this.#patient = patient;
    if (!this.#spared) this.refresh();
  }

  /**
   * Begins anew with another molecule, seen from the broad side of its atoms (n, 3), where they are
   * known.
   */
  open(points?: ArrayLike<number>): void {
    this.#choose([]);
    if (points) this.face(points);
  }

  /** Turns to the broad side of atoms (n, 3); slowly where the reader is looking. */
  face(points: ArrayLike<number>, slowly = false): void {
    this.#camera.face(points, slowly);
  }

  get #spared(): boolean {
    return this.#patient && performance.now() < this.#rest;
  }

  eased(): void {
    if (!this.#spared) this.refresh();
  }

  refresh(): void {
    if (this.#frame || !this.#seen || !this.#ends.length) return;
    const asked = performance.now();
    this.#frame = requestAnimationFrame((now) => {
      const begun = performance.now();
      this.#draw(now);
      const over = performance.now();
      const slow = Math.max(begun - asked - frame, over - begun);
      this.#rest = slow > frame ? over + 6 * slow : 0;
    });
  }

  #draw(now: number): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    const canvas = this.canvas;
    const ratio = Math.min(devicePixelRatio, 2);
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height)
      Object.assign(canvas, { width, height });
    const palette = this.#palette;
    this.#picture = this.#source(palette);
    this.#reach = reachOf(this.#picture, this.#representation);
    const turning = this.#turnOn(now);
    const settled = this.#camera.follow(now);
    this.#scene = compose(this.#picture, this.#camera, palette, this.#representation);
    this.#context.clearRect(0, 0, width, height);
    this.#renderer.draw(this.#context, this.#scene, width, height);
    annotate(this.#context, this.#scene, this.#notes(), palette, width, height, ratio);
    if (turning || (!settled && !this.#spared)) this.refresh();
  }

  get #palette(): Palette {
    return inTheDark(this.canvas) ? dark : light;
  }

  /** Turns by itself what has passed since the last picture; whether it goes on. */
  #turnOn(now: number): boolean {
    if (!this.#spin) return false;
    const elapsed = this.#spun ? Math.min(100, now - this.#spun) : 0;
    this.#spun = now;
    if (!this.#held && elapsed) this.#camera.turn((spinRate * elapsed) / 1000, 0);
    return true;
  }

  #notes(): Notes {
    const { balls, wrong = [] } = this.#picture;
    const points = this.#chosen
      .map((i) => balls[i]?.at ?? ([0, 0, 0] as const))
      .map(([x, y, z]) => [x, y, z] as [number, number, number]);
    return {
      wrong,
      chosen: this.#chosen,
      points,
      hovered: this.#hovered,
      name: this.#name(this.#hovered),
      hint: this.#hint,
    };
  }

  /** Such as C5; atoms count from 1, as in files. */
  #name(ball: number): string {
    const symbol = this.#picture.symbols?.[ball];
    return symbol ? `${symbol}${ball + 1}` : "";
  }

  /**
   * Paints what is shown now over what another canvas holds, at that canvas's own size. The page
   * draws nothing out of sight, so the camera is moved here: in a film as on the page, else to
   * where all is seen.
   */
  paint(target: HTMLCanvasElement, palette = this.#palette, film = false): void {
    const { width, height } = target;
    const picture = this.#source(palette);
    this.#reach = reachOf(picture, this.#representation);
    this.#camera.follow(performance.now(), !film);
    const scene = compose(picture, this.#camera, palette, this.#representation);
    this.#renderer.draw(target.getContext("2d")!, scene, width, height);
  }

  /**
   * The picture as a PNG file without background, `scale` times as large as on the page, with what
   * is measured.
   */
  async png(scale: number): Promise<Blob> {
    const { clientWidth, clientHeight } = this.canvas;
    const factor = Math.min(scale, largest / Math.max(clientWidth, clientHeight, 1));
    const canvas = Object.assign(document.createElement("canvas"), {
      width: Math.round(factor * clientWidth),
      height: Math.round(factor * clientHeight),
    });
    this.paint(canvas);
    if (this.#scene) {
      const notes = { ...this.#notes(), hovered: -1, hint: "" };
      annotate(
        canvas.getContext("2d")!,
        this.#scene,
        notes,
        this.#palette,
        canvas.width,
        canvas.height,
        factor,
      );
    }
    this.refresh();
    const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, "image/png"));
    if (!blob) throw new Error("the picture could not be encoded");
    return blob;
  }

  /** The ball at a point of the window. */
  #ballAt(x: number, y: number): number {
    const canvas = this.canvas;
    const box = canvas.getBoundingClientRect();
    const ratio = canvas.width / box.width;
    if (!this.#scene) return -1;
    return ballAt(
      this.#scene,
      canvas.width,
      canvas.height,
      (x - box.left) * ratio,
      (y - box.top) * ratio,
      slack * ratio,
    );
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
      this.#held = true;
      pressed = fingers.size === 1 ? event : undefined;
    });
    canvas.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) {
        if (event.pointerType !== "touch") this.#hover(this.#ballAt(event.clientX, event.clientY));
        return;
      }
      if (
        pressed &&
        Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) > 5
      )
        pressed = undefined;
      const width = spread();
      fingers.set(event.pointerId, event);
      if (fingers.size > 1) {
        if (width) this.#camera.scale(spread() / width);
      } else if (!pressed) {
        this.#camera.turn(
          (event.clientX - before.clientX) * 0.009,
          (event.clientY - before.clientY) * 0.009,
        );
      }
    });
    canvas.addEventListener("pointerup", (event) => {
      if (pressed) this.#click(this.#ballAt(event.clientX, event.clientY));
      pressed = undefined;
    });
    for (const type of ["pointerup", "pointercancel"] as const) {
      canvas.addEventListener(type, (event) => {
        fingers.delete(event.pointerId);
        this.#held = fingers.size > 0;
      });
    }
    canvas.addEventListener("pointerleave", (event) => {
      this.#hover(-1);
      if (event.pointerType !== "touch") this.#arm(false);
    });
    canvas.addEventListener("blur", () => this.#arm(false));
    canvas.addEventListener(
      "wheel",
      (event) => {
        if (event.ctrlKey || event.metaKey || this.#armed) {
          event.preventDefault();
          this.#camera.scale(
            Math.exp(-event.deltaY * (event.deltaMode ? 0.04 : event.ctrlKey ? 0.006 : 0.0014)),
          );
        } else
          this.#tell(
            /Mac|iP/.test(navigator.platform)
              ? "⌘ + wheel zooms, or click first"
              : "Ctrl + wheel zooms, or click first",
          );
      },
      { passive: false },
    );
    canvas.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Gives wheel and swipes to the picture after a click, and back to the page. */
  #arm(armed: boolean): void {
    this.#armed = armed;
    this.canvas.style.touchAction = armed ? "none" : "pan-y";
  }

  #hover(ball: number): void {
    this.canvas.classList.toggle("over-atom", ball >= 0);
    if (ball === this.#hovered) return;
    this.#hovered = ball;
    this.refresh();
  }

  #click(ball: number): void {
    this.#arm(true);
    if (this.#hint) this.#tell("");
    if (this.onPick) {
      if (ball >= 0) this.onPick(ball);
    } else if (ball < 0 || this.#chosen.includes(ball)) this.#choose([]);
    else this.#choose([...(this.#chosen.length < 4 ? this.#chosen : []), ball]);
  }

  #choose(balls: number[]): void {
    if (!balls.length && !this.#chosen.length) return;
    this.#chosen = balls;
    const points = balls.map((i) => this.#picture.balls[i]!.at);
    this.onMeasure?.(
      measured(
        points,
        balls.map((i) => this.#name(i)),
      ),
    );
    this.refresh();
  }

  /** Shows a hint for a while. */
  #tell(hint: string): void {
    clearTimeout(this.#hintEnds);
    if (hint) this.#hintEnds = setTimeout(() => this.#tell(""), hintTime);
    if (hint === this.#hint) return;
    this.#hint = hint;
    this.refresh();
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
      ...(this.#chosen.length && { Escape: () => this.#choose([]) }),
    };
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  }
}
