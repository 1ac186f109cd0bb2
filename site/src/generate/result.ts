// The finished molecule: formula, badges, what openchemlib adds, files, and the command that makes
// it again.

import type { Molecule } from "symdiff-mol";
import { copyText } from "../copy.ts";
import { element, make } from "../dom.ts";
import { formulaNodes } from "../format.ts";
import { models } from "virtual:model";
import { toQuery, withQuery } from "../settings.ts";
import { frameOf, linkTo } from "./share.ts";
import type { Transport } from "../transport.ts";
import type { Viewer } from "../view/viewer.ts";
import type { Chemistry, Sheet } from "./chemistry.ts";
import { ringCount } from "./filters.ts";
import { drawingURL } from "./drawing.ts";
import {
  savePicture,
  saveRelaxed,
  saveSmiles,
  saveText,
  saveTrajectory,
  saveVideo,
  type TextFormat,
} from "./files.ts";
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
  const wrong = wrongAtoms(m);
  return {
    stable: {
      good: m.stable,
      title: m.stable ? "Stable" : "Not stable",
      text: m.stable
        ? `All ${atoms} atoms have their usual number of bonds, judged by distances.`
        : `${wrong.length} of ${atoms} atoms ${wrong.length === 1 ? "has" : "have"} too many or too few bonds, judged by distances: ${named(wrong)}.`,
    },
    connected: {
      good: m.connected,
      title: m.connected ? "Connected" : "Not connected",
      text: m.connected
        ? "Bonds join all atoms into one piece."
        : `It is in ${m.fragments} pieces.`,
    },
    valid: {
      good: m.valid,
      title: m.valid ? "Valid" : "Not valid",
      text: m.valid
        ? "No atom has more bonds than its element allows. Hydrogens may be missing."
        : `An atom has more bonds than its element allows${m.reason ? `: ${reasonOf(m)}` : ""}.`,
    },
  };
}

/** Atoms that are not stable, by number from 0, each with the sum of its bond orders. */
function wrongAtoms({ stableAtoms, elements, bonds }: Molecule): { name: string; sum: number }[] {
  const sums = elements.map(() => 0);
  for (const { i, j, order } of bonds) for (const atom of [i, j]) sums[atom]! += order;
  return stableAtoms.flatMap((stable, i) =>
    stable ? [] : [{ name: `${elements[i]}${i + 1}`, sum: sums[i]! }],
  );
}

/** The first few by name. */
function named(wrong: readonly { name: string; sum: number }[]): string {
  const most = 6;
  const all = wrong
    .slice(0, most)
    .map(({ name, sum }) => `${name} (${sum})`)
    .join(", ");
  return wrong.length > most ? `${all} and ${wrong.length - most} more` : all;
}

/**
 * Core's reason with the names that the picture has: core counts the atoms of the largest piece,
 * which here are all.
 */
function reasonOf({ reason, fragments }: Molecule): string {
  return fragments === 1 ? reason.replace(/^atom (\d+) \(([A-Z][a-z]?)[+-]?\)/, "$2$1") : reason;
}

/** One sentence for screen readers. */
export function spoken(m: Molecule): string {
  return `Finished: ${m.formula}. ${Object.values(verdicts(m))
    .map((v) => v.title)
    .join(", ")}.`;
}

const scheme = matchMedia("(prefers-color-scheme: dark)");

export class ResultView {
  readonly #section = element("result");
  readonly #image = element("drawing").querySelector("img")!;
  readonly #paper = element("drawing").querySelector<HTMLImageElement>(".on-paper")!;
  readonly #chemistry: Chemistry;
  readonly #viewer: Viewer;
  readonly #transport: Transport;
  readonly #relaxation: Relaxation;
  #outcome: Outcome | undefined;
  #sheet: Sheet | undefined;

  constructor(viewer: Viewer, transport: Transport, chemistry: Chemistry) {
    this.#viewer = viewer;
    this.#transport = transport;
    this.#chemistry = chemistry;
    this.#relaxation = new Relaxation(this.#chemistry, viewer, transport);
    for (const button of this.#buttons())
      button.addEventListener("click", () => void this.#download(button));
    copier("copy-smiles", "smiles");
    copier("copy-command", "command");
    onCopy("copy-link", () => linkTo(this.#outcome!)!);
    onCopy("copy-frame", () => frameOf(linkTo(this.#outcome!)!, this.#outcome!.molecule.formula));
    element("share").addEventListener("click", () => void this.#share());
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
    const link = linkTo(outcome);
    element("copy-link").parentElement!.hidden = link === undefined;
    element("share").hidden = !navigator.share;
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
      smi: "The SMILES is not known yet",
      webm: canRecord ? "" : "This browser cannot record video",
      relaxed: "",
      png: "",
      trajectory: "",
    };
    const reason =
      reasons[format] ??
      (molecule[format as TextFormat] ? "" : "The molecule is too large for this format");
    button.disabled = reason !== "";
    button.title = reason;
    if (format === "relaxed") button.hidden = true;
  }

  async #describe(outcome: Outcome): Promise<void> {
    const note = element("chemistry-note");
    const line = element("smiles-line");
    for (const id of ["weight", "logp", "tpsa"]) element(id).textContent = "–";
    element("drawing").hidden = line.hidden = true;
    note.textContent = "Computing SMILES and properties …";
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
        ? `Drawing, SMILES, logP and TPSA by openchemlib. It adds ${sheet.added === 1 ? "a hydrogen that is" : `${sheet.added} hydrogens that are`} missing in this molecule.`
        : "Drawing, SMILES and properties by openchemlib.";
      const button = this.#section.querySelector<HTMLButtonElement>("[data-format=smi]")!;
      button.disabled = false;
      button.title = "";
    } catch (error) {
      if (this.#outcome === outcome)
        note.textContent = `No SMILES or properties: ${error instanceof Error ? error.message : String(error)}.`;
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
    else if (format === "relaxed")
      this.#relaxation.use((positions, energy) => saveRelaxed(outcome, positions, energy));
    else saveText(outcome, format as TextFormat);
  }

  /** The device's own ways to pass a link on. */
  async #share(): Promise<void> {
    const { molecule } = this.#outcome!;
    try {
      await navigator.share({
        title: `${molecule.formula}, made by SymDiff`,
        url: linkTo(this.#outcome!)!,
      });
    } catch {} // the reader thought better of it
  }

  async #video(outcome: Outcome, button: HTMLButtonElement): Promise<void> {
    const note = element("video-note");
    button.disabled = true;
    note.hidden = false;
    try {
      await saveVideo(
        outcome,
        this.#viewer,
        this.#transport,
        (share) => (note.textContent = `Recording: ${Math.round(100 * share)} %`),
      );
      note.hidden = true;
    } catch (error) {
      note.textContent = `No video: ${error instanceof Error ? error.message : String(error)}.`;
    } finally {
      button.disabled = false;
    }
  }
}

/** Links to the pages that take this run further; those of the navigation that can. */
function onward({ settings, index, weights }: Outcome): Node[] {
  const query = withQuery(toQuery(settings, ""), {
    model: models.some(({ name }) => name === weights.name) ? weights.name : "",
  });
  if (index) return []; // their addresses know the first molecule of a seed
  const pages = {
    "symmetry.html": "Rotate its noise",
    "explore.html": "Branch it, fix some atoms, compare",
  };
  return Object.entries(pages).flatMap(([page, title]) => {
    const link = document.querySelector<HTMLAnchorElement>(`nav a[href$="${page}"]`);
    return link ? [make("a", { href: `./${page}${query}` }, title)] : [];
  });
}

/** A button that copies the text of an element, and says so; where it may not, it selects it. */
function copier(button: string, source: string): void {
  onCopy(button, () => element(source).textContent ?? "", element(source));
}

function onCopy(button: string, text: () => string, source?: HTMLElement): void {
  const b = element<HTMLButtonElement>(button);
  const word = b.querySelector("span")!;
  const before = word.textContent;
  b.addEventListener("click", async () => {
    word.textContent = (await copyText(text(), source)) || before;
    setTimeout(() => (word.textContent = before), 2000);
  });
}
