// Molecules made around atoms that were kept, and how often that went well.

import type { Molecule } from "symdiff-mol";
import type { Model } from "virtual:model";
import { make } from "../dom.ts";
import { formulaNodes } from "../format.ts";
import { Thumbnails } from "../view/thumbnails.ts";
import { Trajectory, type Picture } from "../trajectory.ts";
import { countText } from "../tally.ts";
import { marks } from "./family.ts";

export interface Remake {
  molecule: Molecule;
  trajectory: Trajectory;
  /** Number of atoms that were kept: the first ones. */
  kept: number;
  index: number;
}

/** A picture with a rim around some atoms. */
export function marked(picture: Picture, atoms: (ball: number) => boolean): Picture {
  return {
    ...picture,
    balls: picture.balls.map((ball, i) => (atoms(i) ? { ...ball, mark: 1 } : ball)),
  };
}

export class Gallery {
  readonly #list: HTMLElement;
  readonly #thumbnails = new Thumbnails();
  #open: Remake | undefined;
  onOpen: (remake: Remake) => void = () => {};

  constructor(list: HTMLElement) {
    this.#list = list;
  }

  clear(): void {
    this.#list.replaceChildren();
    this.#open = undefined;
  }

  add(remake: Remake): void {
    const { molecule, trajectory, kept, index } = remake;
    const canvas = make("canvas", { width: 264, height: 208 });
    canvas.setAttribute("aria-hidden", "true");
    const button = make(
      "button",
      { type: "button", className: "card" },
      canvas,
      make("span", { className: "name" }, ...formulaNodes(molecule.formula)),
      make("span", { className: "marks" }, ...marks(molecule)),
    );
    button.title = `Molecule ${index}`;
    button.addEventListener("click", () => {
      this.#list.querySelector("[aria-current]")?.removeAttribute("aria-current");
      button.setAttribute("aria-current", "true");
      this.#open = remake;
      this.onOpen(remake);
    });
    this.#thumbnails.draw(canvas, (palette) =>
      marked(trajectory.pictureAt(trajectory.length - 1, palette), (i) => i < kept),
    );
    // Two workers finish in any order; the list is by number.
    const place = make("li", {}, button);
    place.dataset["index"] = String(index);
    this.#list.insertBefore(
      place,
      [...this.#list.children].find((li) => Number((li as HTMLElement).dataset["index"]) > index) ??
        null,
    );
  }

  get open(): Remake | undefined {
    return this.#open;
  }

  /** The base molecule is shown instead. */
  close(): void {
    this.#list.querySelector("[aria-current]")?.removeAttribute("aria-current");
    this.#open = undefined;
  }
}

/** What went well: every atom has its usual bonds, and there is one piece. */
export function well(m: Molecule): boolean {
  return m.stable && m.connected;
}

export function sessionText(now: readonly Molecule[], all: readonly Molecule[]): string {
  const part = (molecules: readonly Molecule[]) =>
    countText(molecules.filter(well).length, molecules.length);
  const text = `With these atoms fixed, ${part(now)} are stable and in one piece.`;
  return all.length > now.length
    ? `${text} In this visit, over all choices of atoms: ${part(all)}.`
    : text;
}

/** What came of molecules that were noised to the time t. */
export function likeText(now: readonly Molecule[], t: number): string {
  return `The molecule was noised to t = ${t} and denoised anew. ${countText(now.filter(well).length, now.length)} are stable and in one piece.`;
}

/** What it means to keep atoms. */
export function keepText({ fragmentConditional }: Pick<Model, "fragmentConditional">): string {
  return fragmentConditional
    ? "The model was trained with fixed atoms. At each step it gets their relative positions without noise. It finds where they lie in the molecule, and generates the atoms around them."
    : "This model was not trained with fixed atoms. Choose qm9-web.";
}

const taskNames = { heavy: "With all atoms but hydrogens fixed", half: "With one half fixed" };

export function measuredText({ keep, name }: Model): string {
  if (!keep.length) return `Not measured for the weights ${name}.`;
  const rates = keep
    .map(({ task, well, molecules }) => `${taskNames[task]}: ${countText(well, molecules)}`)
    .join(". ");
  const { steps, bases, each } = keep[0]!;
  return `Measured on ${bases} stable molecules of the model, ${each} ${each === 1 ? "run" : "runs"} each, with the same formula in ${steps} steps. The rates are of stable molecules in one piece, with 95 % intervals. ${rates}.`;
}
