// How a run is symmetrised: the choices of gamma.

import type { Model } from "virtual:model";

/**
 * The shipped models whose f depends on its input, so that their gamma is not the Haar measure: `symdiff analyse gamma` tells. That of
 * qm9-web does not (its model card).
 */
const learned: readonly string[] = [];

/** Whether a shipped model has a gamma that was learned. */
export function learnsGamma({ name, variant }: Pick<Model, "name" | "variant">): boolean {
  return variant === "symdiff" && learned.includes(name);
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
export function usualKernel(variant: string): Kernel {
  return variant === "symdiff" ? "learned" : variant === "symdiff-h" ? "haar" : "none";
}

/** As flags of the command line. */
export function kernelFlags(kernel: Kernel): string[] {
  return [`--gamma ${kernel}`];
}
