// Many molecules as pages of small pictures, with a running tally; a molecule that comes while one
// looks finds its place.

import type { Frame, Molecule } from "symdiff-mol";
import { element, make } from "../dom.ts";
import { formulaNodes } from "../format.ts";
import { Tally, type Share } from "../tally.ts";
import { Trajectory } from "../trajectory.ts";
import { Thumbnails } from "../view/thumbnails.ts";
import { quantities, type Filters } from "./filters.ts";

const perPage = 24;

/** How often what comes is shown, ms: seldom enough to leave the cores to the model. */
const pause = 150;

/** A finished molecule of a batch. */
export interface Item {
  index: number;
  molecule: Molecule;
  /** Valid, and the first with its graph. */
  first: boolean;
}

const filters: Record<string, (item: Item) => boolean> = {
  all: () => true,
  stable: ({ molecule }) => molecule.stable,
  valid: ({ molecule }) => molecule.valid,
  connected: ({ molecule }) => molecule.connected,
  unique: ({ first }) => first,
  failed: ({ molecule }) => !molecule.stable,
};

const stableShare = ({ stableAtoms }: Molecule) =>
  stableAtoms.filter(Boolean).length / stableAtoms.length;

const orders: Record<string, (a: Item, b: Item) => number> = {
  index: () => 0,
  stable: (a, b) => stableShare(b.molecule) - stableShare(a.molecule),
  atoms: (a, b) => b.molecule.elements.length - a.molecule.elements.length,
  formula: (a, b) => a.molecule.formula.localeCompare(b.molecule.formula, "en", { numeric: true }),
};

/** The column that an order goes by, if one. */
const by = (order: string) => quantities.find(({ column }) => column === order)?.column;

/** A molecule on its way. */
interface Forming {
  index: number;
  trajectory: Trajectory;
}

/** One place of a page. */
class Card {
  readonly #canvas = make("canvas", { width: 300, height: 240 });
  readonly #number = make("span", { className: "number" });
  readonly #formula = make("span", { className: "name" });
  readonly #marks = make("span", { className: "marks" });
  readonly button = make(
    "button",
    { type: "button", className: "card" },
    this.#canvas,
    this.#number,
    this.#formula,
    this.#marks,
  );
  readonly place = make("li", {}, this.button);
  item: Item | undefined;
  #step = -1;

  constructor(open: (item: Item) => void) {
    this.#canvas.setAttribute("aria-hidden", "true");
    this.button.addEventListener("click", () => this.item && open(this.item));
  }

  show(item: Item, elements: readonly string[], thumbnails: Thumbnails): void {
    if (this.item === item) return;
    this.item = item;
    this.button.disabled = false;
    const { molecule, index } = item;
    this.#formula.replaceChildren(...formulaNodes(molecule.formula));
    this.#marks.replaceChildren(
      mark(molecule.stable, "stable"),
      mark(molecule.valid, "valid"),
      ...(molecule.connected ? [] : [make("span", { className: "poor" }, "in pieces")]),
    );
    this.#number.textContent = String(index);
    const still = Trajectory.of(molecule, elements, 0);
    thumbnails.draw(this.#canvas, (palette) => still.pictureAt(0, palette), molecule.positions);
  }

  /** The latest picture of a molecule that is not finished. */
  showForming({ index, trajectory }: Forming, thumbnails: Thumbnails): void {
    const last = trajectory.length - 1;
    const step = trajectory.stepAt(last);
    const number = String(index);
    if (!this.item && this.#step === step && this.#number.textContent === number) return;
    this.item = undefined;
    this.#step = step;
    this.button.disabled = true;
    this.#number.textContent = number;
    this.#formula.textContent = "Forming";
    this.#marks.replaceChildren(make("span", {}, `step ${step} of ${trajectory.steps}`));
    thumbnails.sketch(this.#canvas, (palette) => trajectory.pictureAt(last, palette));
  }

  redraw(elements: readonly string[], thumbnails: Thumbnails): void {
    const item = this.item;
    this.item = undefined;
    if (item) this.show(item, elements, thumbnails);
  }
}

function mark(good: boolean, text: string): HTMLElement {
  const not = good ? [] : [make("span", { className: "visually-hidden" }, "not ")];
  return make("span", { className: good ? "good" : "poor" }, ...not, text);
}

export class Gallery {
  readonly #list = element("gallery");
  readonly #thumbnails = new Thumbnails();
  readonly #filter = element<HTMLSelectElement>("filter");
  readonly #sort = element<HTMLSelectElement>("sort");
  readonly #cards: Card[] = [];
  readonly #open: (item: Item) => void;
  readonly #filters: Filters;
  #items: Item[] = [];
  readonly #forming = new Map<number, Forming>();
  #elements: readonly string[] = [];
  #tally = new Tally();
  #page = 0;
  #due = 0;
  #later: ReturnType<typeof setTimeout> | undefined;

  /** `open` is called with a molecule that is chosen. */
  constructor(filters: Filters, open: (item: Item) => void) {
    this.#open = open;
    this.#filters = filters;
    filters.onChange = () => this.#ask();
    for (const select of [this.#filter, this.#sort]) {
      select.addEventListener("change", () => {
        this.#page = 0;
        if (by(this.#sort.value)) void filters.work();
        this.#show();
      });
    }
    element("previous").addEventListener("click", () => this.#turn(-1));
    element("next").addEventListener("click", () => this.#turn(1));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      for (const card of this.#cards) card.redraw(this.#elements, this.#thumbnails);
    });
  }

  /** Begins an empty gallery. */
  begin(elements: readonly string[]): void {
    this.#items = [];
    this.#forming.clear();
    this.#elements = elements;
    this.#tally = new Tally();
    this.#page = 0;
    this.#filter.value = "all";
    this.#sort.value = "index";
    this.#filters.begin();
    this.#show();
  }

  get tally(): Tally {
    return this.#tally;
  }

  /** Takes in a frame of a molecule that is on its way. */
  form(frame: Frame): void {
    const { index, atoms, steps, molecule } = frame;
    if (molecule) return;
    const forming = this.#forming.get(index) ?? {
      index,
      trajectory: new Trajectory(this.#elements, atoms, steps),
    };
    this.#forming.set(index, forming);
    forming.trajectory.add(frame);
    this.#askSoon();
  }

  /** Forgets what is not finished. */
  settle(): void {
    this.#forming.clear();
    this.#ask();
  }

  add(index: number, molecule: Molecule): void {
    this.#forming.delete(index);
    const item = { index, molecule, first: this.#tally.add(molecule) };
    let at = this.#items.length;
    while (at && this.#items[at - 1]!.index > index) at--;
    this.#items.splice(at, 0, item);
    this.#filters.add(item);
    this.#askSoon();
  }

  /** Molecules that are shown, in the order of the seed's stream. */
  get filtered(): Item[] {
    return this.#items
      .filter(filters[this.#filter.value]!)
      .filter((item) => this.#filters.passes(item));
  }

  #order(): (a: Item, b: Item) => number {
    const column = by(this.#sort.value);
    if (!column) return orders[this.#sort.value]!;
    const value = (item: Item) => this.#filters.value(item, column);
    return (a, b) => (value(a) === value(b) ? 0 : value(a) - value(b));
  }

  /** Marks the molecule that is open. */
  set current(index: number | undefined) {
    for (const { button, item } of this.#cards)
      button.classList.toggle("current", item !== undefined && item.index === index);
  }

  #ask(): void {
    this.#due ||= requestAnimationFrame(() => this.#show());
  }

  #askSoon(): void {
    this.#later ??= setTimeout(() => {
      this.#later = undefined;
      this.#ask();
    }, pause);
  }

  #turn(pages: number): void {
    this.#page += pages;
    this.#show();
  }

  #show(): void {
    this.#due = 0;
    const items = this.filtered.sort(this.#order()); // stable: ties stay in the order of the stream
    const pages = Math.max(1, Math.ceil(items.length / perPage));
    this.#page = Math.min(Math.max(0, this.#page), pages - 1);
    const from = this.#page * perPage;
    const here = items.slice(from, from + perPage);
    // What is on its way stands behind what is finished, while there is room on the page.
    const coming =
      this.#filter.value === "all" && !this.#filters.active && this.#page === pages - 1
        ? [...this.#forming.values()].slice(0, perPage - here.length)
        : [];
    while (this.#cards.length < here.length + coming.length) {
      const card = new Card(this.#open);
      this.#cards.push(card);
      this.#list.append(card.place);
    }
    this.#cards.forEach((card, k) => {
      const item = here[k];
      const forming = coming[k - here.length];
      card.place.hidden = !item && !forming;
      if (item) card.show(item, this.#elements, this.#thumbnails);
      else if (forming) card.showForming(forming, this.#thumbnails);
    });
    element("gallery-empty").hidden = here.length + coming.length > 0;
    element("page").textContent = here.length
      ? `${from + 1}–${from + here.length} of ${items.length.toLocaleString("en")}`
      : "";
    element<HTMLButtonElement>("previous").disabled = this.#page === 0;
    element<HTMLButtonElement>("next").disabled = this.#page >= pages - 1;
    const sdf = element<HTMLButtonElement>("batch-sdf");
    sdf.disabled = !items.length;
    sdf.textContent =
      items.length === this.#items.length
        ? "Download all as SDF"
        : `Download these ${items.length.toLocaleString("en")} as SDF`;
    element<HTMLButtonElement>("batch-csv").disabled = !items.length;
    this.#filters.count(items.length, this.#items.length);
    this.#count();
  }

  #count(): void {
    const titles = {
      stable: "Stable",
      valid: "Valid",
      connected: "Connected",
      unique: "Unique among valid",
    };
    const shares = this.#tally.shares;
    const list = element("tally");
    const entries = Object.entries(titles) as [keyof typeof titles, string][];
    if (!list.childElementCount)
      list.append(
        ...entries.map(([, title]) =>
          make("div", {}, make("dt", {}, title), make("dd"), make("dd", { className: "interval" })),
        ),
      );
    entries.forEach(([key], k) => {
      const [, number, interval] = list.children[k]!.children;
      const share = shares[key];
      number!.textContent = share.of
        ? `${(100 * share.share).toFixed(share.of < 200 ? 0 : 1)} %`
        : "–";
      interval!.replaceChildren(
        bar(share),
        `${share.count.toLocaleString("en")} of ${share.of.toLocaleString("en")}${share.of ? `, 95 % interval ${rounded(share.low)} to ${rounded(share.high)}` : ""}`,
      );
    });
  }
}

function rounded(share: number): string {
  return (100 * share).toFixed(1);
}

/** The interval as a band on a line from 0 to 1. */
function bar({ share, low, high, of }: Share): HTMLElement {
  const band = make("i", {});
  const point = make("b", {});
  if (of) {
    band.style.left = `${100 * low}%`;
    band.style.width = `${100 * (high - low)}%`;
    point.style.left = `${100 * share}%`;
  }
  const line = make("span", { className: "band" }, band, point);
  line.setAttribute("aria-hidden", "true");
  line.hidden = !of;
  return line;
}
