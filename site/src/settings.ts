// The settings of a run, and how they are written in the page's address.

import type { Method, SampleOptions } from "symdiff";
import type { Model } from "virtual:model";

/** How the network is symmetrised: by the model's own gamma, by Haar measure alone, or not at all. */
export type Gamma = "learned" | "haar" | "none";

export interface Settings {
  /** Decimal text: 64 bits do not fit into a number. */
  seed: string;
  /** 0: drawn from the histogram of the training data. */
  atoms: number;
  steps: number;
  method: Method;
  gamma: Gamma;
}

/** The samplers that the page offers; the first is the usual one, and goes without saying in the address. */
export const methods = ["dpm++2m-sde", "ancestral", "dpm++2m"] as const satisfies readonly Method[];

/** As gamma of the address; the first goes without saying. */
export const gammas = ["learned", "haar", "none"] as const satisfies readonly Gamma[];

/** By the model's card about as good as any setting with the usual sampler, and fast. */
const usualSteps = 50;

export interface Limits {
  minAtoms: number;
  maxAtoms: number;
  minSteps: number;
  maxSteps: number;
}

export function limitsOf({ sizes, timesteps }: Pick<Model, "sizes" | "timesteps">): Limits {
  return { minAtoms: sizes[0]!, maxAtoms: sizes.at(-1)!, minSteps: 10, maxSteps: timesteps };
}

export function defaults(limits: Limits): Settings {
  return { seed: randomSeed(), atoms: 0, steps: Math.min(usualSteps, limits.maxSteps), method: methods[0], gamma: gammas[0] };
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

/** A whole number of a query within bounds, or undefined. */
export function wholeOf(q: URLSearchParams, key: string, min: number, max: number): number | undefined {
  const text = q.get(key) ?? "";
  const value = Number(text);
  return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined;
}

/** Reads a query such as ?seed=7&atoms=18&steps=500. What is missing or out of bounds takes its default. */
export function parseQuery(query: string, limits: Limits, otherwise: Settings = defaults(limits)): Settings {
  const q = new URLSearchParams(query);
  return {
    seed: parseSeed(q.get("seed") ?? "") ?? otherwise.seed,
    atoms: wholeOf(q, "atoms", limits.minAtoms, limits.maxAtoms) ?? otherwise.atoms,
    steps: wholeOf(q, "steps", limits.minSteps, limits.maxSteps) ?? otherwise.steps,
    method: methods.find((m) => m === q.get("method")) ?? otherwise.method,
    gamma: gammas.find((g) => g === q.get("gamma")) ?? otherwise.gamma,
  };
}

/** The query of these settings; other parameters of the address stay. */
export function toQuery({ seed, atoms, steps, method, gamma }: Settings, query: string): string {
  return withQuery(query, {
    seed,
    atoms: atoms ? String(atoms) : "",
    steps: String(steps),
    method: method === methods[0] ? "" : method,
    gamma: gamma === gammas[0] ? "" : gamma,
  });
}

/** A query with some parameters set, or taken out where empty. */
export function withQuery(query: string, values: Record<string, string>): string {
  const q = new URLSearchParams(query);
  for (const [key, value] of Object.entries(values)) {
    if (value) q.set(key, value);
    else q.delete(key);
  }
  return `?${q}`;
}

/** What the engine is asked for. */
export function sampleOptions({ seed, atoms, steps, method, gamma }: Settings): SampleOptions {
  return { seed: BigInt(seed), atoms, steps, method, ...(gamma !== gammas[0] && { gamma }) };
}
