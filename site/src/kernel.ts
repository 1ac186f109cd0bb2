// How a run is symmetrised: the choices of gamma.

import type { Model } from "virtual:model";

/** Whether a model has a gamma that was learned, not the Haar measure alone. */
export function learnsGamma({ variant }: Pick<Model, "variant">): boolean {
  return variant === "symdiff";
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
