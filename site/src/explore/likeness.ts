// What two molecules of the same atoms have in common. Bonds are core's.

import type { Molecule } from "symdiff-mol";
import { deviation } from "../symmetry/deviation.ts";

interface Likeness {
  /** Atoms of the same element in both. */
  atoms: number;
  of: number;
  /** Bonds of the first, between the same elements and of the same order in the second. */
  bonds: number;
  ofBonds: number;
  /** Å, root mean square over the atoms, as they lie. */
  rms: number;
}

export function likeness(a: Molecule, b: Molecule): Likeness | undefined {
  if (a.elements.length !== b.elements.length) return undefined;
  const key =
    (m: Molecule) =>
    ({ i, j, order }: Molecule["bonds"][number]) =>
      `${i} ${m.elements[i]} ${j} ${m.elements[j]} ${order}`;
  const others = new Set(b.bonds.map(key(b)));
  return {
    atoms: a.elements.filter((element, i) => element === b.elements[i]).length,
    of: a.elements.length,
    bonds: a.bonds.map(key(a)).filter((bond) => others.has(bond)).length,
    ofBonds: a.bonds.length,
    rms: deviation(b.positions, a.positions).rms,
  };
}
