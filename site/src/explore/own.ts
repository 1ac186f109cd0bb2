// A molecule of the reader's own: pasted or opened as SMILES, MOL or SDF, and then the one whose
// atoms are fixed.

import { announce, element, onDrop, onFile } from "../dom.ts";
import { Chemistry, type Placed } from "../generate/chemistry.ts";
import { chemistryBytes, forceFieldBytes } from "virtual:model";
import { megabytes } from "../format.ts";
import { advise, type Known } from "../generate/formula.ts";
import { Trajectory } from "../trajectory.ts";
import { change, forgetRemakes, lab, limits, model, session, show, showMolecule } from "./page.ts";
import { heavy } from "./parts.ts";

const chemistry = new Chemistry();
/** Atoms that are to be added to a fragment, unless another number is chosen. */
const room = 4;
const mostBytes = 1e6;

export function listenToOwn(): void {
  const text = element<HTMLTextAreaElement>("own-text");
  tell(
    `openchemlib reads the molecule. It is downloaded on first use, ${megabytes(chemistryBytes + forceFieldBytes)}. Your molecule stays on this device.`,
  );
  element("own-use").addEventListener("click", () => void use(text.value));
  const open = async (file: File) => {
    if (file.size > mostBytes)
      return tell(`${file.name} is larger than a megabyte. Choose a file with one molecule.`);
    text.value = await file.text();
    void use(text.value);
  };
  onFile(element<HTMLInputElement>("own-file"), (file) => void open(file));
  onDrop("Drop a molecule (SMILES, MOL or SDF) to fix its atoms", (file) => {
    change({ tool: "keep" });
    void open(file);
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    void use(text.value);
  });
}

function tell(text: string): void {
  element("own-note").textContent = text;
}

/** Why the model cannot go on from a molecule, if so. */
function refusal(
  { formula, elements, charge }: Pick<Placed, "formula" | "elements" | "charge">,
  known: Known,
): string {
  const { text, refused } = advise(formula.replace(/[^A-Za-z0-9]/g, ""), known) ?? {
    text: "",
    refused: false,
  };
  if (refused) return text;
  const most = known.sizes.at(-1)!;
  if (elements.length > most)
    return `It has ${elements.length} atoms with its hydrogens. This model generates at most ${most}.`;
  if (charge)
    return `It has the charge ${charge > 0 ? "+" : "−"}${Math.abs(charge)}. This model generates neutral molecules.`;
  return elements.length < 2 ? "It is a single atom." : "";
}

async function use(text: string): Promise<void> {
  if (session.running) return tell("A run is in progress. Cancel it first.");
  if (!text.trim()) return tell("Paste a molecule first.");
  tell("Reading the molecule …");
  let placed: Placed;
  try {
    placed = await chemistry.place(text);
  } catch (error) {
    return tell(`This cannot be used: ${error instanceof Error ? error.message : String(error)}.`);
  }
  const refused = refusal(placed, model);
  if (refused) return tell(refused);
  if (session.running) return tell("");
  const { formula, elements, positions, bonds, made } = placed;
  const rows = elements.map(
    (symbol, i) =>
      `${symbol} ${[0, 1, 2].map((k) => positions[3 * i + k]!.toFixed(4)).join(" ")}\n`,
  );
  const molecule = {
    formula,
    elements,
    positions: centred(positions),
    bonds,
    xyz: `${elements.length}\nyours\n${rows.join("")}`,
  };
  const scores = Float32Array.from(
    elements.flatMap((symbol) => model.elements.map((e) => Number(e === symbol))),
  );
  const trajectory = new Trajectory(model.elements, elements.length, 0);
  trajectory.add({
    step: 0,
    positions: Float32Array.from(molecule.positions),
    scores,
    bonds,
    molecule,
  });
  lab.own = { molecule, trajectory };
  forgetRemakes();
  const most = limits.sizes.at(-1)!;
  change({
    keeping: {
      ...lab.state.keeping,
      atoms: heavy(elements),
      size: Math.min(most, elements.length + room),
    },
  });
  showMolecule();
  show();
  tell(
    made
      ? "openchemlib has placed its atoms in 3D. All atoms but the hydrogens are fixed. You can choose others, and the number of atoms in all."
      : "The positions are those of the file. All atoms but the hydrogens are fixed.",
  );
  announce(`Your molecule ${formula} is shown.`);
}

/** Positions (n, 3) about their centre. */
function centred(positions: readonly number[]): Float64Array<ArrayBuffer> {
  const n = positions.length / 3;
  const middle = [0, 1, 2].map((k) =>
    positions.reduce((sum, v, i) => (i % 3 === k ? sum + v / n : sum), 0),
  );
  return Float64Array.from(positions, (v, i) => v - middle[i % 3]!);
}
