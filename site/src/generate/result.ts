// The finished molecule: formula, badges, files.

import type { Molecule } from "symdiff";
import { element } from "../dom.ts";
import { formulaNodes } from "../format.ts";
import type { Settings } from "../settings.ts";

export interface Outcome {
  molecule: Molecule;
  settings: Settings;
  sha256: string;
}

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

type Format = "xyz" | "sdf" | "pdb";

export class ResultView {
  readonly #section = element("result");
  readonly #buttons = [...this.#section.querySelectorAll<HTMLButtonElement>("[data-format]")];
  #outcome: Outcome | undefined;

  constructor() {
    for (const button of this.#buttons) {
      button.addEventListener("click", () => this.#download(button.dataset["format"] as Format));
    }
  }

  hide(): void {
    this.#section.hidden = true;
  }

  show(outcome: Outcome): void {
    this.#outcome = outcome;
    const { molecule, settings, sha256 } = outcome;
    element("formula").replaceChildren(...formulaNodes(molecule.formula));
    for (const [id, { good, title, text }] of Object.entries(verdicts(molecule))) {
      const badge = element(id);
      badge.classList.toggle("fails", !good);
      badge.querySelector("strong")!.textContent = title;
      badge.querySelector("span")!.textContent = text;
    }
    for (const button of this.#buttons) {
      const fits = molecule[button.dataset["format"] as Format] !== "";
      button.disabled = !fits;
      button.title = fits ? "" : "The molecule is too spread out for this format";
    }
    element("provenance").textContent =
      `Seed ${settings.seed}, ${molecule.elements.length} atoms, ${settings.steps} steps (${settings.method}), weights ${sha256.slice(0, 12)}`;
    element("provenance").title = `SHA-256 of the weights: ${sha256}`;
    this.#section.hidden = false;
  }

  #download(format: Format): void {
    if (!this.#outcome) return;
    const { molecule, settings } = this.#outcome;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([molecule[format]], { type: "text/plain" }));
    link.download = `symdiff-${molecule.formula}-seed${settings.seed}.${format}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }
}
