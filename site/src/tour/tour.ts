// The guided tour of the main page: six steps on the visitor's own molecule, each with its own
// address (?tour=3).

import { addressNow, element, make, writeAddress } from "../dom.ts";
import { steps, type Step } from "./steps.ts";
import "./tour.css";

const calm = matchMedia("(prefers-reduced-motion: reduce)");

let open: Tour | undefined;

/** Opens the tour at a step, from 1; a number out of bounds is the nearest one. */
export function openTour(step: number): void {
  open ??= new Tour(() => (open = undefined));
  open.go(step - 1);
}

class Tour {
  readonly #count = make("span");
  readonly #title = make("h2", { tabIndex: -1, id: "tour-title" });
  readonly #text = make("p");
  readonly #back = make("button", { type: "button" }, "Back");
  readonly #next = make("button", { type: "button" }, "Next");
  readonly #panel: HTMLElement;
  readonly #onClose: () => void;
  /** Where the focus was, to give it back. */
  readonly #before = document.activeElement as HTMLElement | null;
  readonly #results = new MutationObserver(() => this.#show());
  #at = 0;
  #spot: Element | null = null;

  constructor(onClose: () => void) {
    this.#onClose = onClose;
    const close = make("button", { type: "button", className: "plain" }, "End the tour");
    this.#panel = make(
      "section",
      { className: "tour" },
      make("header", {}, this.#count, close),
      this.#title,
      this.#text,
      make("nav", { ariaLabel: "Steps of the tour" }, this.#back, this.#next),
    );
    this.#panel.setAttribute("aria-labelledby", "tour-title");
    close.addEventListener("click", () => this.#close());
    this.#back.addEventListener("click", () => this.go(this.#at - 1));
    this.#next.addEventListener("click", () =>
      this.#at === steps.length - 1 ? this.#close() : this.go(this.#at + 1),
    );
    this.#panel.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault(); // it ends the tour, not a run
      this.#close();
    });
    this.#results.observe(element("result"), { attributes: true, attributeFilter: ["hidden"] });
    document.body.append(this.#panel);
    document.body.classList.add("touring");
  }

  go(step: number): void {
    this.#at = Math.min(steps.length - 1, Math.max(0, Number.isFinite(step) ? step : 0));
    address(String(this.#at + 1));
    this.#show();
    this.#title.focus({ preventScroll: true });
  }

  /** Shows the step as the page stands: with a molecule, or without one yet. */
  #show(): void {
    const step = steps[this.#at]!;
    const ready = !element("result").hidden;
    this.#count.textContent = `Step ${this.#at + 1} of ${steps.length}`;
    this.#title.textContent = step.title;
    this.#text.replaceChildren(
      ...(ready || !step.needs
        ? step.text()
        : ["This step is about a molecule of yours. Press Generate first."]),
    );
    this.#back.disabled = this.#at === 0;
    this.#next.textContent = this.#at === steps.length - 1 ? "Done" : "Next";
    if (ready) step.enter?.();
    this.#point(document.querySelector(ready || !step.needs ? step.at : "#generate"), step);
  }

  #point(spot: Element | null, { at }: Step): void {
    this.#spot?.classList.remove("tour-spot");
    this.#spot = spot;
    spot?.classList.add("tour-spot");
    spot?.scrollIntoView({
      block: at === "#stage" ? "start" : "center",
      behavior: calm.matches ? "auto" : "smooth",
    });
  }

  #close(): void {
    this.#results.disconnect();
    this.#spot?.classList.remove("tour-spot");
    this.#panel.remove();
    document.body.classList.remove("touring");
    address(undefined);
    this.#before?.focus({ preventScroll: true });
    this.#onClose();
  }
}

/** Writes the step into the address, or takes it out; other parameters stay. */
function address(step: string | undefined): void {
  const url = new URL(addressNow());
  if (step) url.searchParams.set("tour", step);
  else url.searchParams.delete("tour");
  writeAddress(url);
}
