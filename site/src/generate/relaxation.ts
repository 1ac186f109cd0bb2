// MMFF94 on request: the energy that it takes out, and both geometries laid over each other.

import { forceFieldBytes } from "virtual:model";
import { element } from "../dom.ts";
import { megabytes } from "../format.ts";
import { superpose } from "../superposition.ts";
import { Trajectory, type Picture } from "../trajectory.ts";
import type { Transport } from "../transport.ts";
import type { Palette } from "../view/colours.ts";
import type { Viewer } from "../view/viewer.ts";
import type { Chemistry, Relaxed } from "./chemistry.ts";
import type { Outcome } from "./outcome.ts";

type Layer = "before" | "after" | "both";

export class Relaxation {
  readonly #chemistry: Chemistry;
  readonly #viewer: Viewer;
  readonly #transport: Transport;
  readonly #button = element<HTMLButtonElement>("relax");
  readonly #note = element("relax-note");
  readonly #overlay = element("overlay");
  readonly #file = document.querySelector<HTMLButtonElement>("[data-format=relaxed]")!;
  #outcome: Outcome | undefined;
  #fetched = false;
  #relaxed: Relaxed | undefined;

  constructor(chemistry: Chemistry, viewer: Viewer, transport: Transport) {
    this.#chemistry = chemistry;
    this.#viewer = viewer;
    this.#transport = transport;
    this.#button.addEventListener("click", () => void this.#run());
    this.#overlay.addEventListener("change", () => this.#show(this.#layer));
  }

  /** Begins anew with a molecule. */
  open(outcome: Outcome): void {
    this.#outcome = outcome;
    this.#relaxed = undefined;
    this.#overlay.hidden = this.#file.hidden = true;
    this.#button.hidden = false;
    this.#button.disabled = false;
    this.#note.textContent = this.#fetched
      ? ""
      : `The force field is downloaded on first use, ${megabytes(forceFieldBytes)}.`;
  }

  /** Calls back with what was found, where something was. */
  use(f: (positions: ArrayLike<number>, energy: number) => void): void {
    if (this.#relaxed) f(this.#relaxed.positions, this.#relaxed.after);
  }

  get #layer(): Layer {
    return this.#overlay.querySelector<HTMLInputElement>("input:checked")!.value as Layer;
  }

  async #run(): Promise<void> {
    const outcome = this.#outcome!;
    this.#button.disabled = true;
    this.#note.textContent = "Minimising the energy …";
    try {
      const relaxed = await this.#chemistry.relax(outcome.molecule.sdf);
      this.#fetched = true;
      if (this.#outcome !== outcome) return;
      const { before, after } = relaxed;
      const { rmsd, moved } = superpose(relaxed.positions, outcome.molecule.positions);
      this.#relaxed = { before, after, positions: moved };
      this.#note.textContent = `MMFF94 lowers the energy by ${energy(before - after)} kcal/mol, from ${energy(before)} to ${energy(after)}. The atoms move by ${rmsd.toFixed(2)} Å (RMSD).`;
      this.#button.hidden = true;
      this.#overlay.hidden = this.#file.hidden = false;
      this.#show(this.#layer);
    } catch (error) {
      if (this.#outcome !== outcome) return;
      this.#note.textContent = `Its energy cannot be minimised: ${reason(error)}.`;
    }
  }

  /** Before: as generated, thin and in the accent colour where the other lies over it. */
  #show(layer: Layer): void {
    const { molecule, settings, trajectory } = this.#outcome!;
    const still = (positions: Float64Array<ArrayBuffer>) =>
      Trajectory.of({ ...molecule, positions }, trajectory.elements, settings.steps);
    const before = still(molecule.positions as Float64Array<ArrayBuffer>);
    const after = still(this.#relaxed!.positions);
    this.#transport.pause();
    this.#viewer.show((palette) => {
      if (layer !== "both") return (layer === "before" ? before : after).pictureAt(0, palette);
      const [ghost, solid] = [
        thin(before.pictureAt(0, palette), palette),
        after.pictureAt(0, palette),
      ];
      return {
        ...solid,
        balls: [...solid.balls, ...ghost.balls],
        sticks: [...solid.sticks, ...ghost.sticks],
      };
    });
  }
}

function thin({ balls, sticks }: Picture, { accent }: Palette): Picture {
  return {
    balls: balls.map((ball) => ({ ...ball, radius: 0.09, full: 0.09, colour: accent })),
    sticks: sticks.map((stick) => ({
      ...stick,
      radius: 0.045,
      colours: [accent, accent],
      order: 1,
    })),
  };
}

function energy(x: number): string {
  return x.toFixed(1).replace("-", "−");
}

/** The message of the force field, without the name of its Java class. */
function reason(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).replace(/^Class\S*: /, "");
}
