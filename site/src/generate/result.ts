// The finished molecule: formula, badges, what openchemlib adds, files, and the command that makes it again.

import type { Molecule } from "symdiff-mol";
import { announce, element, make } from "../dom.ts";
import { formulaNodes } from "../format.ts";
import { toQuery } from "../settings.ts";
import type { Transport } from "../transport.ts";
import type { Viewer } from "../view/viewer.ts";
import { Chemistry, type Sheet } from "./chemistry.ts";
import { drawingURL } from "./drawing.ts";
import { savePicture, saveRelaxed, saveSmiles, saveText, saveTrajectory, saveVideo, type TextFormat } from "./files.ts";
import { commandFor, provenance, type Outcome } from "./outcome.ts";
import { Relaxation } from "./relaxation.ts";
import { canRecord } from "./video.ts";

interface Verdict {
  good: boolean;
  title: string;
  text: string;
}

/** How each badge is judged, and what the molecule shows of it. */
export function verdicts(m: Molecule): Record<"stable" | "connected" | "valid", Verdict> {
  const atoms = m.stableAtoms.length;
  const wrong = m.stableAtoms.filter((ok) => !ok).length;
  return {
    stable: {
      good: m.stable,
      title: m.stable ? "Stable" : "Not stable",
      text: m.stable
        ? `All ${atoms} atoms have their usual number of bonds, judged by distances.`
        : `${wrong} of ${atoms} atoms ${wrong === 1 ? "has" : "have"} too many or too few bonds, judged by distances.`,
    },
    connected: {
      good: m.connected,
      title: m.connected ? "Connected" : "Not connected",
      text: m.connected ? "Bonds join all atoms into one piece." : `It falls into ${m.fragments} pieces.`,
    },
    valid: {
      good: m.valid,
      title: m.valid ? "Valid" : "Not valid",
      text: m.valid
        ? "No atom of the largest piece has more bonds than chemistry allows; hydrogens may be missing."
        : `The largest piece breaks the rules of valence${m.reason ? `: ${m.reason}` : ""}.`,
    },
  };
}

/** One sentence for screen readers. */
export function spoken(m: Molecule): string {
  return `Finished: ${m.formula}. ${Object.values(verdicts(m)).map((v) => v.title).join(", ")}.`;
}

/** Rings in the sense of graphs: bonds - atoms + pieces. */
export function ringCount({ bonds, elements, fragments }: Pick<Molecule, "bonds" | "elements" | "fragments">): number {
  return bonds.length - elements.length + fragments;
}

const scheme = matchMedia("(prefers-color-scheme: dark)");

export class ResultView {
  readonly #section = element("result");
  readonly #image = element("drawing").querySelector("img")!;
  readonly #paper = element("drawing").querySelector<HTMLImageElement>(".on-paper")!;
  readonly #chemistry = new Chemistry();
  readonly #viewer: Viewer;
  readonly #transport: Transport;
  readonly #relaxation: Relaxation;
  #outcome: Outcome | undefined;
  #sheet: Sheet | undefined;

  constructor(viewer: Viewer, transport: Transport) {
    this.#viewer = viewer;
    this.#transport = transport;
    this.#relaxation = new Relaxation(this.#chemistry, viewer, transport);
    for (const button of this.#buttons()) button.addEventListener("click", () => void this.#download(button));
    copier("copy-smiles", "smiles");
    copier("copy-command", "command");
    scheme.addEventListener("change", () => this.#draw());
  }

  get shown(): Outcome | undefined {
    return this.#outcome;
  }

  hide(): void {
    this.#section.hidden = true;
    this.#outcome = undefined;
  }

  show(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#sheet = undefined;
    const { molecule } = outcome;
    element("formula").replaceChildren(...formulaNodes(molecule.formula));
    for (const [id, { good, title, text }] of Object.entries(verdicts(molecule))) {
      const badge = element(id);
      badge.classList.toggle("fails", !good);
      badge.querySelector("strong")!.textContent = title;
      badge.querySelector("span")!.textContent = text;
    }
    element("rings").textContent = String(ringCount(molecule));
    for (const button of this.#buttons()) this.#enable(button, molecule);
    element("command").textContent = commandFor(outcome);
    element("provenance").textContent = provenance(outcome);
    element("provenance").title = `SHA-256 of the weights: ${outcome.weights.sha256}`;
    element("replay").hidden = outcome.trajectory.length > 1;
    const links = onward(outcome);
    element("onward").replaceChildren(...links);
    element("onward").hidden = !links.length;
    this.#relaxation.open(outcome);
    this.#section.hidden = false;
    void this.#describe(outcome);
  }

  #buttons(): HTMLButtonElement[] {
    return [...this.#section.querySelectorAll<HTMLButtonElement>("[data-format]")];
  }

  #enable(button: HTMLButtonElement, molecule: Molecule): void {
    const format = button.dataset["format"]!;
    const reasons: Record<string, string> = {
      smi: "SMILES have not been found yet",
      webm: canRecord ? "" : "This browser cannot record video",
      relaxed: "",
      png: "",
      trajectory: "",
    };
    const reason = reasons[format] ?? (molecule[format as TextFormat] ? "" : "The molecule is too spread out for this format");
    button.disabled = reason !== "";
    button.title = reason;
    if (format === "relaxed") button.hidden = true;
  }

  async #describe(outcome: Outcome): Promise<void> {
    const note = element("chemistry-note");
    const line = element("smiles-line");
    for (const id of ["weight", "logp", "tpsa"]) element(id).textContent = "–";
    element("drawing").hidden = line.hidden = true;
    note.textContent = "Finding SMILES and properties …";
    try {
      const sheet = await this.#chemistry.describe(outcome.molecule.sdf);
      if (this.#outcome !== outcome) return;
      this.#sheet = sheet;
      element("smiles").textContent = sheet.smiles;
      element("weight").replaceChildren(sheet.weight.toFixed(2), make("small", {}, " g/mol"));
      element("logp").textContent = sheet.logP.toFixed(2).replace("-", "−");
      element("tpsa").replaceChildren(sheet.tpsa.toFixed(1), make("small", {}, " Å²"));
      line.hidden = false;
      this.#draw();
      note.textContent = sheet.added
        ? `Drawing, SMILES and properties by openchemlib, which adds the ${sheet.added === 1 ? "hydrogen that is" : `${sheet.added} hydrogens that are`} missing here.`
        : "Drawing, SMILES and properties by openchemlib.";
      const button = this.#section.querySelector<HTMLButtonElement>("[data-format=smi]")!;
      button.disabled = false;
      button.title = "";
    } catch (error) {
      if (this.#outcome === outcome) note.textContent = `No SMILES or properties: ${error instanceof Error ? error.message : String(error)}.`;
    }
  }

  #draw(): void {
    if (!this.#sheet || !this.#outcome) return;
    for (const image of [this.#image, this.#paper]) URL.revokeObjectURL(image.src);
    this.#image.src = drawingURL(this.#sheet.drawing, scheme.matches);
    this.#paper.src = drawingURL(this.#sheet.drawing, false);
    this.#image.alt = `Structural formula of ${this.#outcome.molecule.formula}, SMILES ${this.#sheet.smiles}`;
    element("drawing").hidden = false;
  }

  async #download(button: HTMLButtonElement): Promise<void> {
    const outcome = this.#outcome;
    if (!outcome) return;
    const format = button.dataset["format"]!;
    if (format === "smi") saveSmiles(outcome, this.#sheet!.smiles);
    else if (format === "trajectory") saveTrajectory(outcome);
    else if (format === "png") await savePicture(outcome, this.#viewer);
    else if (format === "webm") await this.#video(outcome, button);
    else if (format === "relaxed") this.#relaxation.use((positions, energy) => saveRelaxed(outcome, positions, energy));
    else saveText(outcome, format as TextFormat);
  }

  async #video(outcome: Outcome, button: HTMLButtonElement): Promise<void> {
    const note = element("video-note");
    button.disabled = true;
    note.hidden = false;
    try {
      await saveVideo(outcome, this.#viewer, this.#transport, (share) => (note.textContent = `Recording: ${Math.round(100 * share)} %`));
      note.hidden = true;
    } catch (error) {
      note.textContent = `No video: ${error instanceof Error ? error.message : String(error)}.`;
    } finally {
      button.disabled = false;
    }
  }
}

/** Links to the pages that take this run further; those of the navigation that can. */
function onward({ settings, index }: Outcome): Node[] {
  if (index) return []; // their addresses know the first molecule of a seed
  const pages = { "symmetry.html": "Turn its noise", "explore.html": "Branch, keep a part, compare" };
  return Object.entries(pages).flatMap(([page, title]) => {
    const link = document.querySelector<HTMLAnchorElement>(`nav a[href$="${page}"]`);
    return link ? [make("a", { href: `./${page}${toQuery(settings, "")}` }, title)] : [];
  });
}

/** A button that copies the text of an element, and says so. */
function copier(button: string, source: string): void {
  const b = element<HTMLButtonElement>(button);
  const word = b.querySelector("span")!;
  b.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(element(source).textContent ?? "");
      word.textContent = "Copied";
    } catch {
      getSelection()?.selectAllChildren(element(source));
      word.textContent = "Selected";
    }
    announce(`${word.textContent}.`);
    setTimeout(() => (word.textContent = "Copy"), 2000);
  });
}
