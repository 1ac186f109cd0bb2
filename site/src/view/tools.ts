// What a picture can do besides turning: how it is drawn, spin, full screen, and files.

import { make, svg } from "../dom.ts";
import { save } from "../save.ts";
import { representations, type Representation } from "./compose.ts";
import type { Viewer } from "./viewer.ts";

const names: Record<Representation, string> = {
  "ball-and-stick": "Ball and stick",
  stick: "Stick",
  "space-filling": "Space-filling",
};

const shapes = {
  options:
    "M3.5 6.5a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zm4.5 0a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3zm4.5 0a1.5 1.5 0 1 0 0 3 1.5 1.5 0 0 0 0-3z",
  full: "M2 2h5v1.6H3.6V7H2zm7 0h5v5h-1.6V3.6H9zM2 9h1.6v3.4H7V14H2zm10.4 0H14v5H9v-1.6h3.4z",
};

interface Owner {
  /** What fills the screen. */
  stage: HTMLElement;
  /** Name of a file, without its ending. */
  fileName: () => string;
  onError: (error: unknown) => void;
}

/** Puts the tools into a container that lies over the picture. */
export class Tools {
  readonly #viewer: Viewer;
  readonly #radios: HTMLInputElement[];
  readonly #spin = make("input", { type: "checkbox" });

  constructor(container: HTMLElement, viewer: Viewer, owner: Owner) {
    this.#viewer = viewer;
    const group = `representation-${(count += 1)}`;
    this.#radios = representations.map((value) =>
      make("input", { type: "radio", name: group, value }),
    );
    for (const radio of this.#radios)
      radio.addEventListener(
        "change",
        () => (viewer.representation = radio.value as Representation),
      );
    this.#spin.addEventListener("change", () => (viewer.spin = this.#spin.checked));
    const png = (scale: number) => {
      const button = make("button", { type: "button" }, `PNG, ${scale}×`);
      button.title = "A picture without background";
      button.addEventListener(
        "click",
        () =>
          void viewer
            .png(scale)
            .then(
              (blob) => save(`${owner.fileName()}@${scale}x.png`, blob, "image/png"),
              owner.onError,
            ),
      );
      return button;
    };
    const panel = make(
      "div",
      { className: "tools-panel" },
      ...this.#radios.map((radio, k) => make("label", {}, radio, names[representations[k]!])),
      make("label", {}, this.#spin, "Spin"),
      make("div", { className: "tools-files" }, png(2), png(4)),
    );
    const summary = make("summary", { title: "View" }, icon(shapes.options));
    summary.setAttribute("aria-label", "View options");
    const options = make("details", { className: "tools-options" }, summary, panel);
    options.addEventListener("toggle", () => this.#show());
    options.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || !options.open) return;
      event.preventDefault(); // it closes the options, and cancels no run
      options.open = false;
      summary.focus();
    });
    options.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget && !options.contains(relatedTarget as Node)) options.open = false;
    });
    viewer.canvas.addEventListener("pointerdown", () => (options.open = false));
    const full = make(
      "button",
      { type: "button", title: "Full screen", hidden: !document.fullscreenEnabled },
      icon(shapes.full),
    );
    full.setAttribute("aria-label", "Full screen");
    full.addEventListener("click", () => void toggleFullScreen(owner.stage).catch(owner.onError));
    container.classList.add("tools");
    container.append(options, full);
  }

  /** Shows how the picture is drawn now. */
  #show(): void {
    for (const radio of this.#radios) radio.checked = radio.value === this.#viewer.representation;
    this.#spin.checked = this.#viewer.spin;
  }
}

let count = 0;

function icon(path: string): SVGElement {
  return svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, svg("path", { d: path }));
}

async function toggleFullScreen(stage: HTMLElement): Promise<void> {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await stage.requestFullscreen();
}
