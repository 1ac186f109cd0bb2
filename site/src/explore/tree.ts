// A family of molecules: each grows from its parent's run at some step, with new noise from there.

import type { Model } from "virtual:model";
import { stochastic } from "../settings.ts";
import type { Run } from "./state.ts";

/** A branching: after so many steps of the parent, noise comes from another seed. */
export interface Branching {
  parent: number;
  step: number;
  /** Decimal text, 64 bits. */
  seed: string;
}

/**
 * Every node but the root, which is node 0; node k is family[k-1], and parents come before their
 * children.
 */
export type Family = readonly Branching[];

/** The branches from the root to a node, by ascending step, as the engine wants them. */
export function path(family: Family, node: number): { step: number; seed: string }[] {
  const branches: { step: number; seed: string }[] = [];
  for (let at = node; at > 0; at = family[at - 1]!.parent) {
    const { step, seed } = family[at - 1]!;
    branches.unshift({ step, seed });
  }
  return branches;
}

/** Where a node grows: a branch must be after the one it grows on. */
export function earliest(family: Family, node: number): number {
  return node === 0 ? 0 : family[node - 1]!.step + 1;
}

/** As text for the address: parent.step.seed of each node, such as 0.60.17_1.80.4. */
export function write(family: Family): string {
  return family.map(({ parent, step, seed }) => `${parent}.${step}.${seed}`).join("_");
}

/**
 * Reads a family; undefined where the text is not one, or does not fit the steps of a run or the
 * bound.
 */
export function read(text: string, steps: number, most: number): Branching[] | undefined {
  const family: Branching[] = [];
  for (const part of text ? text.split("_") : []) {
    const match = /^(\d{1,3})\.(\d{1,5})\.(\d{1,20})$/.exec(part);
    if (!match) return undefined;
    const [parent, step, seed] = [Number(match[1]), Number(match[2]), BigInt(match[3]!)];
    const fits =
      parent <= family.length &&
      step >= earliest(family, parent) &&
      step < steps &&
      seed < 1n << 64n;
    if (!fits || family.length === most) return undefined;
    family.push({ parent, step, seed: String(seed) });
  }
  return family;
}

/**
 * A row for each node: a parent above its children, and children that branch late nearer to it than
 * those that branch early.
 */
export function rows(family: Family): number[] {
  const row = new Array<number>(family.length + 1);
  let next = 0;
  const visit = (node: number): void => {
    row[node] = next++;
    const children = family.flatMap(({ parent, step }, k) =>
      parent === node ? [{ node: k + 1, step }] : [],
    );
    children.sort((a, b) => b.step - a.step || a.node - b.node);
    for (const child of children) visit(child.node);
  };
  visit(0);
  return row;
}

/**
 * The family without a node and what grows from it, and the new number of each node, -1 for those
 * gone.
 */
export function prune(family: Family, node: number): { family: Branching[]; numbers: number[] } {
  const numbers = [0];
  const kept: Branching[] = [];
  family.forEach((branching, k) => {
    const parent = numbers[branching.parent]!;
    if (k + 1 === node || parent < 0) {
      numbers.push(-1);
      return;
    }
    kept.push({ ...branching, parent });
    numbers.push(kept.length);
  });
  return { family: kept, numbers };
}

/** Where the choice falls, as it was measured for the default run. */
export function branchHint(
  { branches: [first, ...later], defaults }: Pick<Model, "branches" | "defaults">,
  { start, steps, method }: Pick<Run, "start" | "steps" | "method">,
): string {
  if (
    !first ||
    start !== defaults.t_start ||
    steps !== stochastic.steps ||
    method !== stochastic.method
  )
    return "Early steps decide the molecule.";
  const opening = `The choice falls in the first steps. Of ${first.molecules} molecules branched at step ${first.step}, ${first.kept} kept all bonds.`;
  return [opening, ...later.map(({ step, kept }) => `At step ${step}, ${kept} did.`)].join(" ");
}
