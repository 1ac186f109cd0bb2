// What the pages that experiment share: one piece of work at a time, on models that load when they
// are first needed, with progress, cancel, and a message where it fails.

import type { SymDiff } from "symdiff-mol";
import { announce, element, make } from "./dom.ts";
import { downloadBytes, Engine, loadingText, type Weights } from "./engine.ts";
import { megabytes } from "./format.ts";
import { dropModel, keepModel } from "./offline.ts";
import { kept } from "./link.ts";
import { explain } from "./problems.ts";

/** A model at work: a second worker beside the engine's first, so that two runs go side by side. */
interface Pair {
  readonly engine: Engine;
  readonly second: SymDiff;
}

export class Session {
  readonly #start = element<HTMLButtonElement>("start");
  readonly #cancel = element<HTMLButtonElement>("cancel");
  readonly #bar = element<HTMLProgressElement>("bar");
  readonly #text = element("progress-text");
  readonly #error = element("error");
  readonly #pairs = new Map<Weights, Pair>();
  #running: AbortController | undefined;
  /** Whether the default model was on this device before. */
  #kept = false;

  constructor(byDefault: Weights) {
    element("cost").textContent =
      `The first run downloads the model (${megabytes(downloadBytes(byDefault))}). It stays on this device.`;
    void kept(String(byDefault.source)).then((here) => {
      this.#kept = here;
      if (here) element("cost").hidden = true;
    });
    this.#cancel.addEventListener("click", () => this.stop());
    addEventListener("keydown", (event) => {
      if (event.key === "Escape" && !event.defaultPrevented) this.stop();
    });
  }

  get running(): boolean {
    return this.#running !== undefined;
  }

  /** Whether a run of these weights can begin without a download. */
  has(weights: Weights): boolean {
    return this.#pairs.has(weights);
  }

  stop(): void {
    this.#running?.abort();
  }

  /**
   * Does one piece of work, after stopping the one before. Resolves to whether it came to its end;
   * the reader sees a failure, and a model that failed is loaded anew next time.
   */
  async work(job: (signal: AbortSignal) => Promise<void>): Promise<boolean> {
    this.stop();
    const mine = (this.#running = new AbortController());
    this.#enter();
    try {
      await job(mine.signal);
      return true;
    } catch (error) {
      if (!mine.signal.aborted) await this.#fail(error);
      else if (this.#running === mine) announce("Cancelled.");
      mine.abort(); // whatever else the job has under way
      return false;
    } finally {
      if (this.#running === mine) {
        this.#running = undefined;
        this.#leave();
      }
    }
  }

  /** The workers of a model, loaded where they are not yet. */
  async pair(weights: Weights, signal: AbortSignal): Promise<Pair> {
    const known = this.#pairs.get(weights);
    if (known) return known;
    announce("Fetching the model.");
    const engine = await Engine.load(weights, {
      signal,
      onProgress: (p) => this.progress(p.loaded / p.total, loadingText(p)),
    });
    try {
      const pair = { engine, second: await engine.another({ signal }) };
      this.#pairs.set(weights, pair);
      if (typeof weights.source === "string") void keepModel(engine.info.simd, weights.source);
      return pair;
    } catch (error) {
      engine.close();
      throw error;
    }
  }

  progress(share: number, text: string): void {
    this.#bar.value = Number.isFinite(share) ? share : 0;
    this.#text.textContent = text;
  }

  /** A message that stays until the next piece of work. */
  tell(advice: string, detail: string): void {
    this.#error.replaceChildren(
      make("p", { textContent: advice }),
      make("p", { className: "note", textContent: detail }),
    );
    this.#error.hidden = false;
  }

  #enter(): void {
    const focused = document.activeElement === this.#start;
    this.#start.hidden = true;
    this.#cancel.hidden = false;
    if (focused) this.#cancel.focus({ preventScroll: true });
    element("cost").hidden = true;
    element("progress").hidden = false;
    this.progress(0, "Starting");
    this.#error.hidden = true;
    element<HTMLButtonElement>("update-now").disabled = true;
  }

  #leave(): void {
    const focused = document.activeElement === this.#cancel;
    this.#start.hidden = false;
    this.#cancel.hidden = true;
    element("cost").hidden = this.#kept || this.#pairs.size > 0;
    element("progress").hidden = true;
    element<HTMLButtonElement>("update-now").disabled = false;
    if (focused) this.#start.focus({ preventScroll: true });
  }

  async #fail(error: unknown): Promise<void> {
    const { advice, detail } = explain(error);
    this.tell(advice, detail);
    const code = (error as { code?: string }).code;
    if (code === "options") return;
    for (const { engine } of this.#pairs.values()) engine.close();
    this.#pairs.clear();
    if (code === "hash") await dropModel();
  }
}
