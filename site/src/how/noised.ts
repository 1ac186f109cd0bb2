// A molecule noised as in training, and the noise schedule.

import type { Bond } from "symdiff-mol";
import { models } from "virtual:model";
import { element, svg } from "../dom.ts";
import { Trajectory } from "../trajectory.ts";
import { Viewer } from "../view/viewer.ts";
import { alphaAt } from "./schedule.ts";

/** What is noised. */
export interface Subject {
  formula: string;
  elements: string[];
  /** (atoms, 3), Å. */
  positions: ArrayLike<number>;
  bonds: Bond[];
}

const T = 1000;
const [width, height, left, bottom] = [340, 240, 34, 26];

export class NoisedFigure {
  readonly #time = element<HTMLInputElement>("time");
  readonly #viewer = new Viewer(element("noised"), "noised-help", false);
  readonly #cursor = svg("line", { class: "cursor", y1: 8, y2: height - bottom });
  readonly #dots = [
    svg("circle", { class: "series-0", r: 4 }),
    svg("circle", { class: "series-1", r: 4 }),
  ];
  #molecule: Subject | undefined;
  #noise: Float32Array = new Float32Array(0);

  constructor() {
    this.#viewer.label = "No molecule yet";
    element("curves").append(this.#curves());
    this.#time.addEventListener("input", () => this.#draw());
    this.#draw();
  }

  /** Noises this molecule from now on. */
  take(molecule: Subject): void {
    this.#molecule = molecule;
    this.#noise = gaussians(molecule.elements.length);
    this.#draw();
  }

  #draw(): void {
    const t = Number(this.#time.value);
    const alpha = alphaAt(t / T);
    const sigma = Math.sqrt(1 - alpha * alpha);
    element("time-value").textContent = `${t} of ${T}`;
    this.#time.setAttribute(
      "aria-valuetext",
      `${t} of ${T}: molecule ${alpha.toFixed(2)}, noise ${sigma.toFixed(2)}`,
    );
    this.#cursor.setAttribute("x1", String(x(t)));
    this.#cursor.setAttribute("x2", String(x(t)));
    [alpha, sigma].forEach((value, k) => {
      this.#dots[k]!.setAttribute("cx", String(x(t)));
      this.#dots[k]!.setAttribute("cy", String(y(value)));
    });
    if (this.#molecule) this.#show(this.#molecule, alpha, sigma);
  }

  /** z = alpha·x + sigma·eps. The elements are given, and have no noise. */
  #show(molecule: Subject, alpha: number, sigma: number): void {
    const { elements } = models[0];
    const n = elements.length;
    const atoms = molecule.elements.length;
    const z = new Trajectory(elements, atoms, 0);
    z.add({
      index: 0,
      step: 0,
      steps: 0,
      atoms,
      positions: Float32Array.from(
        { length: 3 * atoms },
        (_, k) => alpha * molecule.positions[k]! + sigma * this.#noise[k]!,
      ),
      scores: Float32Array.from({ length: n * atoms }, (_, k) =>
        Number(elements[k % n] === molecule.elements[Math.floor(k / n)]),
      ),
      bonds: sigma < 0.1 ? molecule.bonds : [],
    });
    this.#viewer.label = `${molecule.formula} with noise: molecule ${alpha.toFixed(2)}, noise ${sigma.toFixed(2)}`;
    this.#viewer.show((palette) => z.pictureAt(0, palette));
  }

  #curves(): SVGElement {
    const points = (f: (u: number) => number) =>
      Array.from(
        { length: 101 },
        (_, k) => `${x(k * 10).toFixed(1)} ${y(f(k / 100)).toFixed(1)}`,
      ).join("L");
    const text = (content: string, attributes: Record<string, string | number>) =>
      svg("text", { class: "soft", ...attributes }, new Text(content));
    return svg(
      "svg",
      {
        viewBox: `0 0 ${width} ${height}`,
        role: "img",
        "aria-label":
          "Schedule: the share of the molecule falls from one to zero as time grows, that of the noise rises from zero to one.",
      },
      ...[0, 0.5, 1].flatMap((v) => [
        svg("line", { class: "grid", x1: left, x2: width, y1: y(v), y2: y(v) }),
        text(String(v), { x: left - 8, y: y(v) + 4, "text-anchor": "end" }),
      ]),
      text("t = 0", { x: left, y: height - 6 }),
      text(`t = ${T}`, { x: width, y: height - 6, "text-anchor": "end" }),
      svg("path", { class: "line series-0", d: `M${points(alphaAt)}` }),
      svg("path", {
        class: "line series-1",
        d: `M${points((u) => Math.sqrt(1 - alphaAt(u) ** 2))}`,
      }),
      this.#cursor,
      ...this.#dots,
    );
  }
}

const x = (t: number) => left + ((width - left) * t) / T;
const y = (value: number) => 8 + (height - bottom - 8) * (1 - value);

/** The same noise for every time: (atoms, 3), without its centre of mass. */
function gaussians(atoms: number): Float32Array {
  const uniform = () => 1 - Math.random();
  const noise = Float32Array.from(
    { length: 3 * atoms },
    () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()),
  );
  for (let c = 0; c < 3; c++) {
    let sum = 0;
    for (let i = 0; i < atoms; i++) sum += noise[3 * i + c]!;
    for (let i = 0; i < atoms; i++) noise[3 * i + c]! -= sum / atoms;
  }
  return noise;
}
