// The settings of a run, and how they are written in the page's address.

import type { Method, ModelInfo, SampleOptions } from "symdiff-mol";
import type { Model } from "virtual:model";

/**
 * How the network is symmetrised: by the model's own gamma, by Haar measure alone, or not at all.
 */
export type Gamma = "learned" | "haar" | "none";

export interface Settings {
  /** Decimal text: 64 bits do not fit into a number. */
  seed: string;
  /** 0: drawn from the histogram of the training data. */
  atoms: number;
  /**
   * Composition, such as C7H10O2, in place of `atoms`; empty: drawn. Only with weights that take
   * the types of atoms.
   */
  formula: string;
  /**
   * Time that the run starts from, by a Gaussian with the moments of the noised data; from pure
   * noise at the schedule's end.
   */
  start: number;
  steps: number;
  method: Method;
  gamma: Gamma;
}

/** The samplers that the page offers. */
export const methods = ["dpm++2m", "dpm++2m-sde", "ancestral"] as const satisfies readonly Method[];

/**
 * The sampler and the steps of weights that do not say theirs (sampler.Options). It draws noise at
 * every step, by which branches of a run differ.
 */
export const stochastic = { method: "dpm++2m-sde", steps: 40 } as const;

/** The names of the samplers in the literature. */
export const methodNames: Record<Method, string> = {
  ancestral: "Ancestral",
  ddim: "DDIM",
  "dpm++2m": "DPM-Solver++",
  "dpm++2m-sde": "SDE-DPM-Solver++",
  heun: "Heun",
};

/** Whether a sampler draws noise at every step (sampler.Method.Stochastic). */
export const drawsNoise = (method: Method): boolean =>
  method === "dpm++2m-sde" || method === "ancestral";

/** As gamma of the address; the first goes without saying. */
export const gammas = ["learned", "haar", "none"] as const satisfies readonly Gamma[];

export interface Limits {
  /**
   * Numbers of atoms that can be asked for, from low to high: any up to the largest of the data, or
   * where kinds are drawn with them those of the data.
   */
  sizes: number[];
  minSteps: number;
  maxSteps: number;
  /**
   * The options that core takes where nothing else is asked for. Its start is the schedule's end
   * where the weights know no other.
   */
  defaults: ModelInfo["defaults"];
  /** Whether the network is given the atoms' types, so that a formula can be asked for. */
  compositionConditional: boolean;
  /** Whether the network is given the atoms that are kept. */
  fragmentConditional: boolean;
}

/**
 * The most atoms that core makes (sampler.MaxAtoms), and that are offered where the weights do not
 * tell sizes.
 */
const MOST_ATOMS = 1024;
const UNKNOWN_ATOMS = 64;

export function limitsOf({
  sizes,
  timesteps,
  defaults,
  compositionConditional,
  fragmentConditional,
}: Pick<
  Model,
  "sizes" | "timesteps" | "defaults" | "compositionConditional" | "fragmentConditional"
>): Limits {
  const known = sizes.filter((n) => n <= MOST_ATOMS);
  const [least, most] = [known[0] ?? 1, known.at(-1) ?? UNKNOWN_ATOMS]; // a file without a histogram has none
  const all = Array.from({ length: most - least + 1 }, (_, i) => least + i);
  return {
    sizes: compositionConditional && known.length ? known : all,
    minSteps: 10,
    maxSteps: timesteps,
    defaults,
    compositionConditional,
    fragmentConditional,
  };
}

/** The limits of a page whose runs are to draw noise at every step. */
export const noisy = (limits: Limits): Limits => ({
  ...limits,
  defaults: { ...limits.defaults, ...stochastic },
});

export function defaults({ defaults: { t_start, steps, method } }: Limits): Settings {
  return {
    seed: randomSeed(),
    atoms: 0,
    formula: "",
    start: t_start,
    steps,
    method,
    gamma: gammas[0],
  };
}

/** Another start: there are no more steps than times. */
export function startAt(
  start: number,
  { steps }: Pick<Settings, "steps">,
): Pick<Settings, "start" | "steps"> {
  return { start, steps: Math.min(steps, start) };
}

/** The number of steps that core takes by a sampler where none is asked for. */
export function stepsOf(method: Method, { defaults }: Limits): number {
  return method === defaults.method ? defaults.steps : Math.min(stochastic.steps, defaults.t_start);
}

/**
 * Start, steps and sampler for other weights: a default stays one, any other goes along as far as
 * those weights can.
 */
export function carryOver(
  now: Pick<Settings, "start" | "steps" | "method">,
  from: Limits,
  to: Limits,
): Pick<Settings, "start" | "steps" | "method"> {
  const { t_start } = to.defaults;
  const keeps = now.start !== from.defaults.t_start && t_start < to.maxSteps;
  const method = now.method === from.defaults.method ? to.defaults.method : now.method;
  const steps = now.steps === stepsOf(now.method, from) ? stepsOf(method, to) : now.steps;
  return { method, ...startAt(keeps ? Math.min(now.start, to.maxSteps) : t_start, { steps }) };
}

/** The seed in its shortest form, or undefined where the text is not a whole number below 2^64. */
export function parseSeed(text: string): string | undefined {
  const trimmed = text.trim();
  if (!/^\d{1,20}$/.test(trimmed)) return undefined;
  const value = BigInt(trimmed);
  return value < 1n << 64n ? String(value) : undefined;
}

/**
 * The formula without spaces around it, and with plain digits for subscripts as in C₂H₆O, or
 * undefined where the text is none. Whether a model can make it is core's to say.
 */
export function parseFormula(text: string): string | undefined {
  const plain = text.normalize("NFKC").trim();
  return /^([A-Z][a-z]?([1-9]\d{0,2})?)+$/.test(plain) ? plain : undefined;
}

export function randomSeed(): string {
  return String(crypto.getRandomValues(new Uint32Array(1))[0]! % 1_000_000);
}

/** A whole number of a query within bounds, or undefined. */
export function wholeOf(
  q: URLSearchParams,
  key: string,
  min: number,
  max: number,
): number | undefined {
  const text = q.get(key) ?? "";
  const value = Number(text);
  return /^\d+$/.test(text) && value >= min && value <= max ? value : undefined;
}

/**
 * Reads a query such as ?seed=7&atoms=18&t_start=600&steps=25. What is missing or out of bounds
 * takes its default. Links of before have `start`, which is 0 at the schedule's end.
 */
export function parseQuery(
  query: string,
  limits: Limits,
  otherwise: Settings = defaults(limits),
): Settings {
  const q = new URLSearchParams(query);
  const start = startOf(q, "t_start", limits) ?? startOf(q, "start", limits) ?? otherwise.start;
  const asked = methods.find((m) => m === q.get("method"));
  const steps = asked ? stepsOf(asked, limits) : otherwise.steps;
  return {
    seed: parseSeed(q.get("seed") ?? "") ?? otherwise.seed,
    atoms: limits.sizes.find((n) => String(n) === q.get("atoms")) ?? otherwise.atoms,
    formula:
      (limits.compositionConditional && parseFormula(q.get("formula") ?? "")) || otherwise.formula,
    start,
    steps: wholeOf(q, "steps", limits.minSteps, start) ?? startAt(start, { steps }).steps,
    method: asked ?? otherwise.method,
    gamma: gammas.find((g) => g === q.get("gamma")) ?? otherwise.gamma,
  };
}

/** A start of a query; undefined where there is none, or these weights have none such. */
export function startOf(
  q: URLSearchParams,
  key: string,
  { minSteps, maxSteps, defaults: { t_start } }: Limits,
): number | undefined {
  if (wholeOf(q, key, 0, 0) === 0) return maxSteps;
  const start = wholeOf(q, key, minSteps, maxSteps);
  return start === maxSteps || t_start < maxSteps ? start : undefined;
}

/** The query of these settings; other parameters of the address stay. */
export function toQuery(
  { seed, atoms, formula, start, steps, method, gamma }: Settings,
  query: string,
): string {
  return withQuery(query, {
    seed,
    atoms: atoms && !formula ? String(atoms) : "",
    formula,
    t_start: String(start),
    start: "",
    steps: String(steps),
    method,
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
export function sampleOptions({
  seed,
  atoms,
  formula,
  start,
  steps,
  method,
  gamma,
}: Settings): SampleOptions {
  return {
    seed: BigInt(seed),
    ...(formula ? { formula } : { atoms }),
    t_start: start,
    steps,
    method,
    ...(gamma !== gammas[0] && { gamma }),
  };
}
