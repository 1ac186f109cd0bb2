// The settings as a form: what it says, what was measured of it, and its place in the address.

import { models, type Measured, type Model } from "virtual:model";
import { element, make } from "../dom.ts";
import { modelNamed, ownFile, shipped, type Weights } from "../engine.ts";
import { megabytes, percent } from "../format.ts";
import {
  carryOver, defaults, gammas, limitsOf, mostSteps, parseFormula, parseQuery, parseSeed, randomSeed, startAt, toQuery, wholeOf, withQuery, type Gamma, type Limits, type Settings,
} from "../settings.ts";
import { offerStarts, startNote } from "../start.ts";

const maxCount = 1000;

/** Everything that a press of Generate needs. */
export interface Order {
  settings: Settings;
  count: number;
  weights: Weights;
}

export class Controls {
  readonly #seed = element<HTMLInputElement>("seed");
  readonly #lock = element<HTMLButtonElement>("lock");
  readonly #atoms = element<HTMLSelectElement>("atoms");
  readonly #formula = element<HTMLInputElement>("asked");
  readonly #count = element<HTMLInputElement>("count");
  readonly #method = element<HTMLSelectElement>("method");
  readonly #start = element<HTMLSelectElement>("start");
  readonly #steps = element<HTMLInputElement>("steps");
  readonly #gamma = element<HTMLSelectElement>("gamma");
  readonly #model = element<HTMLSelectElement>("model");
  #own: { weights: Weights; limits: Limits } | undefined;
  /** The bounds, and the start, that the fields show. */
  #fitted = limitsOf(models[0]);
  #started = 0;
  /** The seed of the latest run, to know whether the one in the field has been used. */
  #used = "";

  /** Called after every change, and with a file that was dropped or chosen. */
  onChange = (): void => {};
  onFile = (_weights: Weights): void => {};

  constructor() {
    for (const model of models) this.#model.add(new Option(model.name, model.name));
    this.#readAddress();
    element("settings").addEventListener("input", () => this.#changed());
    this.#model.addEventListener("change", () => {
      this.#fit();
      this.#changed();
    });
    this.#start.addEventListener("input", () => {
      const settings = this.#settings;
      this.#write({ ...settings, ...startAt(settings.start, { ...settings, start: this.#started }, this.#fitted) });
    });
    this.#seed.addEventListener("input", () => (this.#used = "")); // a seed that was typed is meant
    element("dice").addEventListener("click", () => {
      this.#write({ ...this.#settings, seed: randomSeed() });
      this.#changed();
    });
    this.#lock.addEventListener("click", () => {
      this.#locked = !this.#locked;
      this.#changed();
    });
    element<HTMLInputElement>("own").addEventListener("change", (event) => this.#take((event.target as HTMLInputElement).files));
    this.#listenForDrops();
  }

  /** The order that stands, or what is wrong with it. A used seed gives way to a new one, unless it is locked. */
  order(): Order | { fault: string; field: HTMLElement } {
    if (!this.#locked && this.#seed.value === this.#used) this.#write({ ...this.#settings, seed: randomSeed() });
    const settings = this.#settings;
    if (parseSeed(settings.seed) === undefined) return { fault: "The seed has to be a whole number below 2^64.", field: this.#seed };
    if (this.#faultyFormula) return { fault: "The formula has to be like C7H10O2: symbols of elements, each with its number of atoms.", field: this.#formula };
    const count = Number(this.#count.value);
    if (!Number.isInteger(count) || count < 1 || count > maxCount) {
      return { fault: `The number of molecules has to be from 1 to ${maxCount.toLocaleString("en")}.`, field: this.#count };
    }
    this.#used = settings.seed;
    this.#changed();
    return { settings, count, weights: this.weights };
  }

  /** The weights that are chosen. */
  get weights(): Weights {
    return this.#own && this.#model.value === "own" ? this.#own.weights : shipped(this.model);
  }

  /** The shipped model that is chosen; with weights of the reader's own, the usual one. */
  get model(): Model {
    return modelNamed(this.#model.value);
  }

  set disabled(value: boolean) {
    element<HTMLFieldSetElement>("settings").disabled = value;
  }

  /** Offers the reader's own weights, and what they can do. */
  accept(weights: Weights, facts: Parameters<typeof limitsOf>[0]): void {
    this.#own = { weights, limits: limitsOf(facts) };
    this.#model.querySelector("[value=own]")?.remove();
    this.#model.add(new Option(`${weights.name} (yours)`, "own", true, true));
    this.#fit();
    this.#changed();
  }

  get #locked(): boolean {
    return this.#lock.getAttribute("aria-pressed") === "true";
  }

  set #locked(value: boolean) {
    this.#lock.setAttribute("aria-pressed", String(value));
  }

  get #settings(): Settings {
    return {
      seed: parseSeed(this.#seed.value) ?? this.#seed.value,
      atoms: Number(this.#atoms.value),
      formula: this.#fitted.takesTypes ? this.#formula.value.trim() : "",
      start: Number(this.#start.value),
      steps: Number(this.#steps.value),
      method: this.#method.value as Settings["method"],
      gamma: this.#gamma.value as Gamma,
    };
  }

  get #faultyFormula(): boolean {
    const { formula } = this.#settings;
    return formula !== "" && parseFormula(formula) === undefined;
  }

  #readAddress(): void {
    const q = new URLSearchParams(location.search);
    this.#model.value = modelNamed(q.get("model") ?? undefined).name;
    const limits = (this.#fitted = limitsOf(this.model));
    this.#fit();
    this.#locked = q.get("lock") === "1";
    this.#count.value = String(wholeOf(q, "n", 1, maxCount) ?? 1);
    this.#write(parseQuery(location.search, limits, defaults(limits)));
    this.#dress();
  }

  #writeAddress(): void {
    const count = this.#count.value;
    const query = withQuery(toQuery(this.#settings, location.search), {
      n: count === "1" ? "" : count,
      lock: this.#locked ? "1" : "",
      model: this.#model.value === models[0].name || this.#model.value === "own" ? "" : this.#model.value,
    });
    history.replaceState(null, "", query);
  }

  /** Bounds of the fields, by the model that is chosen; start and steps go along. */
  #fit(): void {
    const limits = this.#own && this.#model.value === "own" ? this.#own.limits : limitsOf(this.model);
    const chosen = this.#atoms.value;
    this.#atoms.length = 1;
    for (const n of limits.sizes) this.#atoms.add(new Option(String(n), String(n)));
    this.#atoms.value = chosen;
    if (this.#atoms.selectedIndex < 0) this.#atoms.value = "0";
    const settings = this.#settings;
    const follows = carryOver(settings, this.#fitted, limits);
    this.#fitted = limits;
    this.#write({ ...settings, ...follows });
  }

  #write({ seed, atoms, formula, start, steps, method, gamma }: Settings): void {
    const most = mostSteps(start, this.#fitted);
    this.#seed.value = seed;
    this.#atoms.value = String(atoms);
    this.#formula.value = formula;
    this.#formula.disabled = !this.#fitted.takesTypes;
    offerStarts(this.#start, start, this.#fitted);
    this.#started = start;
    this.#steps.min = String(Math.min(this.#fitted.minSteps, most));
    this.#steps.max = String(most);
    this.#steps.value = String(steps);
    this.#method.value = method;
    this.#gamma.value = gamma;
  }

  #changed(): void {
    this.#dress();
    if (parseSeed(this.#seed.value) !== undefined && this.#count.validity.valid && !this.#faultyFormula) this.#writeAddress();
    this.onChange();
  }

  #dress(): void {
    this.#seed.setAttribute("aria-invalid", String(parseSeed(this.#seed.value) === undefined));
    this.#formula.setAttribute("aria-invalid", String(this.#faultyFormula));
    this.#atoms.disabled = this.#settings.formula !== "";
    element("asked-note").textContent = this.#fitted.takesTypes ? "Such as C7H10O2; left open it is drawn as in the data." : "Not for this model: it is not told which atoms there are.";
    this.#count.setAttribute("aria-invalid", String(!this.#count.validity.valid || !this.#count.value));
    element("seed-note").textContent = this.#locked ? "Kept for every run." : "A new one for each run.";
    element("steps-value").textContent = this.#steps.value;
    element("start-note").textContent = startNote(this.#started, this.#fitted);
    const n = Number(this.#count.value);
    element("generate").textContent = n > 1 ? `Generate ${n.toLocaleString("en")} molecules` : "Generate a molecule";
    this.#quality();
  }

  /** What was measured with this sampler and start, and at how many steps. */
  #quality(): void {
    const { method, start, steps, gamma } = this.#settings;
    const own = this.#model.value === "own";
    const learns = own || this.model.variant === "symdiff"; // what a file of one's own does is not known here
    const runs = own ? [] : this.model.evaluation.filter((run) => run.method === method && run.start === start && !run.freeTypes).sort((a, b) => a.steps - b.steps);
    element("presets").replaceChildren(...runs.map((run) => this.#preset(run, run.steps === steps)));
    const here = runs.find((run) => run.steps === steps);
    const published = method === "ancestral" ? " Ancestral is what was published." : "";
    element("quality").textContent = own
      ? "Nothing was measured of your own weights."
      : gamma !== gammas[0]
        ? `Measured with ${learns ? "the learned γ" : "γ as trained"} only.`
        : here
          ? `Of ${here.molecules.toLocaleString("en")} molecules made so, ${percent(here.stable)} were stable, ${percent(here.valid)} valid, ${percent(here.connected)} connected.${published}`
          : `Not measured at ${steps} steps${runs.length ? "" : start ? " with this sampler and start" : " with this sampler"}.${published}`;
    element<HTMLOptionElement>("gamma-own").textContent = learns ? "Learned" : "As trained: Haar";
    const notes: Record<Gamma, string> = {
      learned: learns
        ? "Each step turns the molecule by a random matrix, part of it learned: the paper's method."
        : "Each step turns the molecule by a matrix drawn blindly: this model has no learned part (SymDiff-H).",
      haar: "Each step turns the molecule by a matrix drawn blindly; the learned part is left out.",
      none: "Nothing is turned: a plain transformer, not equivariant. It was not trained for this.",
    };
    element("gamma-note").textContent = notes[gamma];
  }

  #preset(run: Measured, chosen: boolean): HTMLButtonElement {
    const steps = make("span", {}, String(run.steps), make("span", { className: "visually-hidden" }, " steps, "));
    const share = make("b", {}, `${Math.round(100 * run.stable)} %`, make("span", { className: "visually-hidden" }, " stable"));
    const button = make("button", { type: "button" }, steps, share);
    button.setAttribute("aria-pressed", String(chosen));
    button.addEventListener("click", () => {
      this.#steps.value = String(run.steps);
      this.#changed();
      element("presets").querySelector<HTMLElement>("[aria-pressed=true]")?.focus();
    });
    return button;
  }

  #take(files: FileList | null | undefined): void {
    const file = files?.[0];
    if (file) this.onFile(ownFile(file));
  }

  #listenForDrops(): void {
    const root = document.documentElement;
    addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      root.classList.add("dropping");
    });
    addEventListener("dragleave", (event) => event.relatedTarget ?? root.classList.remove("dropping"));
    addEventListener("drop", (event) => {
      root.classList.remove("dropping");
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      this.#take(event.dataTransfer.files);
    });
  }
}

/** What a run fetches before it starts, in words; empty where it is all there. */
export function costText(bytes: number, chemistry: number): string {
  return `The first run downloads ${megabytes(bytes)}, the model, which then stays on this device; drawing and properties add ${megabytes(chemistry)}.`;
}

