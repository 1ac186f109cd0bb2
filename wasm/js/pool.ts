// Many molecules, by several workers that share one download.
//
//   const pool = await SymDiffPool.load({ wasm, weights, sha256 });
//   for await (const { index, molecule } of pool.generate({ n: 100, seed: 7 })) show(index, molecule);
//   pool.close();

import { bytesOf } from "./bytes.js";
import {
  SymDiff,
  SymDiffError,
  type BatchOptions,
  type Frame,
  type LoadOptions,
  type ModelInfo,
  type Molecule,
} from "./index.js";

export interface PoolOptions extends LoadOptions {
  /**
   * Number of workers; default: one per core but one, two on two cores, at most 4; one where the
   * device says that it has 2 GB or less.
   */
  workers?: number;
}

/** The settings of all molecules; `n` has no bound. */
export interface ManyOptions extends Omit<BatchOptions, "every"> {
  /**
   * How many molecules a worker makes at a time; default: what bestBatch finds on this device.
   * Molecules do not depend on it. A larger batch is faster, up to a point; those of a batch are
   * finished together.
   */
  batch?: number;
  /**
   * Called with the frames of every molecule, at the start, after every `every` steps and at the
   * end.
   */
  onFrame?: (frame: Frame) => void;
  /** Default 10. */
  every?: number;
}

/** Molecules that one worker makes together. */
interface Batch {
  first: number;
  n: number;
  deaths: number;
  made: Set<number>;
}

export interface Made {
  /** Which molecule of the seed's stream. */
  index: number;
  molecule: Molecule;
}

/** How often a batch's worker may die before the run is given up. */
const MAX_DEATHS = 3;

/**
 * Finished molecules that wait for the caller: workers pause beyond it, so that memory stays
 * bounded.
 */
const MAX_WAITING = 64;

/** Steps between the frames of a molecule, where someone wants them. */
const FRAMES = 10;

/** The largest batch that is tried. */
const MAX_BATCH = 16;

/** How many workers suit this device. */
export function defaultWorkers(): number {
  const { hardwareConcurrency = 2, deviceMemory = 8 } = (globalThis.navigator ?? {}) as {
    hardwareConcurrency?: number;
    deviceMemory?: number;
  };
  return deviceMemory <= 2
    ? 1
    : Math.min(4, Math.max(2, hardwareConcurrency - 1), hardwareConcurrency);
}

/** A model in several workers. The molecules do not depend on their number. */
export class SymDiffPool {
  readonly info: ModelInfo;
  readonly workers: number;
  readonly #options: PoolOptions;
  readonly #weights: ArrayBuffer;
  readonly #idle: SymDiff[];
  /** Workers on their way, which no one waits for yet. */
  readonly #coming: Promise<SymDiff>[] = [];
  #started = 1;
  #closed = false;
  #best: { most: number; batch: number } | undefined;

  private constructor(first: SymDiff, weights: ArrayBuffer, options: PoolOptions) {
    this.info = first.info;
    this.workers = options.workers ?? defaultWorkers();
    this.#options = options;
    this.#weights = weights;
    this.#idle = [first];
  }

  /**
   * Fetches the weights once and starts the first worker; the others start when there is work for
   * them.
   */
  static async load(options: PoolOptions): Promise<SymDiffPool> {
    const { weights: source, signal, workers = 1 } = options;
    if (!Number.isSafeInteger(workers) || workers < 1)
      throw new SymDiffError("options", `workers: expected a whole number from 1, have ${workers}`);
    const weights = bytesOf(source) ?? (await download(source as string | URL, options));
    const first = await SymDiff.load({ ...options, weights });
    if (signal?.aborted) first.close();
    signal?.throwIfAborted();
    return new SymDiffPool(first, weights, options);
  }

  /**
   * A pool whose first worker is there already, with a copy of its weights for the others. The pool
   * ends that worker with its own.
   */
  static around(
    first: SymDiff,
    weights: ArrayBuffer,
    options: Omit<PoolOptions, "weights">,
  ): SymDiffPool {
    return new SymDiffPool(first, weights, { ...options, weights });
  }

  /**
   * Generates n molecules, each as soon as it is made, in no particular order. Leaving the loop or
   * aborting the signal stops all workers within one step. A batch whose worker dies is given to
   * another; after three deaths the run fails, with what was made kept by the caller. Where memory
   * does not suffice for all workers, fewer go on. Memory does not grow with n: workers pause while
   * the caller is behind.
   */
  async *generate(options: ManyOptions): AsyncGenerator<Made, void> {
    const { n, first = 0, signal } = options;
    if (!Number.isSafeInteger(n) || n < 1)
      throw new SymDiffError("options", `n: expected a whole number from 1, have ${n}`);
    if (first + n > 2 ** 31)
      throw new SymDiffError("options", `first ${first}: want 0 to ${2 ** 31 - n}`); // core sees a batch alone
    signal?.throwIfAborted();
    const stop = new AbortController();
    const onAbort = () => stop.abort(signal!.reason);
    signal?.addEventListener("abort", onAbort);
    const made: Made[] = [];
    let failure: unknown;
    let wake = () => {};
    let drained = Promise.resolve();
    let drain = () => {};
    try {
      const batch = await this.#batch(options, stop.signal);
      const again: Batch[] = [];
      let at = first;
      const next = (): Batch | undefined => {
        const retry = again.pop();
        if (retry || at >= first + n) return retry;
        const job = {
          first: at,
          n: Math.min(batch, first + n - at),
          deaths: 0,
          made: new Set<number>(),
        };
        at += job.n;
        return job;
      };
      const deliver = (one: Made) => {
        made.push(one);
        if (made.length === MAX_WAITING) drained = new Promise((resolve) => (drain = resolve));
        wake();
      };
      let lanes = Math.min(this.workers, Math.ceil(n / batch));
      const lane = async () => {
        for (;;) {
          await drained;
          const job = stop.signal.aborted ? undefined : next();
          if (!job) {
            lanes--;
            return;
          }
          try {
            await this.#run(job, options, stop.signal, deliver);
          } catch (error) {
            const died = isDeath(error);
            if (isScarcity(error) && lanes > 1) {
              again.push(job); // the other workers go on: memory for fewer is better than none
              lanes--;
              return;
            }
            if (!died || ++job.deaths >= MAX_DEATHS || stop.signal.aborted) {
              failure ??= error;
              stop.abort(error);
              drain();
            } else again.push(job);
          }
          wake();
        }
      };
      let running = true;
      const all = Promise.all(Array.from({ length: lanes }, lane)).then(() => {
        running = false;
        wake();
      });
      try {
        for (;;) {
          const next = made.shift();
          if (made.length < MAX_WAITING) drain();
          if (next) yield next;
          else if (!running) break;
          else await new Promise<void>((resolve) => (wake = resolve));
        }
        if (failure) throw failure;
      } finally {
        stop.abort();
        drain();
        await all;
      }
    } finally {
      signal?.removeEventListener("abort", onAbort);
      for (const coming of this.#coming.splice(0))
        void coming.then(
          (model) => this.#release(model),
          () => {},
        );
    }
  }

  /** How many molecules a worker should make at a time, so that all workers have as much to do. */
  async #batch({ n, batch }: ManyOptions, signal: AbortSignal): Promise<number> {
    if (batch !== undefined) {
      if (!Number.isSafeInteger(batch) || batch < 1 || batch > 256)
        throw new SymDiffError("options", `batch: expected 1 to 256, have ${batch}`);
      return batch;
    }
    const share = Math.ceil(n / this.workers);
    this.#prepare(Math.ceil(n / share), signal); // they start while the first one tries batches
    const best = await this.#bestBatch(Math.min(share, MAX_BATCH), signal);
    return Math.ceil(share / Math.ceil(share / best));
  }

  async #bestBatch(most: number, signal: AbortSignal): Promise<number> {
    if (most === 1) return 1;
    const known = this.#best;
    if (known && (known.most >= most || known.batch < known.most))
      return Math.min(known.batch, most);
    try {
      const batch = await this.#with(signal, (model) => model.bestBatch({ most, signal }));
      this.#best = { most, batch };
      return batch;
    } catch (error) {
      if (isDeath(error) && !signal.aborted) return 1; // the run has its own way with workers that die
      throw error;
    }
  }

  /** Ends all workers. A run in progress fails. */
  close(): void {
    this.#closed = true;
    for (const model of this.#idle.splice(0)) model.close();
  }

  /** Makes one batch on one worker. */
  #run(
    job: Batch,
    options: ManyOptions,
    signal: AbortSignal,
    deliver: (made: Made) => void,
  ): Promise<void> {
    const { batch: _, onFrame, ...settings } = options;
    const every = onFrame ? FRAMES : Infinity;
    return this.#with(signal, async (model) => {
      for await (const frame of model.sampleBatch({
        every,
        ...settings,
        first: job.first,
        n: job.n,
        signal,
      })) {
        onFrame?.(frame);
        if (!frame.molecule || job.made.has(frame.index)) continue;
        job.made.add(frame.index);
        deliver({ index: frame.index, molecule: frame.molecule });
      }
      if (job.made.size < job.n)
        throw new SymDiffError("worker", "the run ended without a molecule");
    });
  }

  /** Starts workers until there are so many; the first is to be there. */
  #prepare(workers: number, signal: AbortSignal): void {
    for (let k = this.#idle.length + this.#coming.length; this.#idle.length && k < workers; k++) {
      const coming = this.#start(signal);
      this.#coming.push(coming);
      coming.catch(() => {}); // whoever waits for it gets the error
    }
  }

  /** Lets a worker that is free, or a fresh one, do something. */
  async #with<T>(signal: AbortSignal, work: (model: SymDiff) => Promise<T>): Promise<T> {
    const model = this.#idle.pop() ?? (await (this.#coming.shift() ?? this.#start(signal)));
    try {
      const result = await work(model);
      this.#release(model);
      return result;
    } catch (error) {
      if (signal.aborted) this.#release(model);
      else model.close();
      throw error;
    }
  }

  #release(model: SymDiff): void {
    if (this.#closed) model.close();
    else this.#idle.push(model);
  }

  #start(signal: AbortSignal): Promise<SymDiff> {
    if (this.#closed) throw new SymDiffError("closed", "the pool was closed");
    this.#started++;
    const { onProgress: _, ...options } = this.#options;
    return SymDiff.load({ ...options, weights: this.#weights, signal });
  }

  /** How many workers were started so far, those that died included. */
  get started(): number {
    return this.#started;
  }
}

/** Whether a worker was lost, rather than asked for what cannot be done. */
function isDeath(error: unknown): boolean {
  return error instanceof SymDiffError && (error.code === "worker" || error.code === "memory");
}

function isScarcity(error: unknown): boolean {
  return error instanceof SymDiffError && error.code === "memory";
}

/** Reads a file with progress; rejects with a SymDiffError, or with the reason of the signal. */
export async function download(
  url: string | URL,
  options: Pick<LoadOptions, "bytes" | "signal" | "onProgress"> = {},
): Promise<ArrayBuffer> {
  const fail = (reason: string) => new SymDiffError("download", `${String(url)}: ${reason}`);
  let response: Response;
  try {
    response = await fetch(url, options.signal ? { signal: options.signal } : {});
  } catch (error) {
    options.signal?.throwIfAborted();
    throw fail(error instanceof Error ? error.message : String(error));
  }
  if (!response.ok || !response.body) throw fail(`HTTP ${response.status}`);
  const total = options.bytes ?? Number(response.headers.get("Content-Length") ?? 0);
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let loaded = 0;
  const reader = response.body.getReader();
  const read = () =>
    reader.read().catch((error: unknown) => {
      options.signal?.throwIfAborted();
      throw fail(
        `broke off after ${loaded} bytes (${error instanceof Error ? error.message : String(error)})`,
      );
    });
  for (let next = await read(); !next.done; next = await read()) {
    chunks.push(next.value);
    loaded += next.value.byteLength;
    options.onProgress?.({ stage: "download", loaded, total: Math.max(total, loaded) });
  }
  return new Blob(chunks).arrayBuffer();
}
