declare module "virtual:model" {
  /** What plugins.js finds out about the files at build time. */
  const model: {
    wasm: { simd: string; plain: string };
    weights: string;
    sha256: string;
    bytes: number;
    /** Size of the SIMD build as it is sent, compressed. */
    wasmBytes: number;
    parameters: number;
    elements: string[];
    /** Numbers of atoms that the training data has. */
    sizes: number[];
    timesteps: number;
    variant: string;
    /** Samples of these weights that were measured, as fractions of 1; empty where none were. */
    evaluation: { method: string; steps: number; molecules: number; stableAtoms: number; stable: number; valid: number }[];
  };
  export default model;
}
