// The drawing of a family tree: a line for each run, from the step where it branches off to the
// molecule at its end.

import type { Molecule } from "symdiff-mol";
import { make, svg } from "../dom.ts";
import { formulaNodes } from "../format.ts";
import type { Run as Made } from "../run.ts";
import { Thumbnails } from "../view/thumbnails.ts";
import { likeness } from "./likeness.ts";
import { path, rows, type Family } from "./tree.ts";

const rowHeight = 68;
const width = 1000;

interface Shown {
  family: Family;
  at: number;
  steps: number;
  made: ReadonlyMap<number, Made>;
}

export class FamilyView {
  readonly #container: HTMLElement;
  readonly #thumbnails = new Thumbnails();
  readonly #lines = svg("svg", {
    "aria-hidden": "true",
    class: "lines",
    preserveAspectRatio: "none",
  });
  readonly #now = svg("line", { class: "now", y1: 0 });
  readonly #list = make("ol");
  #steps = 1;
  onOpen: (node: number) => void = () => {};
  onPrune: (node: number) => void = () => {};

  constructor(container: HTMLElement) {
    this.#container = container;
    container.append(this.#lines, this.#list);
  }

  draw({ family, at, steps, made }: Shown): void {
    this.#steps = steps;
    const row = rows(family);
    const order = row.map((_, node) => node).sort((a, b) => row[a]! - row[b]!);
    this.#container.hidden = made.size === 0 && family.length === 0;
    this.#drawLines(family, row, at);
    const focused = this.#list.contains(document.activeElement)
      ? (document.activeElement as HTMLElement).dataset["node"]
      : undefined;
    this.#list.replaceChildren(...order.map((node) => this.#row(node, family, at, made)));
    if (focused) this.#list.querySelector<HTMLElement>(`[data-node="${focused}"]`)?.focus();
  }

  /** Marks the step that is shown. */
  set step(step: number) {
    const x = (width * step) / this.#steps;
    for (const key of ["x1", "x2"]) this.#now.setAttribute(key, String(x));
  }

  #drawLines(family: Family, row: readonly number[], at: number): void {
    const height = rowHeight * row.length;
    const x = (step: number) => (width * step) / this.#steps;
    const y = (node: number) => rowHeight * (row[node]! + 0.5);
    const start = (node: number) => (node ? x(family[node - 1]!.step) : 0);
    const trunk = row.map((_, node) => {
      const up = node ? `M${start(node)} ${y(family[node - 1]!.parent)}V${y(node)}` : "";
      return svg("path", { d: `${up}M${start(node)} ${y(node)}H${width}` });
    });
    // The way from the noise to the molecule that is shown.
    let way = `M0 ${y(0)}`;
    for (const { step, node } of ancestry(family, at)) way += `H${x(step)}V${y(node)}`;
    this.#now.setAttribute("y2", String(height));
    this.#lines.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.#lines.setAttribute("height", String(height));
    this.#lines.replaceChildren(
      this.#now,
      ...trunk,
      svg("path", { d: `${way}H${width}`, class: "way" }),
    );
  }

  #row(node: number, family: Family, at: number, made: ReadonlyMap<number, Made>): HTMLLIElement {
    const run = made.get(node);
    const branching = family[node - 1];
    const origin = branching ? `From step ${branching.step}` : "The first run";
    const kept =
      run && branching ? kinship(made.get(branching.parent)?.molecule, run.molecule) : "";
    const canvas = make("canvas", { width: 120, height: 104 });
    canvas.setAttribute("aria-hidden", "true");
    const button = make(
      "button",
      { type: "button", className: "node" },
      canvas,
      make(
        "span",
        { className: "name" },
        ...(run ? formulaNodes(run.molecule.formula) : ["Not made yet"]),
      ),
      make("span", { className: "marks" }, ...(run ? marks(run.molecule) : [])),
      make(
        "span",
        { className: "origin" },
        ...(kept ? [make("span", { className: "from" }, `${origin}, `), kept] : [origin]),
      ),
    );
    button.dataset["node"] = String(node);
    if (branching) button.title = `Seed ${branching.seed}`;
    if (node === at) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => this.onOpen(node));
    if (run)
      this.#thumbnails.draw(canvas, (palette) =>
        run.trajectory.pictureAt(run.trajectory.length - 1, palette),
      );
    const prune = make("button", {
      type: "button",
      className: "plain prune",
      textContent: "×",
      title: "Remove this branch",
    });
    prune.setAttribute("aria-label", `Remove the branch ${origin.toLowerCase()}`);
    prune.addEventListener("click", () => this.onPrune(node));
    return make("li", {}, button, ...(node ? [prune] : []));
  }
}

/** Branchings on the way to a node, with the node that each begins. */
function ancestry(family: Family, node: number): { step: number; node: number }[] {
  const nodes: number[] = [];
  for (let at = node; at > 0; at = family[at - 1]!.parent) nodes.unshift(at);
  return path(family, node).map(({ step }, k) => ({ step, node: nodes[k]! }));
}

/** What a molecule has kept of its parent. */
function kinship(parent: Molecule | undefined, child: Molecule): string {
  const alike = parent && likeness(parent, child);
  if (!alike) return "";
  return alike.bonds === alike.ofBonds && alike.atoms === alike.of
    ? "all bonds kept"
    : `${alike.bonds} of ${alike.ofBonds} bonds kept`;
}

/** Stable and connected, in words and colour. */
export function marks(molecule: Molecule): HTMLElement[] {
  const mark = (good: boolean, text: string) =>
    make("span", { className: good ? "good" : "poor", textContent: text });
  return [
    mark(molecule.stable, molecule.stable ? "stable" : "not stable"),
    ...(molecule.connected ? [] : [mark(false, "in pieces")]),
  ];
}
