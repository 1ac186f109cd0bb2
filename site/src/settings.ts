// The settings of a run, and how they are written in the page's address.

import type { Method } from "symdiff";

export interface Settings {
  /** Decimal text: 64 bits do not fit into a number. */
  seed: string;
  /** 0: drawn from the histogram of the training data. */
  atoms: number;
  steps: number;
  method: Method;
}

/** The samplers that the page offers; the first is the usual one, and goes without saying in the address. */
export const methods = ["dpm++2m-sde", "ancestral", "dpm++2m"] as const satisfies readonly Method[];

export interface Limits {
  minAtoms: number;
  maxAtoms: number;
  minSteps: number;
  maxSteps: number;
}

/** The seed in its shortest form, or undefined where the text is not a whole number below 2^64. */
export function parseSeed(text: string): string | undefined {
  const trimmed = text.trim();
  if (!/^\d{1,20}$/.test(trimmed)) return undefined;
  const value = BigInt(trimmed);
  return value < 1n << 64n ? String(value) : undefined;
}

export function randomSeed(): string {
  return String(crypto.getRandomValues(new Uint32Array(1))[0]! % 1_000_000);
}

/** Reads a query such as ?seed=7&atoms=18&steps=500. What is missing or out of bounds takes its default. */
export function parseQuery(query: string, limits: Limits, defaults: Settings): Settings {
  const q = new URLSearchParams(query);
  const whole = (key: string, min: number, max: number, otherwise: number) => {
    const text = q.get(key) ?? "";
    const value = Number(text);
    return /^\d+$/.test(text) && value >= min && value <= max ? value : otherwise;
  };
  return {
    seed: parseSeed(q.get("seed") ?? "") ?? defaults.seed,
    atoms: whole("atoms", limits.minAtoms, limits.maxAtoms, defaults.atoms),
    steps: whole("steps", limits.minSteps, limits.maxSteps, defaults.steps),
    method: methods.find((m) => m === q.get("method")) ?? defaults.method,
  };
}

/** The query of these settings; other parameters of the address stay. */
export function toQuery(settings: Settings, query: string): string {
  const q = new URLSearchParams(query);
  q.set("seed", settings.seed);
  if (settings.atoms) q.set("atoms", String(settings.atoms));
  else q.delete("atoms");
  q.set("steps", String(settings.steps));
  if (settings.method !== methods[0]) q.set("method", settings.method);
  else q.delete("method");
  return `?${q}`;
}
