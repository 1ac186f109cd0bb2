// What the page is set to, and how it is written in the address.

import type { SampleOptions } from "symdiff-mol";
import { kernelOf, type Kernel } from "../kernel.ts";
import {
  gammas,
  methods,
  parseQuery,
  parseSeed,
  sampleOptions,
  startOf,
  toQuery,
  wholeOf,
  withQuery,
  type Limits,
  type Settings,
} from "../settings.ts";
import { readAtoms, writeAtoms } from "./parts.ts";
import { path, read, write, type Branching } from "./tree.ts";

export const tools = ["branch", "keep", "compare"] as const;
export type Tool = (typeof tools)[number];

/** Nodes of a family tree beside the root. */
export const mostBranches = 24;

export interface Run extends Omit<Settings, "gamma"> {
  kernel: Kernel;
}

/** How the right run of a comparison differs. */
export interface Other extends Omit<Run, "seed" | "atoms" | "formula"> {
  /** Name of a shipped model, or of a file that the reader has opened. */
  model: string;
}

export interface Keeping {
  /** Atoms that stay, ascending. */
  atoms: number[];
  /**
   * Atoms of the molecules that are made; 0: as many as there are, and "formula": of the same kinds
   * too.
   */
  size: number | "formula";
  seed: string;
  n: number;
  steps: number;
}

export interface State {
  tool: Tool;
  run: Run;
  family: Branching[];
  /** The node of the family that is shown. */
  at: number;
  keeping: Keeping;
  other: Other;
}

export function parse(
  query: string,
  limits: Limits,
  defaults: Settings,
  kernel: Kernel,
  model: string,
): State {
  const q = new URLSearchParams(query);
  const { gamma: _, ...settings } = parseQuery(query, limits, defaults);
  const run: Run = { ...settings, kernel: kernelOf(q) ?? kernel };
  const start = startOf(q, "start2", limits) ?? run.start;
  const family = read(q.get("tree") ?? "", run.steps, mostBranches) ?? [];
  return {
    tool: tools.find((tool) => tool === q.get("tool")) ?? tools[0],
    run,
    family,
    at: wholeOf(q, "at", 0, family.length) ?? 0,
    keeping: {
      atoms: readAtoms(q.get("keep") ?? ""),
      size: [0, ...limits.sizes].find((size) => String(size) === q.get("size")) ?? "formula",
      seed: parseSeed(q.get("kseed") ?? "") ?? "1",
      n: wholeOf(q, "n", 1, 64) ?? 4,
      steps: wholeOf(q, "ksteps", 10, limits.defaults.t_start) ?? limits.defaults.steps,
    },
    other: {
      start,
      steps: wholeOf(q, "steps2", 5, start) ?? 5 * Math.max(1, Math.round(run.steps / 10)),
      method: methods.find((m) => m === q.get("method2")) ?? run.method,
      kernel: kernelOf(q, "gamma2") ?? run.kernel,
      model: q.get("model2") ?? model,
    },
  };
}

export function toAddress(
  { tool, run, family, at, keeping, other }: State,
  query: string,
  byDefault: Kernel,
  model: string,
): string {
  const { kernel, ...settings } = run;
  const keeps = tool === "keep" && keeping.atoms.length > 0;
  const compares = tool === "compare";
  return withQuery(toQuery({ ...settings, gamma: gammas[0] }, query), {
    tool: tool === tools[0] ? "" : tool,
    gamma: kernel === byDefault ? "" : kernel,
    order: "",
    tree: compares ? "" : write(family),
    at: at && !compares ? String(at) : "",
    keep: keeps ? writeAtoms(keeping.atoms) : "",
    size: keeps && keeping.size !== "formula" ? String(keeping.size) : "",
    kseed: keeps ? keeping.seed : "",
    n: keeps ? String(keeping.n) : "",
    ksteps: keeps ? String(keeping.steps) : "",
    start2: compares && other.start !== run.start ? String(other.start) : "",
    steps2: compares ? String(other.steps) : "",
    method2: compares && other.method !== run.method ? other.method : "",
    gamma2: compares && other.kernel !== run.kernel ? other.kernel : "",
    model2: compares && other.model !== model ? other.model : "",
  });
}

/** What the engine is asked for, at the root or at another node of the family. */
export function runOptions(
  { kernel, ...settings }: Run,
  family: readonly Branching[] = [],
  node = 0,
): SampleOptions {
  const branches = path(family, node).map(({ step, seed }) => ({ step, seed: BigInt(seed) }));
  return {
    ...sampleOptions({ ...settings, gamma: gammas[0] }),
    gamma: kernel,
    ...(branches.length > 0 && { branches }),
  };
}
