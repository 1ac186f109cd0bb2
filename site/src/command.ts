// The command line that makes the same molecules as the page.

import type { Settings } from "./settings.ts";
import { gammas } from "./settings.ts";

interface Job {
  settings: Settings;
  /** Which molecule of the seed's stream is the first; and how many there are. */
  first: number;
  n: number;
  /** Weights other than the shipped ones: a file's path. */
  model?: string;
  out: string;
}

export function command({ settings, first, n, model, out }: Job): string {
  const { seed, atoms, formula, start, steps, method, gamma } = settings;
  const flags: [string, string | number][] = [["seed", seed]];
  if (n > 1) flags.push(["count", n]);
  if (first) flags.push(["first", first]);
  if (formula) flags.push(["formula", formula]);
  else if (atoms) flags.push(["atoms", atoms]);
  flags.push(["steps", steps], ["t-start", start], ["method", method]);
  if (gamma !== gammas[0]) flags.push(["gamma", gamma]);
  if (model) flags.push(["model", quoted(model)]);
  return [
    "symdiff sample",
    ...flags.map(([name, value]) => `--${name} ${value}`),
    `--out ${quoted(out)}`,
  ].join(" ");
}

/** As a shell's word. */
function quoted(text: string): string {
  return /^[\w./+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
