// How a run is symmetrised: the choices of gamma.

import { models, type Model } from "virtual:model";

/** Below this mean input variance a learned gamma is not the Haar measure, whose variance is 1. */
const nearHaar = 0.9;

/** The mean over the times at which it was measured; 1, as of the Haar measure, where gamma is not learned. */
function meanVariance({ inputVariance }: Pick<Model, "inputVariance">): number {
  return inputVariance.length ? inputVariance.reduce((sum, { variance }) => sum + variance, 0) / inputVariance.length : 1;
}

/** Whether a model has a gamma that was learned, and is not the Haar measure all the same. */
export function learnsGamma(model: Pick<Model, "inputVariance">): boolean {
  return meanVariance(model) < nearHaar;
}

/** The shipped model whose gamma concentrates most; the default, where none does. */
export function mostLearned(): Model {
  return models.reduce((best: Model, model) => (learnsGamma(model) && meanVariance(model) < meanVariance(best) ? model : best), models[0]);
}

/** Names the model behind the symmetry page, where its gamma was learned; as a further sentence. */
export function elsewhere(): string {
  const model = mostLearned();
  return learnsGamma(model) ? ` The symmetry page runs ${model.name}, whose f has learned it.` : "";
}

export const kernels = ["learned", "released", "haar", "none"] as const;
export type Kernel = (typeof kernels)[number];

export const kernelNames: Record<Kernel, string> = {
  learned: "Learned",
  released: "Learned, in the published code's order",
  haar: "Haar",
  none: "Off, the plain transformer",
};

/** That of a query, where it names one. Links of before have gamma=learned&order=released, and paper for learned. */
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
