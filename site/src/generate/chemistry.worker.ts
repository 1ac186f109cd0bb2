// openchemlib in its own worker: names and numbers of a molecule, its drawing, and MMFF94.

import {
  ConformerGenerator,
  ForceFieldMMFF94,
  Molecule,
  MoleculeProperties,
  Resources,
} from "openchemlib";
import parameters from "mmff94.json?url";
import type { Answer, Placed, Properties, Question, Relaxed, Sheet } from "./chemistry.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Question>) => void;
  postMessage: (answer: Answer) => void;
};

scope.onmessage = async ({ data }) => {
  try {
    const one = data.sdf[0]!;
    const answers = {
      describe: () => describe(one),
      measure: () => data.sdf.map(known),
      relax: () => relax(one),
      place: () => placed(one),
    };
    const result = await answers[data.kind]();
    scope.postMessage({ id: data.id, result });
  } catch (error) {
    scope.postMessage({
      id: data.id,
      error: error instanceof Error ? error.message : String(error),
    });
  }
};

/** g/mol. */
const hydrogenWeight = Molecule.fromSmiles("[H][H]").getMolecularFormula().relativeWeight / 2;

function describe(sdf: string): Sheet {
  const { drawn, added, properties } = measure(sdf);
  drawn.inventCoordinates();
  return { ...properties, added, drawing: draw(drawn) };
}

/** What openchemlib says without the name of its Java class. */
function told<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new Error(
      (error instanceof Error ? error.message : String(error)).replace(/^Class\S*: /, ""),
    );
  }
}

async function placed(text: string): Promise<Placed> {
  const file = /M {2}END|V[23]000/.test(text);
  const molecule = told(() =>
    file ? Molecule.fromMolfile(text) : Molecule.fromSmiles(text.trim().split(/\s/)[0]!),
  );
  const count = molecule.getAllAtoms();
  if (!count)
    throw new Error(file ? "it has no atoms" : "it is neither SMILES nor a MOL or SDF file");
  const pieces = molecule.getFragments().length;
  if (pieces > 1) throw new Error(`it is ${pieces} molecules, and the page takes one`);
  for (let i = 0; i < count; i++) {
    if (molecule.getFreeValence(i) < 0)
      throw new Error(`${molecule.getAtomLabel(i)}${i + 1} has more bonds than its element allows`);
    if (molecule.getAtomRadical(i))
      throw new Error(`${molecule.getAtomLabel(i)}${i + 1} has unpaired electrons`);
  }
  const flat = Array.from({ length: count }, (_, i) => molecule.getAtomZ(i)).every(
    (z) => z === molecule.getAtomZ(0),
  );
  const made = !file || (flat && count > 1) || missingHydrogens(molecule) > 0;
  if (made) {
    await (ready ??= register());
    if (!new ConformerGenerator(1).getOneConformerAsMolecule(molecule))
      throw new Error("openchemlib finds no 3D structure for it");
  }
  const atoms = Array.from({ length: molecule.getAllAtoms() }, (_, i) => i);
  const bonds = Array.from({ length: molecule.getAllBonds() }, (_, k) => ({
    i: molecule.getBondAtom(0, k),
    j: molecule.getBondAtom(1, k),
    order: molecule.getBondOrder(k),
  }));
  return {
    formula: molecule.getMolecularFormula().formula,
    elements: atoms.map((i) => molecule.getAtomLabel(i)),
    positions: atoms.flatMap((i) => place(molecule, i)),
    bonds,
    charge: atoms.reduce((sum, i) => sum + molecule.getAtomCharge(i), 0),
    made,
  };
}

/** The properties, where openchemlib finds them. */
function known(sdf: string): Properties | undefined {
  try {
    return measure(sdf).properties;
  } catch {
    return undefined;
  }
}

/**
 * Reads core's SDF: bonds and charges are core's, openchemlib adds the hydrogens that valences
 * lack.
 */
function measure(sdf: string): { drawn: Molecule; added: number; properties: Properties } {
  const molecule = Molecule.fromMolfile(sdf);
  const drawn = molecule.getCompactCopy();
  drawn.removeExplicitHydrogens();
  const found = new MoleculeProperties(drawn);
  const added = missingHydrogens(molecule);
  const properties = {
    smiles: drawn.toIsomericSmiles(),
    weight: molecule.getMolecularFormula().relativeWeight - added * hydrogenWeight,
    logP: found.logP,
    tpsa: found.polarSurfaceArea,
    donors: found.donorCount,
    acceptors: found.acceptorCount,
    rotatableBonds: found.rotatableBondCount,
  };
  return { drawn, added, properties };
}

/** Hydrogens that openchemlib counts in and the molecule does not have. */
function missingHydrogens(molecule: Molecule): number {
  let missing = 0;
  for (let i = 0; i < molecule.getAllAtoms(); i++) missing += molecule.getImplicitHydrogens(i);
  return missing;
}

function draw(molecule: Molecule): string {
  const svg = molecule.toSVG(400, 240, "m", {
    autoCrop: true,
    autoCropMargin: 6,
    suppressChiralText: true,
    suppressCIPParity: true,
    suppressESR: true,
    noStereoProblem: true,
    maxAVBL: 36,
    fontWeight: 500,
    strokeWidth: 1.6,
  });
  return svg.replace(/^.*class="event".*$/gm, "");
}

let ready: Promise<void> | undefined;

async function relax(sdf: string): Promise<Relaxed> {
  await (ready ??= register());
  const molecule = Molecule.fromMolfile(sdf);
  if (missingHydrogens(molecule))
    throw new Error("MMFF94 needs every hydrogen, and this molecule lacks some");
  const order = orderIn(sdf, molecule);
  const field = new ForceFieldMMFF94(molecule, ForceFieldMMFF94.MMFF94, {});
  const before = field.getTotalEnergy();
  field.minimise();
  const positions = new Float64Array(3 * order.length);
  order.forEach((atom, i) => positions.set(place(molecule, atom), 3 * i));
  return { before, after: field.getTotalEnergy(), positions };
}

/** Reading a molfile, openchemlib turns it upside down. */
function place(molecule: Molecule, atom: number): number[] {
  return [molecule.getAtomX(atom), -molecule.getAtomY(atom), -molecule.getAtomZ(atom)];
}

/**
 * openchemlib's number of each atom of the file: it moves hydrogens to the end. Atoms are known by
 * where they are.
 */
function orderIn(sdf: string, molecule: Molecule): number[] {
  const places = Array.from({ length: molecule.getAllAtoms() }, (_, atom) => place(molecule, atom));
  const rows = sdf.split("\n").slice(4, 4 + places.length);
  return rows.map((row) => {
    const at = [0, 10, 20].map((column) => Number(row.slice(column, column + 10)));
    const far = places.map((p) => Math.hypot(p[0]! - at[0]!, p[1]! - at[1]!, p[2]! - at[2]!));
    return far.indexOf(Math.min(...far));
  });
}

async function register(): Promise<void> {
  const response = await fetch(parameters);
  if (!response.ok)
    throw new Error(`the parameters of MMFF94 could not be fetched: HTTP ${response.status}`);
  Resources.register(await response.text());
}
