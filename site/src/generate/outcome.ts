// A finished molecule with everything that it came from, and the texts that its files carry.

import type { Molecule } from "symdiff-mol";
import { command } from "../command.ts";
import { gammas, type Settings } from "../settings.ts";
import type { Trajectory } from "../trajectory.ts";

export interface Origin {
  settings: Settings;
  /**
   * Name of the weights, their hash, and the path that the command line needs, where they are not
   * its own.
   */
  weights: { name: string; sha256: string; path?: string };
}

export interface Outcome extends Origin {
  molecule: Molecule;
  /** Which molecule of the seed's stream. */
  index: number;
  /** How it came about, or the finished molecule alone. */
  trajectory: Trajectory;
}

/** Name of the molecule's files, without the extension. */
export function fileName({ molecule, settings, index }: Outcome): string {
  return `symdiff-${molecule.formula}-seed${settings.seed}${index ? `-${index}` : ""}`;
}

/** One line for people. */
export function provenance({ molecule, index, ...origin }: Outcome): string {
  const { settings, weights } = origin;
  const parts = [
    `Seed ${settings.seed}`,
    ...(index ? [`molecule ${index}`] : []),
    settings.formula ? `formula ${settings.formula}` : `${molecule.elements.length} atoms`,
    `${settings.steps} steps from t = ${settings.start} (${settings.method})`,
    ...(settings.gamma === gammas[0] ? [] : [`gamma ${settings.gamma}`]),
    `weights ${weights.name} ${weights.sha256.slice(0, 12)}`,
  ];
  return parts.join(", ");
}

/**
 * One line for files: the properties that core has written into the XYZ, such as seed=42 index=0
 * steps=100.
 */
export function comment(outcome: Outcome): string {
  return outcome.molecule.xyz.split("\n", 2)[1] || provenance(outcome);
}

/** The command that gives this molecule. */
export function commandFor(outcome: Outcome): string {
  return jobCommand(outcome, outcome.index, 1, `${fileName(outcome)}.xyz`);
}

/** The command that gives n molecules of the stream. */
export function jobCommand(
  { settings, weights }: Origin,
  first: number,
  n: number,
  out: string,
): string {
  return command({
    settings,
    first,
    n,
    out,
    ...(weights.path !== undefined && { model: weights.path }),
  });
}
