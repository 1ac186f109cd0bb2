// The figure of a toy in the plane, plain and symmetrised.

import { element, make, svg } from "../dom.ts";
import { failure, symmetrised, toy, triangle, turn, type Map, type Point } from "./symmetrised.ts";

/** The draw of R that the figure shows; coupled, it rotates along with the input. */
const draw = 2.1;

export class ToyFigure {
  readonly #angle = element<HTMLInputElement>("angle");

  constructor() {
    this.#angle.addEventListener("input", () => this.#draw());
    this.#draw();
  }

  #draw(): void {
    const degrees = Number(this.#angle.value);
    const angle = (degrees * Math.PI) / 180;
    element("angle-value").textContent = `${degrees}°`;
    element("toy-panels").replaceChildren(
      panel("Plain", toy, toy, angle),
      panel("Symmetrised", symmetrised(draw), symmetrised(draw + angle), angle),
    );
  }
}

/** Input, arrows and output of a map f, which for the rotated input is fh. */
function panel(title: string, f: Map, fh: Map, angle: number): HTMLElement {
  const input = turn(triangle, angle);
  const output = fh(input);
  const wanted = turn(f(triangle), angle);
  const off = failure(f, fh, angle);
  const verdict = off < 1e-9 ? "rotates along" : `off by ${off.toFixed(2)}`;
  const at = ([x, y]: Point) => `${(100 + 62 * x).toFixed(1)} ${(100 - 62 * y).toFixed(1)}`;
  const path = (points: Point[]) => `M${points.map(at).join("L")}z`;
  return make(
    "div",
    {},
    make("p", { className: "over" }, `${title}: ${verdict}`),
    svg(
      "svg",
      {
        viewBox: "0 0 200 200",
        role: "img",
        "aria-label": `${title} toy, input rotated: the output ${verdict}.`,
      },
      svg("path", { class: "shape", d: path(wanted) }),
      svg("path", { class: "moved", d: path(output) }),
      ...input.map((p, i) => svg("path", { class: "arrow", d: `M${at(p)}L${at(output[i]!)}` })),
      ...input.map(([x, y]) =>
        svg("circle", { class: "point", cx: 100 + 62 * x, cy: 100 - 62 * y, r: 4 }),
      ),
    ),
  );
}
