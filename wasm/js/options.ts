// Code generated from core/sampler/options.go by go run ./wasm/internal/tstypes; DO NOT EDIT.
/**
 * Method is how a step from z_t to z_s is made. Whatever the method, gamma is drawn anew at
 * every step.
 */
export type Method = "ancestral" | "ddim" | "dpm++2m" | "dpm++2m-sde" | "heun";
/** Gamma is a choice of the symmetrisation. */
export type Gamma = "learned" | "released" | "haar" | "none";
/** Atoms at positions (atoms, 3), row by row, in Å. */
export interface Atoms {
  elements: readonly string[];
  positions: ArrayLike<number>;
}
/**
 * Branch says that noise comes from another seed after so many steps: gamma, the noise of the
 * steps and of the final draw, but not that of the start.
 */
export interface Branch {
  /** `step` is the number of steps done before, 0 to `steps`. */
  step: number;
  /** `seed` of the noise from there on. */
  seed: number | bigint;
}
/**
 * Options says what to sample. The zero value of a field is its default. The JSON names are
 * also those of the flags of symdiff sample (t_start is --t-start), of wasm/js/options.ts, of
 * the page's address and of the properties of a sampled molecule.
 */
export interface Options {
  /**
   * `seed` of the random numbers, below 2^64. Molecule i of a seed is the same on every device
   * and in every batch.
   */
  seed?: number | bigint;
  /**
   * `first` is the index of the first molecule in the stream of the seed. That of the last is
   * below 2^31.
   */
  first?: number;
  /** `n` is the number of molecules. 0: one, or one for each of `from`. */
  n?: number;
  /**
   * `atoms` is the number of atoms of every molecule, up to 1024, and with `joint` of united
   * atoms. 0: drawn like those of the training data.
   */
  atoms?: number;
  /**
   * `formula` is the composition of every molecule, such as C7H10O2, for a model that is
   * conditioned on compositions, or of united atoms, such as [CH3]2[CH]O. Empty: drawn like
   * those of the training data.
   */
  formula?: string;
  /**
   * `joint` samples types and positions together, p(x, h), also by a model that is conditioned
   * on compositions, p(x | h).
   */
  joint?: boolean;
  /**
   * `fragment` is a molecule whose atoms are fixed, first in every molecule; the rest is made
   * around them (inpainting), for a model that is conditioned on fragments. They move and
   * rotate as one. A model of united atoms takes a hydrogen with the atom that it is bonded to.
   * Left out: no fixed atoms.
   */
  fragment?: Atoms;
  /**
   * `from` are molecules that the run starts from, noised to `t_start`, which must be given:
   * the smaller it is, the more alike they stay (SDEdit, Meng et al. 2022, arXiv 2108.01073).
   * Molecule i starts from the ith, and after the last from the first again. Empty: it starts
   * from noise.
   */
  from?: Atoms | Atoms[];
  /**
   * `properties` are values of properties that the model is conditioned on, by name, in the
   * units of its training data.
   */
  properties?: Record<string, number>;
  /**
   * `cfg_weight` is w of classifier-free guidance (Ho and Salimans 2022, arXiv 2207.12598), up
   * to 100: eps_hat = e + w·(e - u), with e predicted under `properties` and u without. Above 0
   * a step takes two network evaluations.
   */
  cfg_weight?: number;
  /**
   * `steps` is the number of steps, one network evaluation each (two by heun). One more
   * evaluation follows, at t = 0. 0: as many as the weights state for `method`, or 40, or
   * `t_start` where that is less.
   */
  steps?: number;
  /**
   * `rho` spaces the times of the methods but ancestral and ddim: (sigma_t/alpha_t)^(1/`rho`)
   * evenly (Karras et al. 2022, arXiv 2206.00364, equation 5). The smaller it is, from 1 to
   * 1000, the fewer steps are at low noise. 0: what the weights state for `method`, or evenly
   * in log SNR, the limit of a large `rho`.
   */
  rho?: number;
  /**
   * `t_start` is the time to start from, 1 to T, by a Gaussian fitted to the noised training
   * data (truncated diffusion); at T it is pure noise. 0: the first t with alpha_t² <= 0.41,
   * which is 600 of the shipped model's 1000; or T, of a model without the moments of its
   * training data.
   */
  t_start?: number;
  /** `method` is the solver. Empty: the one that the weights state, or dpm++2m-sde. */
  method?: Method;
  /**
   * `noise_scale` multiplies the noise of every step of a stochastic method, up to 2. Below 1
   * more molecules are stable, and they vary less. 0: 1.
   */
  noise_scale?: number;
  /** `gamma` is the symmetrisation. Empty: the model's own. */
  gamma?: Gamma;
  /**
   * `rotate` is an orthogonal H, by rows, that all noise and the fragment are rotated by, x·H.
   * R0 of gamma goes along, Hᵀ·R0, so that an equivariant sampler makes the same molecule,
   * rotated. Left out: no rotation.
   */
  rotate?: ArrayLike<number>;
  /** `uncoupled` leaves R0 of gamma as it is under `rotate`. */
  uncoupled?: boolean;
  /**
   * `branches` are other seeds from some step on, by ascending step: after `step` steps noise
   * comes from `seed`. Up to there a run is the same to the last bit.
   */
  branches?: Branch[];
}
