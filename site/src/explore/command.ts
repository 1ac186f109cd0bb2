// The command line that makes the molecule on the stage.

import { element } from "../dom.ts";
import { shippedFile, type Weights } from "../engine.ts";
import { kernelFlags } from "../kernel.ts";
import { gallery, lab, model } from "./page.ts";
import type { Run } from "./state.ts";
import { path } from "./tree.ts";

/** Weights that the reader has opened, by name. */
export const own = new Map<string, Weights>();

/** The branches on the way to a molecule, as a flag. */
function branchFlags(branches: readonly { step: number; seed: string }[]): string[] {
  return branches.length
    ? [`--set branches=${branches.map(({ step, seed }) => `${step}:${seed}`).join(",")}`]
    : [];
}

export function showCommand(): void {
  const { run: settings, tool, family, at, keeping, other } = lab.state;
  const base = (r: Run) => [
    `symdiff sample --seed ${r.seed}`,
    ...(r.formula ? [`--formula ${r.formula}`] : r.atoms ? [`--atoms ${r.atoms}`] : []),
    `--steps ${r.steps} --t-start ${r.start} --method ${r.method}`,
    ...kernelFlags(r.kernel),
  ];
  const modelFlag = (name: string) => {
    const file = own.has(name) ? name : shippedFile(name);
    return file ? [`--model ${file}`] : [];
  };
  let words = [
    ...base(settings),
    ...branchFlags(path(family, tool === "compare" ? 0 : at)),
    ...modelFlag(model.name),
  ];
  let note = "The run on the command line";
  if (tool === "keep" && gallery.open && lab.part) {
    const { molecule, index } = gallery.open;
    words = lab.noised
      ? [
          `symdiff sample --from molecule.xyz --t-start ${lab.noised} --seed ${keeping.seed}`,
          ...(index ? [`--first ${index}`] : []),
          `--steps ${Math.min(lab.noised, keeping.steps)}`,
          ...kernelFlags(settings.kernel),
          ...modelFlag(model.name),
        ]
      : [
          `symdiff sample --fragment part.xyz --seed ${keeping.seed}`,
          ...(index ? [`--first ${index}`] : []),
          `${keeping.size === "formula" ? `--formula ${molecule.formula}` : `--atoms ${molecule.elements.length}`} --steps ${keeping.steps}`,
          ...kernelFlags(settings.kernel),
          ...modelFlag(model.name),
        ];
    note = `This molecule on the command line, beside ${lab.noised ? "molecule" : "part"}.xyz`;
  } else if (tool === "keep" && lab.own) {
    words = [];
    note = "A molecule of your own has no command. The molecules generated from it have one.";
  } else if (tool === "compare") {
    words = [...base({ ...settings, ...other }), ...modelFlag(other.model)];
    note = "The right run on the command line";
  }
  element("command-note").textContent = note;
  element("command").textContent = words.join(" ");
}
