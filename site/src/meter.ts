// Speed and time left of a run.

interface Mark {
  time: number;
  step: number;
}

export class Meter {
  readonly #marks: Mark[] = [];
  readonly #window: number;

  /** Speed is measured over a window of so many ms. */
  constructor(window = 2000) {
    this.#window = window;
  }

  /** Takes note of a step, at a time in ms. */
  add(step: number, time: number): void {
    this.#marks.push({ step, time });
    while (this.#marks.length > 2 && time - this.#marks[0]!.time > this.#window)
      this.#marks.shift();
  }

  /** Steps per second over the last window; undefined until it is known. */
  get rate(): number | undefined {
    const [first, last] = [this.#marks[0], this.#marks.at(-1)];
    if (!first || !last || last.time - first.time < 100) return undefined;
    return (1000 * (last.step - first.step)) / (last.time - first.time);
  }

  /** Seconds until the step is reached. */
  left(steps: number): number | undefined {
    const rate = this.rate;
    return rate ? (steps - this.#marks.at(-1)!.step) / rate : undefined;
  }
}
