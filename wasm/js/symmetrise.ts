// Stochastic symmetrisation of any denoiser written in JavaScript, in the thread that calls it.
//
//   const engine = await Symmetriser.load("symdiff.wasm");
//   const net = engine.symmetrise({ features: 6 }, (z, t) => myNetwork(z, t));
//   const { eps, gamma } = net(z, 0.5, { seed: 7, call: 0 });

import "./wasm_exec.js";
import { seedText, SymDiffError, textOf, whole } from "./error.js";

/** The groups that a denoiser can be made equivariant under; O(2) about an axis. */
export type Group = "O(3)" | "SO(3)" | { axis: readonly [number, number, number] };

/**
 * Predicts eps (n, 3+features), row by row, from z of the same shape at time t. It need not be
 * equivariant.
 */
export type Denoiser = (z: Float32Array, t: number) => ArrayLike<number>;

export interface Noise {
  /** 0 to 2^64-1; default 0. */
  seed?: number | bigint;
  /** Number of the call, as the time step of a sampler; default 0. */
  call?: number;
  /**
   * Couples the noise to an input turned by this orthogonal matrix H, by rows: positions X·H
   * instead of X. Then eps is turned by H too.
   */
  turn?: ArrayLike<number>;
}

export interface Symmetrised {
  /** (n, 3+features) the noise, its positions free of the centre of mass. */
  eps: Float32Array;
  /** The matrix C by rows: the denoiser saw X·C, and its answer was turned by Cᵀ. */
  gamma: number[];
}

interface Core {
  symmetrise(
    denoise: (z: Uint8Array, eps: Uint8Array) => string | undefined,
    options: {
      group: string;
      axis: readonly number[];
      features: number;
      seed: string;
      call: number;
      t: number;
    },
    z: Uint8Array,
    turn: Uint8Array,
    eps: Uint8Array,
  ): { gamma: number[] } | { error: string };
}

export class Symmetriser {
  readonly #core: Core;

  private constructor(core: Core) {
    this.#core = core;
  }

  /** Starts SymDiff's WebAssembly, from its URL or its bytes, in this thread. */
  static async load(wasm: string | URL | BufferSource): Promise<Symmetriser> {
    const go = new Go();
    const url = typeof wasm === "string" || wasm instanceof URL ? String(wasm) : undefined;
    const bytes = url === undefined ? (wasm as BufferSource) : await fetched(url);
    let instance: WebAssembly.Instance;
    try {
      ({ instance } = await WebAssembly.instantiate(bytes, go.importObject));
    } catch (error) {
      throw new SymDiffError("wasm", `${url ?? "wasm"}: ${textOf(error)}`);
    }
    void go.run(instance);
    const { symdiffCore } = globalThis as unknown as { symdiffCore?: Core };
    if (!symdiffCore)
      throw new SymDiffError("wasm", `${url ?? "wasm"}: not SymDiff's WebAssembly module`);
    return new Symmetriser(symdiffCore);
  }

  /**
   * Makes a denoiser equivariant: C ~ Haar(group), eps = k(X·C, h, t) with its positions, free of
   * their mean, turned back by Cᵀ. What the denoiser throws is thrown by the call.
   */
  symmetrise(
    options: { features: number; group?: Group },
    denoise: Denoiser,
  ): (z: Float32Array, t: number, noise?: Noise) => Symmetrised {
    const { features, group = "O(3)" } = options;
    return (z, t, { seed = 0, call = 0, turn = [] } = {}) => {
      const eps = new Float32Array(z.length);
      let thrown: unknown;
      const inner = (input: Uint8Array, output: Uint8Array): string | undefined => {
        try {
          const answer = denoise(new Float32Array(input.buffer as ArrayBuffer), t);
          if (answer.length !== z.length)
            return `the denoiser gave ${answer.length} values, not ${z.length}`;
          new Float32Array(output.buffer as ArrayBuffer).set(answer);
          return undefined;
        } catch (error) {
          thrown = error;
          return "the denoiser failed";
        }
      };
      const result = this.#core.symmetrise(
        inner,
        {
          group: typeof group === "string" ? group : "O(2)",
          axis: typeof group === "string" ? [] : group.axis,
          features,
          seed: seedText("seed", seed),
          call: Number(whole("call", call)),
          t,
        },
        new Uint8Array(z.buffer, z.byteOffset, z.byteLength),
        new Uint8Array(Float64Array.from(turn).buffer),
        new Uint8Array(eps.buffer),
      );
      if (thrown !== undefined) throw thrown;
      if ("error" in result) throw new SymDiffError("options", result.error);
      return { eps, gamma: result.gamma };
    };
  }
}

async function fetched(url: string): Promise<ArrayBuffer> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (error) {
    throw new SymDiffError("download", `${url}: ${textOf(error)}`);
  }
  if (!response.ok) throw new SymDiffError("download", `${url}: HTTP ${response.status}`);
  return response.arrayBuffer();
}
