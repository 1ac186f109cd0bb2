// The table of a comparison.

import type { Molecule } from "symdiff-mol";
import { models, type Model } from "virtual:model";
import { make } from "../dom.ts";
import { formulaNodes } from "../format.ts";
import { learnsGamma, type Kernel } from "../kernel.ts";
import { methodNames } from "../settings.ts";
import { likeness } from "./likeness.ts";
import type { Run } from "./state.ts";

const kernelNames: Record<Kernel, string> = {
  learned: "Learned",
  released: "Learned, in the published code's order",
  haar: "Haar",
  none: "Off, the plain transformer",
};

/** The name of a kernel of a model. */
export function kernelName(kernel: Kernel, model: Model | undefined): string {
  return kernel === "learned" && model && !learnsGamma(model)
    ? "As trained (Haar)"
    : kernelNames[kernel];
}

export interface Side {
  settings: Omit<Run, "seed" | "atoms" | "formula">;
  model: string;
  molecule?: Molecule;
  seconds?: number;
}

const yes = (good: boolean) =>
  make("span", { className: good ? "good" : "poor", textContent: good ? "yes" : "no" });

export function drawTable(table: HTMLElement, left: Side, right: Side): void {
  const row = (name: string, cell: (side: Side) => (Node | string)[]) => {
    const differs = JSON.stringify(cell(left).map(text)) !== JSON.stringify(cell(right).map(text));
    return make(
      "tr",
      { className: differs ? "differs" : "" },
      make("th", { scope: "row", textContent: name }),
      make("td", {}, ...cell(left)),
      make("td", {}, ...cell(right)),
    );
  };
  const of =
    (tell: (m: Molecule) => (Node | string)[]) =>
    ({ molecule }: Side) =>
      molecule ? tell(molecule) : ["–"];
  table.replaceChildren(
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        make("td"),
        make("th", { scope: "col", textContent: "Left" }),
        make("th", { scope: "col", textContent: "Right" }),
      ),
    ),
    make(
      "tbody",
      {},
      row("Model", ({ model }) => [model]),
      row("Sampler", ({ settings }) => [methodNames[settings.method]]),
      row("Start", ({ settings }) => [`t = ${settings.start}`]),
      row("Steps", ({ settings }) => [String(settings.steps)]),
      row("γ", ({ settings, model }) => [
        kernelName(
          settings.kernel,
          models.find(({ name }) => name === model),
        ),
      ]),
      row(
        "Formula",
        of((m) => formulaNodes(m.formula)),
      ),
      row(
        "Stable",
        of((m) => [
          yes(m.stable),
          ` ${m.stableAtoms.filter(Boolean).length} of ${m.elements.length} atoms`,
        ]),
      ),
      row(
        "One piece",
        of((m) => [yes(m.connected), ...(m.connected ? [] : [` ${m.fragments} pieces`])]),
      ),
      row(
        "Valid",
        of((m) => [yes(m.valid)]),
      ),
      row("Time", ({ seconds }) => [seconds === undefined ? "–" : `${seconds.toFixed(2)} s`]),
    ),
    make(
      "tfoot",
      {},
      make(
        "tr",
        {},
        make("th", { scope: "row", textContent: "In common" }),
        make("td", { colSpan: 2, textContent: common(left.molecule, right.molecule) }),
      ),
    ),
  );
}

function text(node: Node | string): string {
  return typeof node === "string" ? node : (node.textContent ?? "");
}

function common(a?: Molecule, b?: Molecule): string {
  if (!a || !b) return "–";
  const alike = likeness(a, b);
  if (!alike) return "Different numbers of atoms";
  return `${alike.atoms} of ${alike.of} atoms have the same element. ${alike.bonds} of ${alike.ofBonds} bonds of the left molecule are in the right one. The atoms are ${alike.rms.toFixed(2)} Å apart (root mean square).`;
}
