// The settings as a form: what it says, what was measured of it, and its place in the address.

import { models, type Measured, type Model } from "virtual:model";
import { element, make, onDrop, onFile, writeAddress } from "../dom.ts";
import { advise, type Advice, type Known } from "./formula.ts";
import { modelNamed, ownFile, shipped, type Weights } from "../engine.ts";
import { megabytes, percent } from "../format.ts";
import {
  carryOver,
  defaults,
  gammas,
  limitsOf,
  methodNames,
  methods,
  parseFormula,
  parseQuery,
  parseSeed,
  randomSeed,
  startAt,
  stepsOf,
  toQuery,
  wholeOf,
  withQuery,
  type Gamma,
  type Limits,
  type Settings,
} from "../settings.ts";
import { learnsGamma } from "../kernel.ts";
import { offerStarts, startNote } from "../start.ts";

const maxCount = 1000;

/** Everything that a press of Generate needs. */
export interface Order {
  settings: Settings;
  /** Which molecule of the seed's stream, where it is one alone. */
  index: number;
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
  #own: { weights: Weights; limits: Limits; known: Known } | undefined;
  /** The bounds, and the start, that the fields show. */
  #fitted = limitsOf(models[0]);
  #started = 0;
  /** The sampler before the user's last choice. */
  #sampler: Settings["method"] = methods[0];
  /** The seed of the latest run, to know whether the one in the field has been used. */
  #used = "";
  /**
   * The molecule of the seed's stream that the address asks for; another seed begins with its
   * first.
   */
  #index = 0;
  /** Whether the seed came with the address and has not been used yet. */
  linked = false;

  /** Called after every change, and with a file that was dropped or chosen. */
  onChange = (): void => {};
  onFile = (_weights: Weights): void => {};

  constructor() {
    for (const model of models) this.#model.add(new Option(model.name, model.name));
    for (const name of methods) this.#method.add(new Option(methodNames[name], name));
    this.#readAddress();
    for (const part of this.#parts) part.addEventListener("input", () => this.#changed());
    this.#model.addEventListener("change", () => {
      this.#fit();
      this.#changed();
    });
    this.#start.addEventListener("input", () => {
      const settings = this.#settings;
      this.#write({ ...settings, ...startAt(settings.start, settings) });
    });
    this.#method.addEventListener("input", () => {
      const { steps, ...settings } = this.#settings;
      const usual = steps === stepsOf(this.#sampler, this.#fitted);
      this.#write({
        ...settings,
        ...startAt(settings.start, {
          steps: usual ? stepsOf(settings.method, this.#fitted) : steps,
        }),
      });
      this.#changed();
    });
    this.#seed.addEventListener("input", () => {
      this.#locked = true; // a seed that was typed is meant
      this.#renew();
    });
    element("dice").addEventListener("click", () => {
      this.#locked = false;
      this.#renew();
      this.#write({ ...this.#settings, seed: randomSeed() });
      this.#changed();
    });
    this.#lock.addEventListener("click", () => {
      this.#locked = !this.#locked;
      this.#changed();
    });
    onFile(element<HTMLInputElement>("own"), (file) => this.onFile(ownFile(file)));
    onDrop("Drop a weights file (.safetensors) to use it here", (file) =>
      this.onFile(ownFile(file)),
    );
  }

  /**
   * The order that stands, or what is wrong with it. A used seed gives way to a new one, unless it
   * is locked.
   */
  order(): Order | { fault: string; field: HTMLElement } {
    if (!this.#locked && this.#seed.value === this.#used) {
      this.#renew();
      this.#write({ ...this.#settings, seed: randomSeed() });
    }
    const settings = this.#settings;
    if (parseSeed(settings.seed) === undefined)
      return { fault: "The seed has to be a whole number below 2^64.", field: this.#seed };
    if (this.#faultyFormula)
      return {
        fault:
          "The formula has to be like C7H10O2: symbols of elements, each with its number of atoms.",
        field: this.#formula,
      };
    const advice = this.#advice;
    if (advice?.refused) return { fault: advice.text, field: this.#formula };
    const count = Number(this.#count.value);
    if (!Number.isInteger(count) || count < 1 || count > maxCount) {
      return {
        fault: `The number of molecules has to be from 1 to ${maxCount.toLocaleString("en")}.`,
        field: this.#count,
      };
    }
    this.#used = settings.seed;
    this.linked = false;
    this.#changed();
    return { settings, index: this.#index, count, weights: this.weights };
  }

  /** Whether one molecule is asked for. */
  get single(): boolean {
    return this.#count.value === "1";
  }

  /** The weights that are chosen. */
  get weights(): Weights {
    return this.#own && this.#model.value === "own" ? this.#own.weights : shipped(this.model);
  }

  /** The shipped model that is chosen; with weights of the reader's own, the first. */
  get model(): Model {
    return modelNamed(this.#model.value);
  }

  /** What the chosen weights know, shipped or the reader's own. */
  get known(): Known {
    return this.#own && this.#model.value === "own" ? this.#own.known : this.model;
  }

  set disabled(value: boolean) {
    for (const part of this.#parts) part.disabled = value;
  }

  /** Offers the reader's own weights, and what they can do. */
  accept(weights: Weights, facts: Parameters<typeof limitsOf>[0] & Pick<Known, "elements">): void {
    this.#own = { weights, limits: limitsOf(facts), known: { ...facts, heavy: 0 } };
    this.#model.querySelector("[value=own]")?.remove();
    this.#model.add(new Option(`${weights.name} (yours)`, "own", true, true));
    this.#fit();
    this.#changed();
  }

  get #parts(): HTMLFieldSetElement[] {
    return ["settings", "advanced-settings"].map((id) => element<HTMLFieldSetElement>(id));
  }

  /** Another seed is to come: nothing of the one before counts. */
  #renew(): void {
    this.#used = "";
    this.#index = 0;
    this.linked = false;
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
      formula: this.#fitted.compositionConditional
        ? (parseFormula(this.#formula.value) ?? this.#formula.value.trim())
        : "",
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

  get #advice(): Advice | undefined {
    const { formula } = this.#settings;
    if (!formula || this.#faultyFormula) return undefined;
    return advise(formula, this.known);
  }

  #readAddress(): void {
    const q = new URLSearchParams(location.search);
    this.#model.value = modelNamed(q.get("model") ?? undefined).name;
    const limits = (this.#fitted = limitsOf(this.model));
    this.#fit();
    this.#locked = q.get("lock") === "1";
    this.#count.value = String(wholeOf(q, "n", 1, maxCount) ?? 1);
    this.#write(parseQuery(location.search, limits, defaults(limits)));
    this.#index = wholeOf(q, "index", 0, 1e6) ?? 0;
    this.linked = parseSeed(q.get("seed") ?? "") !== undefined;
    this.#dress();
  }

  #writeAddress(): void {
    const count = this.#count.value;
    const query = withQuery(toQuery(this.#settings, location.search), {
      n: count === "1" ? "" : count,
      index: this.#index ? String(this.#index) : "",
      lock: this.#locked ? "1" : "",
      model:
        this.#model.value === models[0].name || this.#model.value === "own"
          ? ""
          : this.#model.value,
    });
    writeAddress(query);
  }

  /** Bounds of the fields, by the model that is chosen; start and steps go along. */
  #fit(): void {
    const limits =
      this.#own && this.#model.value === "own" ? this.#own.limits : limitsOf(this.model);
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
    this.#seed.value = seed;
    this.#atoms.value = String(atoms);
    this.#formula.value = formula;
    this.#formula.disabled = !this.#fitted.compositionConditional;
    offerStarts(this.#start, start, this.#fitted);
    this.#started = start;
    this.#steps.min = String(Math.min(this.#fitted.minSteps, start));
    this.#steps.max = String(start);
    this.#steps.value = String(steps);
    if (!methods.some((name) => name === method) && this.#method.length === methods.length)
      this.#method.add(new Option(methodNames[method], method));
    this.#method.value = this.#sampler = method;
    this.#gamma.value = gamma;
  }

  #changed(): void {
    this.#dress();
    if (
      parseSeed(this.#seed.value) !== undefined &&
      this.#count.validity.valid &&
      !this.#faultyFormula
    )
      this.#writeAddress();
    this.onChange();
  }

  #dress(): void {
    this.#seed.setAttribute("aria-invalid", String(parseSeed(this.#seed.value) === undefined));
    this.#formula.setAttribute("aria-invalid", String(this.#faultyFormula));
    this.#atoms.disabled = this.#settings.formula !== "";
    const advice = this.#advice;
    element("asked-note").classList.toggle("warns", !!advice);
    element("asked-note").textContent = !this.#fitted.compositionConditional
      ? "This model samples the formula itself."
      : this.#faultyFormula
        ? "A formula is like C7H10O2: symbols of elements, each with its number of atoms."
        : (advice?.text ??
          (this.#settings.formula
            ? "Every molecule has this formula."
            : `Such as C7H10O2. Left empty, it is sampled from the training distribution.`));
    this.#count.setAttribute(
      "aria-invalid",
      String(!this.#count.validity.valid || !this.#count.value),
    );
    element("seed-note").textContent = this.#locked
      ? "Every run uses this seed."
      : this.linked
        ? "This seed is that of the link. The next run gets a new one."
        : "Each run gets a new seed.";
    element("advanced-note").textContent = this.#summary;
    element("steps-value").textContent = this.#steps.value;
    element("start-note").textContent = startNote(this.#started, this.#fitted);
    const n = Number(this.#count.value);
    element("generate").textContent =
      n > 1
        ? `Generate ${n.toLocaleString("en")} molecules`
        : this.linked
          ? "Generate the molecule of this link"
          : "Generate a molecule";
    this.#quality();
  }

  /** What is set apart from the defaults, in one line. */
  get #summary(): string {
    const { seed, atoms, formula, start, steps, method, gamma } = this.#settings;
    const otherwise = this.#fitted.defaults;
    const parts = [
      ...(this.#locked || this.linked ? [`seed ${seed}`] : []),
      ...(atoms && !formula ? [`${atoms} atoms`] : []),
      ...(steps === stepsOf(method, this.#fitted) ? [] : [`${steps} steps`]),
      ...(start === otherwise.t_start ? [] : [`from t = ${start}`]),
      ...(method === otherwise.method ? [] : [method]),
      ...(gamma === gammas[0] ? [] : [`γ ${gamma}`]),
      ...(this.#model.value === models[0].name
        ? []
        : [this.#own && this.#model.value === "own" ? this.#own.weights.name : this.#model.value]),
    ];
    return parts.join(", ");
  }

  /** What was measured with this sampler and start, and at how many steps. */
  #quality(): void {
    const { method, start, steps, gamma } = this.#settings;
    const own = this.#model.value === "own";
    const learns = own || learnsGamma(this.model); // what the user's file does is not known here
    const runs = own
      ? []
      : this.model.evaluation
          .filter((run) => run.method === method && run.start === start && !run.special)
          .sort((a, b) => a.steps - b.steps);
    element("presets").replaceChildren(
      ...runs.map((run) => this.#preset(run, run.steps === steps)),
    );
    const here = runs.find((run) => run.steps === steps);
    const published = method === "ancestral" ? " The paper uses this sampler." : "";
    element("quality").textContent = own
      ? "Your own weights have not been measured."
      : gamma !== gammas[0]
        ? "Not measured with this γ."
        : here
          ? `Of ${here.molecules.toLocaleString("en")} molecules sampled with these settings, ${percent(here.stable)} were stable, ${percent(here.valid)} valid and ${percent(here.connected)} connected.${published}`
          : `Not measured at ${steps} steps${runs.length ? "" : " with this sampler and start"}.${published}`;
    element<HTMLOptionElement>("gamma-own").textContent = learns ? "Learned" : "As trained (Haar)";
    const notes: Record<Gamma, string> = {
      learned: learns
        ? "Each step rotates the molecule by a random matrix γ. A small network f learned its distribution."
        : "Each step rotates the molecule by a random matrix γ, uniform over all rotations and reflections (the Haar measure).",
      haar: "Each step rotates the molecule by a random matrix γ, uniform over all rotations and reflections. The network f is left out.",
      none: "The plain transformer runs without γ. It is not equivariant, and was not trained for this.",
    };
    element("gamma-note").textContent = notes[gamma];
  }

  #preset(run: Measured, chosen: boolean): HTMLButtonElement {
    const steps = make(
      "span",
      {},
      String(run.steps),
      make("span", { className: "visually-hidden" }, " steps, "),
    );
    const share = make("b", {}, `${Math.round(100 * run.stable)} % stable`);
    const button = make("button", { type: "button" }, steps, share);
    button.setAttribute("aria-pressed", String(chosen));
    button.addEventListener("click", () => {
      this.#steps.value = String(run.steps);
      this.#changed();
      element("presets").querySelector<HTMLElement>("[aria-pressed=true]")?.focus();
    });
    return button;
  }
}

/** What a run fetches before it starts, in words; empty where it is all there. */
export function costText(bytes: number, chemistry: number): string {
  return `The first run downloads the model (${megabytes(bytes)}) and tools for drawing and properties (${megabytes(chemistry)}). The model stays on this device.`;
}
