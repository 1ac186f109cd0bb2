// The settings of a run, and how they are written in the page's address.

import type { Method, SampleOptions, Usual } from "symdiff-mol";
import type { Model } from "virtual:model";

/** How the network is symmetrised: by the model's own gamma, by Haar measure alone, or not at all. */
export type Gamma = "learned" | "haar" | "none";

export interface Settings {
  /** Decimal text: 64 bits do not fit into a number. */
  seed: string;
  /** 0: drawn from the histogram of the training data. */
  atoms: number;
  /** Composition, such as C7H10O2, in place of `atoms`; empty: drawn. Only with weights that take the types of atoms. */
  formula: string;
  /** Time that the run starts from, by a Gaussian with the moments of the noised data; 0: from pure noise, at the schedule's end. */
  start: number;
  steps: number;
  method: Method;
  gamma: Gamma;
}

/** The samplers that the page offers; the first is core's usual one, and goes without saying in the address. */
export const methods = ["dpm++2m-sde", "ancestral", "dpm++2m"] as const satisfies readonly Method[];

/** As gamma of the address; the first goes without saying. */
export const gammas = ["learned", "haar", "none"] as const satisfies readonly Gamma[];

export interface Limits {
  /** Numbers of atoms that can be asked for, from low to high: any up to the largest of the data, or where kinds are drawn with them those of the data. */
  sizes: number[];
  minSteps: number;
  maxSteps: number;
  /** The sampler that core takes where nothing else is asked for. Without a start of its own, the weights know none but the schedule's end. */
  usual: Usual;
  /** Whether the network is told which atoms there are, so that a formula can be asked for. */
  takesTypes: boolean;
  /** Whether the network is given the atoms that are kept. */
  takesParts: boolean;
}

export function limitsOf({ sizes, timesteps, usual, takesTypes, takesParts }: Pick<Model, "sizes" | "timesteps" | "usual" | "takesTypes" | "takesParts">): Limits {
  const [least, most] = [sizes[0]!, sizes.at(-1)!];
  const all = Array.from({ length: most - least + 1 }, (_, i) => least + i);
  return { sizes: takesTypes ? sizes : all, minSteps: 10, maxSteps: timesteps, usual, takesTypes, takesParts };
}

export function defaults({ usual: { start, steps } }: Limits): Settings {
  return { seed: randomSeed(), atoms: 0, formula: "", start, steps, method: methods[0], gamma: gammas[0] };
}

/** The usual number of steps after a start. */
export function usualSteps(start: number, { usual }: Limits): number {
  return start ? usual.steps : usual.wholeSteps;
}

/** The most steps after a start: one for each time. */
export function mostSteps(start: number, { maxSteps }: Limits): number {
  return start || maxSteps;
}

/** Another start: with it a usual number of steps stays a usual one. */
export function startAt(start: number, now: Pick<Settings, "start" | "steps">, limits: Limits): Pick<Settings, "start" | "steps"> {
  const steps = now.steps === usualSteps(now.start, limits) ? usualSteps(start, limits) : now.steps;
  return { start, steps: Math.min(steps, mostSteps(start, limits)) };
}

/** Start and steps for other weights: usual ones for usual ones, else the same as far as those weights can. */
export function carryOver(now: Pick<Settings, "start" | "steps">, from: Limits, to: Limits): Pick<Settings, "start" | "steps"> {
  const { start, steps } = to.usual;
  if (now.start === from.usual.start && now.steps === from.usual.steps) return { start, steps };
  return startAt(now.start < to.maxSteps && start ? now.start : 0, now, to);
}

/** The seed in its shortest form, or undefined where the text is not a whole number below 2^64. */
export function parseSeed(text: string): string | undefined {
  const trimmed = text.trim();
  if (!/^\d{1,20}$/.test(trimmed)) return undefined;
  const value = BigInt(trimmed);
  return value < 1n << 64n ? String(value) : undefined;
}

/** The formula without spaces around it, or undefined where the text is none. Whether a model can make it is core's to say. */
export function parseFormula(text: string): string | undefined {
  const trimmed = text.trim();
  return /^([A-Z][a-z]?([1-9]\d{0,2})?)+$/.test(trimmed) ? trimmed : undefined;
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

/**
 * Reads a query such as ?seed=7&atoms=18&start=600&steps=25. What is missing or out of bounds takes its default; but where steps or
 * method are named and no start, the run starts with pure noise, as all did before there was a choice.
 */
export function parseQuery(query: string, limits: Limits, otherwise: Settings = defaults(limits)): Settings {
  const q = new URLSearchParams(query);
  const method = methods.find((m) => m === q.get("method"));
  const named = method !== undefined || wholeOf(q, "steps", limits.minSteps, limits.maxSteps) !== undefined;
  const start = startOf(q, "start", limits) ?? (named ? 0 : otherwise.start);
  return {
    seed: parseSeed(q.get("seed") ?? "") ?? otherwise.seed,
    atoms: limits.sizes.find((n) => String(n) === q.get("atoms")) ?? otherwise.atoms,
    formula: (limits.takesTypes && parseFormula(q.get("formula") ?? "")) || otherwise.formula,
    start,
    steps: wholeOf(q, "steps", limits.minSteps, mostSteps(start, limits)) ?? startAt(start, otherwise, limits).steps,
    method: method ?? otherwise.method,
    gamma: gammas.find((g) => g === q.get("gamma")) ?? otherwise.gamma,
  };
}

/** A start of a query, 0 for the schedule's end; undefined where there is none, or these weights have none such. */
export function startOf(q: URLSearchParams, key: string, { minSteps, maxSteps, usual }: Limits): number | undefined {
  if (wholeOf(q, key, 0, 0) === 0) return 0;
  const start = wholeOf(q, key, minSteps, maxSteps);
  return start === maxSteps ? 0 : usual.start ? start : undefined;
}

/** The query of these settings; other parameters of the address stay. */
export function toQuery({ seed, atoms, formula, start, steps, method, gamma }: Settings, query: string): string {
  return withQuery(query, {
    seed,
    atoms: atoms && !formula ? String(atoms) : "",
    formula,
    start: start ? String(start) : "",
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
export function sampleOptions({ seed, atoms, formula, start, steps, method, gamma }: Settings): SampleOptions {
  return { seed: BigInt(seed), ...(formula ? { formula } : { atoms }), start, steps, method, ...(gamma !== gammas[0] && { gamma }) };
}
