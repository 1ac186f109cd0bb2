// <symdiff-viewer>, the custom element of the npm package; what it can do is told in wasm/npm/viewer.d.ts.

import { readMolecules, SymDiff, type LoadOptions, type Method, type Molecule, type MoleculeOfFile, type SampleOptions } from "symdiff-mol";
import { qm9Web } from "symdiff-mol/qm9-web";
import type { SymDiffViewer as Described } from "../../../wasm/npm/viewer.js";
import { make } from "../dom.ts";
import { explain } from "../problems.ts";
import { progressText, run } from "../run.ts";
import { Trajectory } from "../trajectory.ts";
import { Transport } from "../transport.ts";
import { Viewer } from "../view/viewer.ts";
import css from "./element.css?inline";

const sheet = new CSSStyleSheet();
sheet.replaceSync(css);

export class SymDiffViewer extends HTMLElement implements Described {
  static readonly observedAttributes = ["src"];
  model: LoadOptions = qm9Web;
  readonly #view = make("div", { className: "view" });
  readonly #bar = make("div", { className: "transport", role: "group", ariaLabel: "Trajectory", hidden: true });
  readonly #status = make("p", { className: "status", role: "status" });
  readonly #button = make("button", { type: "button", hidden: true });
  #viewer: Viewer | undefined;
  #transport: Transport | undefined;
  #engine: SymDiff | undefined;
  #running: AbortController | undefined;

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    const help = make("p", { className: "help", id: "help" }, "Drag to turn, wheel or pinch to zoom. Keys: arrows, plus, minus, 0.");
    root.append(this.#view, help, this.#bar, make("div", { className: "bar" }, this.#status, this.#button));
    this.#button.addEventListener("click", () => (this.#running ? this.cancel() : void this.generate().catch(() => {})));
  }

  connectedCallback(): void {
    if (!this.#viewer) {
      this.#viewer = new Viewer(this.#view, "help", this.getAttribute("renderer") === "2d");
      this.#viewer.label = this.getAttribute("label") ?? "No molecule yet";
      this.#transport = new Transport(this.#bar, [this.#viewer], this.#bar, false);
    }
    const text = this.textContent?.trim();
    const src = this.getAttribute("src");
    if (src) void this.#fetch(src);
    else if (text) void this.show(`${text}\n`).catch(() => {});
    else this.#offer();
  }

  /** Frees the worker; what is shown stays. */
  disconnectedCallback(): void {
    this.cancel();
    this.#transport?.pause();
    this.#engine?.close();
    this.#engine = undefined;
  }

  attributeChangedCallback(_: string, before: string | null, now: string | null): void {
    if (this.#viewer && now && now !== before) void this.#fetch(now);
  }

  async show(text: string, name = "molecule.xyz"): Promise<void> {
    try {
      this.#open(await readMolecules(text, { ...this.model, name }));
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  async generate(): Promise<Molecule | undefined> {
    this.cancel();
    const { signal } = (this.#running = new AbortController());
    this.#button.hidden = false;
    this.#button.textContent = "Cancel";
    try {
      this.#engine ??= await SymDiff.load({ ...this.model, signal, onProgress: (p) => this.#tell(`Fetching the model: ${Math.round((100 * p.loaded) / (p.total || Infinity))} %`) });
      const { molecule } = await run(this.#engine, { ...this.#options(), signal }, {
        onStart: (trajectory) => this.#begin(trajectory),
        onFrame: (frame, meter) => {
          this.#transport?.grown();
          this.#tell(progressText(frame, meter));
        },
      });
      this.#name(molecule.formula);
      this.#tell(`${molecule.formula}, ${molecule.stable ? "stable" : "not stable"}, ${molecule.connected ? "connected" : "not connected"}`);
      this.dispatchEvent(new CustomEvent("molecule", { detail: molecule, bubbles: true, composed: true }));
      return molecule;
    } catch (error) {
      if (signal.aborted) {
        this.#tell("Cancelled.");
        return undefined;
      }
      this.#engine?.close();
      this.#engine = undefined;
      this.#fail(error);
      throw error;
    } finally {
      if (this.#running?.signal === signal) this.#running = undefined;
      if (!this.#running) this.#button.textContent = this.#engine ? "Again" : "Generate";
    }
  }

  cancel(): void {
    this.#running?.abort();
    this.#running = undefined;
  }

  #options(): SampleOptions {
    const whole = (name: string) => Number(this.getAttribute(name) ?? 0);
    const method = this.getAttribute("method");
    const seed = this.getAttribute("seed");
    return {
      seed: /^\d+$/.test(seed ?? "") ? BigInt(seed!) : BigInt(Math.floor(1e6 * Math.random())),
      atoms: whole("atoms"),
      ...(this.hasAttribute("steps") && { steps: whole("steps") }),
      ...(this.hasAttribute("start") && { start: whole("start") }),
      ...(method !== null && { method: method as Method }),
    };
  }

  async #fetch(url: string): Promise<void> {
    this.#tell("Fetching the file");
    try {
      const response = await fetch(url).catch(() => undefined);
      if (!response?.ok) throw new Error(`${url} could not be fetched${response ? ` (HTTP ${response.status})` : ""}.`);
      await this.show(await response.text(), new URL(url, document.baseURI).pathname.split("/").pop());
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Frames of one molecule become a trajectory; of files with several molecules the first is shown. */
  #open(molecules: MoleculeOfFile[]): void {
    const first = molecules[0]!;
    const atoms = first.elements.length;
    const frames = molecules.every((m) => m.elements.length === atoms) ? molecules : [first];
    const elements = [...new Set(frames.flatMap((m) => m.elements))];
    const trajectory = new Trajectory(elements, atoms, frames.length - 1);
    frames.forEach((m, step) => {
      const scores = Float32Array.from({ length: atoms * elements.length }, (_, k) => Number(m.elements[Math.floor(k / elements.length)] === elements[k % elements.length]));
      trajectory.add({ index: 0, step, steps: frames.length - 1, atoms, positions: Float32Array.from(m.positions), scores, bonds: m.bonds, molecule: m as Molecule });
    });
    this.#begin(trajectory);
    const last = frames.at(-1)!;
    this.#name(last.formula);
    this.#tell(frames.length < molecules.length ? `${last.formula}: the first of ${molecules.length} molecules` : last.formula);
    if (this.hasAttribute("autoplay")) this.#transport?.play(this.hasAttribute("loop"));
  }

  #begin(trajectory: Trajectory): void {
    this.#bar.hidden = trajectory.steps === 0;
    this.#transport?.open(trajectory);
  }

  #offer(): void {
    this.#button.hidden = false;
    this.#button.textContent = "Generate";
    this.#tell(`The model is fetched first: ${((this.model.bytes ?? 0) / 1e6).toFixed(1)} MB of weights.`);
  }

  #name(formula: string): void {
    this.#viewer!.label = this.getAttribute("label") ?? `Molecule ${formula}`;
  }

  #tell(text: string): void {
    this.#status.textContent = text;
  }

  #fail(error: unknown): void {
    const { advice, detail } = explain(error);
    this.#tell(`${advice} ${detail}`);
    const { code = "unknown", message = String(error) } = error as { code?: string; message?: string };
    this.dispatchEvent(new CustomEvent("trouble", { detail: { code, message }, bubbles: true, composed: true }));
  }
}

customElements.define("symdiff-viewer", SymDiffViewer);
