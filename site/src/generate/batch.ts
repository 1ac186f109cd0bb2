// A run of many molecules over a pool of workers.

import type { Frame } from "symdiff-mol";
import type { Engine } from "../engine.ts";
import { element } from "../dom.ts";
import { seconds } from "../format.ts";
import { Meter } from "../meter.ts";
import { sampleOptions } from "../settings.ts";
import { save } from "../save.ts";
import type { Chemistry } from "./chemistry.ts";
import { csv, Filters } from "./filters.ts";
import { Gallery, type Item } from "./gallery.ts";
import { jobCommand, type Origin } from "./outcome.ts";

/** Pictures of a molecule on its way. */
const picturesKept = 12;

interface Progressing {
  signal: AbortSignal;
  onProgress: (share: number, text: string) => void;
}

export class Batch {
  readonly #section = element("batch");
  readonly #gallery: Gallery;
  readonly #filters: Filters;
  #origin: Origin | undefined;
  #n = 0;

  constructor(open: (item: Item, origin: Origin) => void, chemistry: Chemistry) {
    this.#filters = new Filters(chemistry);
    this.#gallery = new Gallery(this.#filters, (item) => {
      this.#gallery.current = item.index;
      open(item, this.#origin!);
    });
    element("batch-sdf").addEventListener("click", () => this.#save());
    element("batch-csv").addEventListener("click", () => void this.#saveTable());
  }

  /** Generates n molecules and shows each as it comes. What was made stays, whatever happens. */
  async run(
    engine: Engine,
    origin: Origin,
    n: number,
    { signal, onProgress }: Progressing,
  ): Promise<void> {
    this.#origin = origin;
    this.#n = n;
    this.#gallery.begin(engine.info.elements);
    this.#section.hidden = false;
    element("batch-title").textContent = `${n.toLocaleString("en")} molecules`;
    element("batch-command").textContent = jobCommand(origin, 0, n, this.#file);
    const note = element("batch-note");
    const tell = (share: number, text: string) => {
      note.textContent = text;
      onProgress(share, text);
    };
    const meter = new Meter(20_000);
    let done = 0;
    meter.add(0, performance.now());
    tell(0, `0 of ${n.toLocaleString("en")} molecules`);
    try {
      const every = Math.max(1, Math.round(origin.settings.steps / picturesKept));
      const onFrame = (frame: Frame) => this.#gallery.form(frame);
      const { pool } = engine;
      for await (const { index, molecule } of pool.generate({
        ...sampleOptions(origin.settings),
        n,
        signal,
        every,
        onFrame,
      })) {
        this.#gallery.add(index, molecule);
        meter.add(++done, performance.now());
        const { rate } = meter;
        const speed = rate
          ? `, ${rate.toFixed(1)} per second, ${seconds(meter.left(n)!)} left`
          : "";
        tell(
          done / n,
          `${done.toLocaleString("en")} of ${n.toLocaleString("en")} molecules${speed}`,
        );
      }
    } finally {
      note.textContent = done < n ? `Stopped. ${done.toLocaleString("en")} are finished.` : "";
      this.#gallery.settle();
    }
  }

  /** Gives the focus to the molecule that is open. */
  focus(): void {
    this.#section.querySelector<HTMLElement>(".card.current")?.focus({ preventScroll: true });
  }

  /** One sentence for screen readers. */
  get spoken(): string {
    const { stable, valid, unique } = this.#gallery.tally.shares;
    return `Finished: ${this.#gallery.tally.molecules} molecules, ${stable.count} stable, ${valid.count} valid, ${unique.count} unique among the valid.`;
  }

  get #file(): string {
    return `symdiff-${this.#n}-seed${this.#origin!.settings.seed}.sdf`;
  }

  /** One SDF of all that is shown, with the properties that were worked out as data fields. */
  #save(): void {
    const records = this.#gallery.filtered.map((item) => {
      const fields = this.#filters
        .columns(item)
        .map(([name, value]) => `>  <${name}>\n${value}\n\n`);
      return item.molecule.sdf.replace(/\$\$\$\$\n$/, () => `${fields.join("")}$$$$\n`);
    });
    save(this.#file, records.join(""), "chemical/x-mdl-sdfile");
  }

  /** A table of all that is shown. */
  async #saveTable(): Promise<void> {
    const button = element<HTMLButtonElement>("batch-csv");
    button.disabled = true;
    await this.#filters.work();
    button.disabled = false;
    const rows = this.#gallery.filtered.map((item) => {
      const { index, molecule } = item;
      const verdicts = {
        stable: molecule.stable,
        valid: molecule.valid,
        connected: molecule.connected,
      };
      return Object.entries({
        index,
        formula: molecule.formula,
        smiles: this.#filters.smiles(item),
        ...verdicts,
        ...Object.fromEntries(this.#filters.columns(item)),
      });
    });
    const names = [...new Set(rows.flatMap((row) => row.map(([name]) => name)))];
    const lines = rows.map((row) =>
      csv(names.map((name) => String(Object.fromEntries(row)[name] ?? ""))),
    );
    save(this.#file.replace(/sdf$/, "csv"), csv(names) + lines.join(""), "text/csv");
  }
}
