// <symdiff-viewer>, the custom element of the npm package. wasm/npm/viewer.d.ts says what it can
// do.

import {
  readMolecules,
  SymDiff,
  SymDiffError,
  type LoadOptions,
  type Method,
  type Molecule,
  type MoleculeOfFile,
  type SampleOptions,
  type Skipped,
} from "symdiff-mol";
import { qm9Web } from "symdiff-mol/qm9-web";
import type { SymDiffViewer as Described } from "../../../wasm/npm/viewer.js";
import { make } from "../dom.ts";
import { explain } from "../problems.ts";
import { progressText, run } from "../run.ts";
import { Trajectory } from "../trajectory.ts";
import { Transport } from "../transport.ts";
import { representations, type Representation } from "../view/compose.ts";
import { Tools } from "../view/tools.ts";
import toolsCSS from "../view/tools.css?inline";
import { Viewer } from "../view/viewer.ts";
import css from "./element.css?inline";

/** Where there is no browser the module can be imported all the same, and defines nothing. */
const Base = (globalThis.HTMLElement ?? class {}) as typeof HTMLElement;

let sheet: CSSStyleSheet | undefined;

function styles(): CSSStyleSheet {
  if (!sheet) {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(css + toolsCSS);
  }
  return sheet;
}

export class SymDiffViewer extends Base {
  static readonly observedAttributes = ["src", "label", "renderer", "representation", "spin"];
  model: LoadOptions = qm9Web;
  readonly #bar = make("div", {
    className: "transport",
    role: "group",
    ariaLabel: "Trajectory",
    hidden: true,
  });
  readonly #status = make("p", { className: "status", role: "status" });
  readonly #button = make("button", { type: "button", hidden: true });
  readonly #viewer: Viewer;
  readonly #transport: Transport;
  #engine: SymDiff | undefined;
  #running: AbortController | undefined;
  /** The latest of what was asked for: what comes later of earlier ones is dropped. */
  #latest: object | undefined;
  #begun = false;
  #formula = "";
  #said = ""; // what the status says when nothing is measured

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [styles()];
    const view = make("div", { className: "view" });
    const help = make(
      "p",
      { className: "help", id: "help" },
      "Drag to rotate. Ctrl + wheel or pinch to zoom. After a click the wheel zooms. Click two to four atoms to measure. Keys: arrows, plus, minus, 0, Escape.",
    );
    const tools = make("div");
    root.append(
      make(
        "div",
        { className: "frame" },
        view,
        help,
        this.#bar,
        make("div", { className: "bar" }, this.#status, this.#button),
      ),
    );
    this.#viewer = new Viewer(view, "help", false);
    this.#viewer.stop(); // until it is on the page
    this.#viewer.onMeasure = (text) => (this.#status.textContent = text || this.#said);
    view.append(tools);
    new Tools(tools, this.#viewer, {
      stage: this,
      fileName: () => this.#formula || "molecule",
      onError: (error) => this.#fail(error),
    });
    this.#transport = new Transport(this.#bar, [this.#viewer], this.#bar, false);
    this.#name();
    this.#button.addEventListener("click", () =>
      this.#running ? this.cancel() : void this.generate().catch(() => {}),
    );
  }

  connectedCallback(): void {
    this.#viewer.start();
    if (this.#latest) return; // it was moved, or asked to show something before
    if (document.readyState === "loading")
      document.addEventListener("DOMContentLoaded", () => this.#begin(), { once: true });
    else this.#begin();
  }

  /** Frees the worker, unless the element is only moved; what is shown stays. */
  disconnectedCallback(): void {
    setTimeout(() => {
      if (this.isConnected) return;
      this.cancel();
      this.#transport.pause();
      this.#viewer.stop();
      this.#engine?.close();
      this.#engine = undefined;
    });
  }

  attributeChangedCallback(name: string, before: string | null, now: string | null): void {
    if (now === before) return;
    if (name === "src" && now && (this.#begun || this.#latest)) void this.#fetch(now);
    if (name === "label") this.#name();
    if (name === "renderer") this.#viewer.plain = now === "2d";
    if (name === "spin") this.#viewer.spin = now !== null;
    if (name === "representation")
      this.#viewer.representation = representations.find((one) => one === now) ?? "ball-and-stick";
  }

  get representation(): Representation {
    return this.#viewer.representation;
  }

  set representation(how: Representation) {
    this.setAttribute("representation", how);
  }

  async show(text: string, name = "molecule.xyz"): Promise<boolean> {
    return this.#show(text, name, this.#ask());
  }

  async generate(): Promise<Molecule | undefined> {
    const asked = this.#ask();
    const { signal } = (this.#running = new AbortController());
    this.#button.hidden = false;
    this.#button.textContent = "Cancel";
    try {
      const engine = (this.#engine ??= await SymDiff.load({
        ...this.model,
        signal,
        onProgress: (p) =>
          this.#tell(
            `Fetching the model: ${Math.round((100 * p.loaded) / (p.total || Infinity))} %`,
          ),
      }));
      const { molecule } = await run(
        engine,
        { ...this.#options(), signal },
        {
          onStart: (trajectory) => this.#open(trajectory),
          onFrame: (frame, meter) => {
            this.#transport.grown();
            this.#tell(progressText(frame, meter));
          },
        },
      );
      if (this.#latest !== asked) return undefined;
      this.#formula = molecule.formula;
      this.#name();
      this.#tell(
        `${molecule.formula}, ${molecule.stable ? "stable" : "not stable"}, ${molecule.connected ? "connected" : "not connected"}`,
      );
      this.dispatchEvent(
        new CustomEvent("molecule", { detail: molecule, bubbles: true, composed: true }),
      );
      return molecule;
    } catch (error) {
      if (signal.aborted) {
        if (this.#latest === asked) this.#tell("Cancelled.");
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

  /** Begins something new, which ends what was asked for before. */
  #ask(): object {
    this.cancel();
    return (this.#latest = {});
  }

  /** What the element says by itself: a file, a text, or an offer to generate. */
  #begin(): void {
    if (this.#latest || !this.isConnected) return;
    this.#begun = true;
    const text = this.textContent?.trim();
    const src = this.getAttribute("src");
    if (src) void this.#fetch(src);
    else if (text) void this.show(`${text}\n`).catch(() => {});
    else this.#offer();
  }

  #options(): SampleOptions {
    const number = (name: string) =>
      this.hasAttribute(name) ? { [name]: Number(this.getAttribute(name)) } : {};
    const method = this.getAttribute("method");
    const formula = this.getAttribute("formula");
    const seed = this.getAttribute("seed")?.trim();
    if (seed && !/^\d+$/.test(seed))
      throw new SymDiffError(
        "options",
        `seed: expected a whole number from 0, have ${JSON.stringify(seed)}`,
      );
    return {
      seed: seed ? BigInt(seed) : BigInt(Math.floor(1e6 * Math.random())),
      ...number("atoms"),
      ...(formula && { formula }),
      ...number("steps"),
      ...(this.hasAttribute("t-start") && { t_start: Number(this.getAttribute("t-start")) }),
      ...(method !== null && { method: method as Method }),
    };
  }

  async #fetch(src: string): Promise<void> {
    const asked = this.#ask();
    this.#tell("Fetching the file");
    let [text, name] = ["", "molecule.xyz"];
    try {
      const { href, pathname } = addressOf(src);
      const response = await fetch(href).catch((error: unknown) => {
        throw new SymDiffError(
          "fetch",
          `${href}: ${error instanceof Error ? error.message : String(error)}; a file of another site needs its permission (CORS)`,
        );
      });
      if (!response.ok) throw new SymDiffError("fetch", `${href}: HTTP ${response.status}`);
      text = await response.text();
      name = pathname.split("/").pop() || name;
    } catch (error) {
      if (this.#latest === asked) this.#fail(error);
      return;
    }
    await this.#show(text, name, asked).catch(() => {}); // reported already
  }

  async #show(text: string, name: string, asked: object): Promise<boolean> {
    try {
      let note = "";
      const onSkipped = ({ records, of, first }: Skipped) =>
        (note = `; ${records} of ${of} records skipped, the first: ${first}`);
      const molecules = await readMolecules(text, { ...this.model, name, onSkipped });
      if (this.#latest !== asked) return false;
      this.#play(molecules, note);
      return true;
    } catch (error) {
      if (this.#latest !== asked) return false;
      this.#fail(error);
      throw error;
    }
  }

  /**
   * Frames of one molecule become a trajectory; of files with several molecules the first is shown.
   */
  #play(molecules: MoleculeOfFile[], note: string): void {
    const first = molecules[0]!;
    const atoms = first.elements.length;
    const frames = molecules.every((m) => m.elements.length === atoms) ? molecules : [first];
    const elements = [...new Set(frames.flatMap((m) => m.elements))];
    const trajectory = new Trajectory(elements, atoms, frames.length - 1);
    frames.forEach((m, step) => {
      const scores = Float32Array.from({ length: atoms * elements.length }, (_, k) =>
        Number(m.elements[Math.floor(k / elements.length)] === elements[k % elements.length]),
      );
      trajectory.add({
        index: 0,
        step,
        steps: frames.length - 1,
        atoms,
        positions: centred(m.positions),
        scores,
        bonds: m.bonds,
        molecule: m,
      });
    });
    this.#button.hidden = !this.#engine;
    this.#open(trajectory);
    const last = frames.at(-1)!;
    this.#formula = last.formula;
    this.#name();
    this.#tell(
      (frames.length < molecules.length
        ? `${last.formula}: the first of ${molecules.length} molecules`
        : last.formula) + note,
    );
    if (this.hasAttribute("autoplay")) this.#transport.play(this.hasAttribute("loop"));
  }

  #open(trajectory: Trajectory): void {
    this.#bar.hidden = trajectory.steps === 0;
    this.#transport.open(trajectory);
  }

  #offer(): void {
    this.#button.hidden = false;
    this.#button.textContent = "Generate";
    this.#tell(
      `The model is fetched first: ${((this.model.bytes ?? 0) / 1e6).toFixed(1)} MB of weights.`,
    );
  }

  #name(): void {
    this.#viewer.label =
      this.getAttribute("label") ??
      (this.#formula ? `Molecule ${this.#formula}` : "No molecule yet");
  }

  #tell(text: string): void {
    this.#status.textContent = this.#said = text;
  }

  #fail(error: unknown): void {
    const { advice, detail } = explain(error);
    this.#tell(`${advice} ${detail}`);
    const { code = "unknown", message = String(error) } = error as {
      code?: string;
      message?: string;
    };
    this.dispatchEvent(
      new CustomEvent("trouble", { detail: { code, message }, bubbles: true, composed: true }),
    );
  }
}

/** Positions (n, 3) about their centre. */
function centred(positions: ArrayLike<number>): Float32Array<ArrayBuffer> {
  const n = positions.length / 3;
  const middle = [0, 0, 0];
  for (let i = 0; i < positions.length; i++) middle[i % 3]! += positions[i]! / n;
  return Float32Array.from(positions, (v, i) => v - middle[i % 3]!);
}

function addressOf(src: string): URL {
  try {
    return new URL(src, document.baseURI);
  } catch {
    throw new SymDiffError("fetch", `src: ${JSON.stringify(src)} is not a URL`);
  }
}

const described: new () => Described = SymDiffViewer;
if (globalThis.customElements && !customElements.get("symdiff-viewer"))
  customElements.define("symdiff-viewer", described);
