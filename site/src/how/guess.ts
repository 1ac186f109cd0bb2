// Two views of one run: the atoms as they are, and where the network sees them end.

import type { Frame, Molecule } from "symdiff-mol";
import { models } from "virtual:model";
import { announce, element } from "../dom.ts";
import { downloadBytes, Engine, loadingText, shipped } from "../engine.ts";
import { megabytes } from "../format.ts";
import { keepModel } from "../offline.ts";
import type { Intro } from "../generate/intro.ts";
import { kept } from "../link.ts";
import { explain } from "../problems.ts";
import { progressText, run } from "../run.ts";
import { randomSeed } from "../settings.ts";
import { Trajectory } from "../trajectory.ts";
import { Transport } from "../transport.ts";
import { Camera } from "../view/camera.ts";
import { Viewer } from "../view/viewer.ts";

const weights = shipped(models[0]);

export class GuessFigure {
  readonly #button = element<HTMLButtonElement>("guess-run");
  readonly #progress = element<HTMLProgressElement>("guess-progress");
  readonly #noisy: Viewer;
  readonly #guessed: Viewer;
  readonly #transport: Transport;
  readonly #onMolecule: (molecule: Molecule) => void;
  #engine: Engine | undefined;
  #running: AbortController | undefined;

  /** Calls onMolecule with every molecule that it has made. */
  constructor(onMolecule: (molecule: Molecule) => void) {
    const camera = new Camera();
    this.#onMolecule = onMolecule;
    this.#noisy = new Viewer(element("noisy"), "guess-help", false, camera);
    this.#guessed = new Viewer(element("guessed"), "guess-help", false, camera);
    this.#noisy.label = this.#guessed.label = "No molecule yet: run the model";
    this.#transport = new Transport(
      element("guess-transport"),
      [this.#noisy, this.#guessed],
      element("guess"),
    );
    this.#button.textContent = `Run the model here (downloads ${megabytes(downloadBytes(weights))} once)`;
    void kept(models[0].url).then((here) => {
      if (here && !this.#running && !this.#engine) this.#button.textContent = "Run the model here";
    });
    this.#button.addEventListener("click", () =>
      this.#running ? this.#running.abort() : void this.#press(),
    );
  }

  /** A trajectory that came with the page, until the model has run. */
  example({ trajectory, formula }: Intro): void {
    if (this.#running || this.#engine) return;
    this.#noisy.label = `Example, made earlier: ${formula} forming from noise`;
    this.#guessed.label = "No molecule yet: run the model";
    this.#transport.open(trajectory);
  }

  async #press(): Promise<void> {
    const { signal } = (this.#running = new AbortController());
    this.#button.textContent = "Cancel";
    this.#progress.hidden = false;
    element("guess-error").hidden = true;
    element<HTMLButtonElement>("update-now").disabled = true;
    try {
      this.#engine ??= await Engine.load(weights, {
        signal,
        onProgress: (p) => this.#tell(p.loaded / p.total, loadingText(p)),
      });
      this.#show(await this.#sample(this.#engine, signal));
    } catch (error) {
      if (!signal.aborted) this.#fail(error);
    } finally {
      this.#running = undefined;
      this.#button.textContent = this.#engine ? "Another molecule" : "Run the model here";
      this.#progress.hidden = true;
      element<HTMLButtonElement>("update-now").disabled = false;
    }
  }

  async #sample(engine: Engine, signal: AbortSignal): Promise<Molecule> {
    let guesses: Trajectory | undefined;
    const options = {
      seed: BigInt(randomSeed()),
      steps: 100,
      method: "dpm++2m-sde",
      detail: true,
      signal,
    } as const;
    const { molecule } = await run(engine, options, {
      onStart: (trajectory) => {
        guesses = new Trajectory(engine.info.elements, trajectory.atoms, trajectory.steps);
        element("guessed-empty").hidden = true;
        this.#transport.open(trajectory, guesses);
      },
      onFrame: (frame, meter) => {
        guesses!.add(guessOf(frame));
        this.#transport.grown();
        this.#tell(frame.step / frame.steps, progressText(frame, meter));
      },
    });
    return molecule;
  }

  #show(molecule: Molecule): void {
    this.#noisy.label = `Molecule ${molecule.formula}, as it formed`;
    this.#guessed.label = `Molecule ${molecule.formula}, as the network expected it`;
    announce(`Finished: ${molecule.formula}. The bar below the figure plays the run.`);
    this.#onMolecule(molecule);
    void keepModel(this.#engine!.info.simd, models[0].url);
  }

  #tell(share: number, text: string): void {
    this.#progress.value = Number.isFinite(share) ? share : 0;
    this.#progress.title = text;
  }

  #fail(error: unknown): void {
    const { advice, detail } = explain(error);
    const box = element("guess-error");
    box.textContent = `${advice} (${detail})`;
    box.hidden = false;
    this.#engine?.close();
    this.#engine = undefined;
  }
}

/**
 * The frame with the atoms where the network sees them end; before its first call that is the
 * middle.
 */
function guessOf(frame: Frame): Frame {
  if (frame.molecule) return frame;
  return { ...frame, positions: frame.predicted ?? new Float32Array(3 * frame.atoms), bonds: [] };
}
