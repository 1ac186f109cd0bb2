// How a run is symmetrised: the choices of gamma.

import { models, type Model } from "virtual:model";

type Measured = Pick<Model, "inputVariance" | "variant">;

/** Below this mean input variance a learned gamma is not the Haar measure, whose variance is 1. */
const nearHaar = 0.9;

/**
 * The mean over times of the input variance of the learned gamma; NaN where it was not measured.
 */
function meanVariance({ inputVariance }: Measured): number {
  const learned = inputVariance.filter(({ gamma }) => gamma === "learned");
  return learned.reduce((sum, { mean }) => sum + mean, 0) / learned.length;
}

/**
 * Whether a model has a gamma that was learned, and that no measurement found to be the Haar
 * measure all the same.
 */
export function learnsGamma(model: Measured): boolean {
  return model.variant === "symdiff" && !(meanVariance(model) >= nearHaar);
}

/**
 * The shipped model whose gamma is farthest from the Haar measure; the default, where none is
 * measured to be far.
 */
export function mostLearned(): Model {
  const measured = models.filter((model) => meanVariance(model) < nearHaar);
  return measured.sort((a, b) => meanVariance(a) - meanVariance(b))[0] ?? models[0];
}

/** Names the model behind the symmetry page, where its gamma was learned; as a further sentence. */
export function elsewhere(): string {
  const model = mostLearned();
  return learnsGamma(model) ? ` The symmetry page runs ${model.name}, whose f has learned γ.` : "";
}

export const kernels = ["learned", "released", "haar", "none"] as const;
export type Kernel = (typeof kernels)[number];

/**
 * That of a query, where it names one. Links of before have gamma=learned&order=released, and paper
 * for learned.
 */
export function kernelOf(q: URLSearchParams, key = "gamma"): Kernel | undefined {
  const name = key === "gamma" && q.get("order") === "released" ? "released" : q.get(key);
  return kernels.find((kernel) => kernel === (name === "paper" ? "learned" : name));
}

/** The kernels that weights of a variant can run. */
export function kernelsOf(variant: string): readonly Kernel[] {
  return variant === "symdiff" ? kernels : ["haar", "none"];
}

/** The one that a model was trained with. */
export function defaultKernel(variant: string): Kernel {
  return variant === "symdiff" ? "learned" : variant === "symdiff-h" ? "haar" : "none";
}

/** As flags of the command line. */
export function kernelFlags(kernel: Kernel): string[] {
  return [`--gamma ${kernel}`];
}
