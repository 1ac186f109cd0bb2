// How a run is symmetrised, as one choice: which gamma, and in which order a learned one is composed.

import type { SampleOptions } from "symdiff-mol";
import type { Model } from "virtual:model";
import type { Gamma } from "./settings.ts";

/**
 * The shipped models whose f depends on its input, so that their gamma is not the Haar measure: `symdiff analyse gamma` tells. That of
 * qm9-web does not (its model card).
 */
const learned: readonly string[] = [];

/** Whether a shipped model has a gamma that was learned. */
export function learnsGamma({ name, variant }: Pick<Model, "name" | "variant">): boolean {
  return variant === "symdiff" && learned.includes(name);
}

export const kernels = ["paper", "released", "haar", "none"] as const;
export type Kernel = (typeof kernels)[number];

export const kernelNames: Record<Kernel, string> = {
  paper: "Learned",
  released: "Learned, in the published code's order",
  haar: "Haar",
  none: "Off, the plain transformer",
};

export function toKernel(gamma: Gamma, order: string | null): Kernel {
  return gamma === "learned" ? (order === "released" ? "released" : "paper") : gamma;
}

export function gammaOf(kernel: Kernel): Gamma {
  return kernel === "paper" || kernel === "released" ? "learned" : kernel;
}

/** The kernels that weights of a variant can run. */
export function kernelsOf(variant: string): readonly Kernel[] {
  return variant === "symdiff" ? kernels : ["haar", "none"];
}

/** The one that a model was trained with. */
export function usualKernel(variant: string): Kernel {
  return variant === "symdiff" ? "paper" : variant === "symdiff-h" ? "haar" : "none";
}

export function kernelOptions(kernel: Kernel): SampleOptions {
  const gamma = gammaOf(kernel);
  return { gamma, ...(gamma === "learned" && { gammaOrder: kernel as "paper" | "released" }) };
}

/** As flags of the command line. */
export function kernelFlags(kernel: Kernel): string[] {
  const gamma = gammaOf(kernel);
  return [`--gamma ${gamma}`, ...(gamma === "learned" ? [`--gamma-order ${kernel}`] : [])];
}
