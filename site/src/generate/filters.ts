// What a chemist filters a batch by: weight, logP, polar surface and so on, by openchemlib, which
// is asked when the panel is opened.

import type { Molecule } from "symdiff-mol";
import { element, make } from "../dom.ts";
import type { Chemistry, Properties } from "./chemistry.ts";
import type { Item } from "./gallery.ts";

/** A quantity of a molecule: the name of its column in files, and what people read. */
interface Quantity {
  column: string;
  title: string;
  unit?: string;
  digits: number;
  of: (item: Item, properties: Properties) => number;
}

export const quantities: readonly Quantity[] = [
  { column: "weight", title: "Weight", unit: "g/mol", digits: 2, of: (_, p) => p.weight },
  { column: "logp", title: "logP", digits: 2, of: (_, p) => p.logP },
  { column: "tpsa", title: "TPSA", unit: "Å²", digits: 1, of: (_, p) => p.tpsa },
  { column: "donors", title: "H-bond donors", digits: 0, of: (_, p) => p.donors },
  { column: "acceptors", title: "H-bond acceptors", digits: 0, of: (_, p) => p.acceptors },
  { column: "rings", title: "Rings", digits: 0, of: ({ molecule }) => ringCount(molecule) },
  {
    column: "rotatable_bonds",
    title: "Rotatable bonds",
    digits: 0,
    of: (_, p) => p.rotatableBonds,
  },
];

/** Rings in the sense of graphs: bonds - atoms + pieces. */
export function ringCount({
  bonds,
  elements,
  fragments,
}: Pick<Molecule, "bonds" | "elements" | "fragments">): number {
  return bonds.length - elements.length + fragments;
}

/**
 * How many of Lipinski's limits a molecule is beyond; drugs that are swallowed seldom are beyond
 * more than one.
 */
export function lipinski({ weight, logP, donors, acceptors }: Properties): number {
  return [weight > 500, logP > 5, donors > 5, acceptors > 10].filter(Boolean).length;
}

/** A column's value as files and people have it. */
const text = ({ digits, of }: Quantity, item: Item, properties: Properties) =>
  of(item, properties)
    .toFixed(digits)
    .replace(/^-(0\.?0*)$/, "$1");

export class Filters {
  readonly #chemistry: Chemistry;
  readonly #panel = element<HTMLDetailsElement>("filters");
  readonly #note = element("filters-note");
  readonly #ranges: { quantity: Quantity; least: HTMLInputElement; most: HTMLInputElement }[] = [];
  readonly #rule = make("input", { type: "checkbox", id: "lipinski" });
  readonly #known = new Map<Item, Properties | undefined>();
  #waiting: Item[] = [];
  #working: Promise<void> | undefined;
  #wanted = false;
  #fault = "";
  /** Called when other molecules pass, or more is known. */
  onChange = (): void => {};

  constructor(chemistry: Chemistry) {
    this.#chemistry = chemistry;
    const rows = quantities.map((quantity) => {
      const field = (word: string) =>
        make("input", {
          type: "number",
          step: "any",
          inputMode: "decimal",
          placeholder: word,
          ariaLabel: `${quantity.title}, ${word === "min" ? "at least" : "at most"}`,
        });
      const [least, most] = [field("min"), field("max")];
      this.#ranges.push({ quantity, least, most });
      const name = make(
        "span",
        {},
        quantity.title,
        ...(quantity.unit ? [make("small", {}, ` ${quantity.unit}`)] : []),
      );
      const row = make(
        "div",
        { className: "range" },
        name,
        least,
        make("span", { className: "to" }, "to"),
        most,
      );
      row.setAttribute("role", "group");
      row.setAttribute("aria-label", quantity.title);
      return row;
    });
    const clear = make("button", { type: "button", className: "plain" }, "Clear");
    const rule = make(
      "label",
      {
        title:
          "The molecule exceeds at most one of these limits: weight 500 g/mol, logP 5, 5 donors, 10 acceptors",
      },
      this.#rule,
      "Lipinski's rule of five",
    );
    element("ranges").append(...rows, make("div", { className: "rule" }, rule, clear));
    element("ranges").addEventListener("input", () => this.onChange());
    clear.addEventListener("click", () => this.clear());
    this.#panel.addEventListener("toggle", () => this.#panel.open && void this.work());
  }

  /** Begins with no molecules. */
  begin(): void {
    this.#known.clear();
    this.#waiting = [];
    this.clear();
  }

  /** Lets all through. */
  clear(): void {
    for (const { least, most } of this.#ranges) least.value = most.value = "";
    this.#rule.checked = false;
    this.onChange();
  }

  add(item: Item): void {
    this.#waiting.push(item);
    if (this.#wanted) void this.work();
  }

  /** Whether some are held back. */
  get active(): boolean {
    return (
      this.#rule.checked ||
      this.#ranges.some(({ least, most }) => least.value !== "" || most.value !== "")
    );
  }

  /** Whether a molecule is within all ranges; one without values is within none. */
  passes(item: Item): boolean {
    if (!this.active) return true;
    const properties = this.#known.get(item);
    if (!properties) return false;
    return (
      (!this.#rule.checked || lipinski(properties) < 2) &&
      this.#ranges.every(({ quantity, least, most }) => {
        const value = Number(text(quantity, item, properties));
        return (
          !(least.value !== "" && value < least.valueAsNumber) &&
          !(most.value !== "" && value > most.valueAsNumber)
        );
      })
    );
  }

  /** The value to sort by. */
  value(item: Item, column: string): number {
    const properties = this.#known.get(item);
    return properties
      ? quantities.find((q) => q.column === column)!.of(item, properties)
      : Infinity;
  }

  /** What is known of a molecule, as columns of a file; nothing where it was not worked out. */
  columns(item: Item): [name: string, value: string][] {
    const properties = this.#known.get(item);
    if (!properties) return [];
    return [
      ...quantities.map((q): [string, string] => [q.column, text(q, item, properties)]),
      ["lipinski_violations", String(lipinski(properties))],
    ];
  }

  smiles(item: Item): string {
    return this.#known.get(item)?.smiles ?? "";
  }

  /** Says how many of the molecules are shown. */
  count(shown: number, of: number): void {
    const left = this.#waiting.length;
    const unknown = [...this.#known.values()].filter((p) => !p).length;
    this.#note.textContent = [
      this.active ? `${shown.toLocaleString("en")} of ${of.toLocaleString("en")} shown` : "",
      this.#wanted && left ? `${left.toLocaleString("en")} in progress` : "",
      this.active && unknown ? `${unknown} without properties` : "",
      this.#fault,
    ]
      .filter(Boolean)
      .join(", ");
  }

  /** Works out what is not known yet; from now on also what comes later. */
  work(): Promise<void> {
    this.#wanted = true;
    return (this.#working ??= this.#work().finally(() => {
      this.#working = undefined;
      this.onChange();
    }));
  }

  async #work(): Promise<void> {
    this.#fault = "";
    this.onChange();
    while (this.#waiting.length) {
      const some = this.#waiting.slice(0, 50);
      try {
        const found = await this.#chemistry.measure(some.map(({ molecule }) => molecule.sdf));
        const before = this.#waiting;
        this.#waiting = before.filter((item) => !some.includes(item));
        if (before.length === this.#waiting.length) continue; // another batch began
        some.forEach((item, k) => this.#known.set(item, found[k]));
      } catch (error) {
        this.#fault = `No properties: ${error instanceof Error ? error.message : String(error)}`;
        this.#wanted = false;
        return;
      }
      this.onChange();
    }
  }
}

/** A row of a file in CSV. */
export const csv = (cells: readonly string[]) =>
  cells.map((cell) => (/[",\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell)).join(",") +
  "\n";
