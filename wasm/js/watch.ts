// Reports when a worker that owes an answer has died without a word, as browsers let it for lack of
// memory.

/** Between two pings, ms. */
const BEAT = 1000;

/**
 * Watches one worker while something is pending. Any message of the worker is a sign of life;
 * between them it is asked for one.
 */
export class Watch {
  readonly #beat: number;
  readonly #beats: number;
  readonly #ping: () => void;
  readonly #lost: () => void;
  #timer: ReturnType<typeof setInterval> | undefined;
  #silent = 0;

  /**
   * `lost` is called after `patience` ms of silence. They are counted in pings without an answer,
   * not by the clock: a tab put to sleep sleeps with its workers, and a page that was busy has not
   * listened.
   */
  constructor(patience: number, ping: () => void, lost: () => void) {
    this.#beat = Math.min(BEAT, patience / 3);
    this.#beats = Math.ceil(patience / this.#beat);
    this.#ping = ping;
    this.#lost = lost;
  }

  start(): void {
    this.heard();
    this.#timer ??= setInterval(
      () => (++this.#silent > this.#beats ? this.#lost() : this.#ping()),
      this.#beat,
    );
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  heard(): void {
    this.#silent = 0;
  }
}
