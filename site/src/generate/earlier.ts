// The molecules of this visit: a new run does not lose the one before.

import { element, make } from "../dom.ts";
import { formulaNodes } from "../format.ts";
import type { Outcome } from "./outcome.ts";

const kept = 12;

export class Earlier {
  readonly #list = element("earlier");
  readonly #open: (outcome: Outcome) => void;
  #outcomes: Outcome[] = [];

  constructor(open: (outcome: Outcome) => void) {
    this.#open = open;
  }

  /** The one shown last. */
  latest: Outcome | undefined;

  /** Takes note of a molecule that is shown, unless it is there already. */
  add(outcome: Outcome): void {
    this.latest = outcome;
    const at = this.#outcomes.findIndex(
      ({ molecule }) => molecule === outcome.molecule || molecule.xyz === outcome.molecule.xyz,
    );
    if (at < 0) this.#outcomes = [...this.#outcomes, outcome].slice(-kept);
    else this.#outcomes[at] = outcome;
    this.#list.hidden = this.#outcomes.length < 2;
    this.#list.replaceChildren(...this.#outcomes.map((one) => this.#button(one)));
  }

  #button(outcome: Outcome): HTMLButtonElement {
    const { molecule, settings, index } = outcome;
    const title = `Seed ${settings.seed}${index ? `, molecule ${index}` : ""}`;
    const button = make(
      "button",
      { type: "button", title },
      make("span", {}, ...formulaNodes(molecule.formula)),
    );
    if (outcome === this.latest) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => {
      this.#open(outcome);
      this.#list.querySelector<HTMLElement>("[aria-current]")?.focus();
    });
    return button;
  }
}
