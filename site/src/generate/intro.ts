// The trajectory that plays before anything is loaded: made by site/intro.js when the site was
// built.

import type { Molecule } from "symdiff-mol";
import url from "intro.bin?url";
import { Trajectory } from "../trajectory.ts";

interface Header {
  seed: number;
  atoms: number;
  steps: number;
  formula: string;
  elements: string[];
  frames: { step: number; bonds: number[] }[];
}

export interface Intro {
  trajectory: Trajectory;
  /** Its last frame. */
  finished: Pick<Molecule, "formula" | "elements" | "bonds"> & { positions: ArrayLike<number> };
  formula: string;
  seed: number;
}

export async function loadIntro(): Promise<Intro> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const data = await response.arrayBuffer();
  const end = new Uint8Array(data).indexOf(10);
  const { seed, atoms, steps, formula, elements, frames } = JSON.parse(
    new TextDecoder().decode(data.slice(0, end)),
  ) as Header;
  const positions = new Int16Array(data.slice(end + 1, end + 1 + 6 * atoms * frames.length));
  const scores = new Int8Array(data.slice(end + 1 + positions.byteLength));
  const trajectory = new Trajectory(elements, atoms, steps);
  const part = (all: Int16Array | Int8Array, k: number, unit: number) => {
    const size = all.length / frames.length;
    return Float32Array.from(all.subarray(k * size, (k + 1) * size), (x) => x * unit);
  };
  const stills = frames.map(({ step, bonds }, k) => ({
    step,
    positions: part(positions, k, 1e-3),
    scores: part(scores, k, 1 / 64),
    bonds: Array.from({ length: bonds.length / 3 }, (_, b) => ({
      i: bonds[3 * b]!,
      j: bonds[3 * b + 1]!,
      order: bonds[3 * b + 2]!,
    })),
    molecule: k === frames.length - 1,
  }));
  for (const still of stills) trajectory.add(still);
  const last = stills.at(-1)!;
  const kinds = Array.from({ length: atoms }, (_, i) =>
    last.scores.subarray(i * elements.length, (i + 1) * elements.length),
  );
  const finished = {
    formula,
    elements: kinds.map((row) => elements[row.indexOf(Math.max(...row))]!),
    positions: last.positions,
    bonds: last.bonds,
  };
  return { trajectory, finished, formula, seed };
}
