// Three axes, turned by H, that can be taken and turned. The sliders do the same by keyboard, so
// this is for pointers alone.

import { svg } from "../dom.ts";
import type { Camera, Subject } from "../view/camera.ts";
import type { Vec3 } from "../view/scene.ts";
import { about, identity, product, transpose, type Orthogonal } from "./orthogonal.ts";

const names = ["x", "y", "z"] as const;
const length = 34;

export class Gizmo implements Subject {
  readonly reach = 0;
  readonly #camera: Camera;
  readonly #drawing = svg("svg", {
    viewBox: "-50 -50 100 100",
    "aria-hidden": "true",
    class: "gizmo",
  });
  #h: Orthogonal = identity;
  /** Called while H is dragged, and once at the end. */
  onTurn: (h: Orthogonal, done: boolean) => void = () => {};

  constructor(container: Element, camera: Camera) {
    this.#camera = camera;
    container.append(this.#drawing);
    camera.join(this);
    this.#listen();
    this.refresh();
  }

  set matrix(h: Orthogonal) {
    this.#h = h;
    this.refresh();
  }

  refresh(): void {
    const place = (h: Orthogonal, k: number) =>
      this.#camera.place([...h.slice(3 * k, 3 * k + 3)] as Vec3);
    const ghosts = names.map((_, k) => ({ at: place(identity, k), k, ghost: true }));
    const axes = names.map((_, k) => ({ at: place(this.#h, k), k, ghost: false }));
    const parts = [...ghosts, ...axes.sort((a, b) => a.at[2] - b.at[2])].flatMap(
      ({ at, k, ghost }) => {
        const [x, y] = [length * at[0], -length * at[1]];
        const line = svg("line", {
          x1: 0,
          y1: 0,
          x2: x,
          y2: y,
          class: ghost ? "ghost" : `axis ${names[k]}`,
        });
        if (ghost) return [line];
        const tip = svg("circle", { cx: x, cy: y, r: 7, class: `tip ${names[k]}` });
        const label = svg("text", { x, y: y + 3.2, "text-anchor": "middle" });
        label.textContent = names[k]!;
        return [line, tip, label];
      },
    );
    this.#drawing.replaceChildren(svg("circle", { r: 46, class: "disc" }), ...parts);
  }

  #listen(): void {
    const drawing = this.#drawing;
    let last: PointerEvent | undefined;
    drawing.addEventListener("pointerdown", (event) => {
      drawing.setPointerCapture(event.pointerId);
      last = event;
    });
    drawing.addEventListener("pointermove", (event) => {
      if (!last) return;
      const [dx, dy] = [event.clientX - last.clientX, event.clientY - last.clientY];
      last = event;
      this.#drag(dx * 1.1, dy * 1.1);
      this.onTurn(this.#h, false);
    });
    for (const type of ["pointerup", "pointercancel"] as const) {
      drawing.addEventListener(type, () => {
        if (last) this.onTurn(this.#h, true);
        last = undefined;
      });
    }
  }

  /** Turns H about the axes of the screen, by degrees to the right and down. */
  #drag(right: number, down: number): void {
    const screen: Orthogonal = [0, 1, 2].flatMap((k) =>
      this.#camera.place(identity.slice(3 * k, 3 * k + 3) as unknown as Vec3),
    );
    const step = product(about(1, right), about(0, down));
    this.matrix = product(product(product(this.#h, screen), step), transpose(screen));
  }
}
