// "How it works": figures that the page draws itself.

import "../trust.ts";
import "../masthead.ts";
import { models } from "virtual:model";
import { element } from "../dom.ts";
import { percent, roughCount } from "../format.ts";
import { loadIntro } from "../generate/intro.ts";
import { startOffline } from "../offline.ts";
import { GuessFigure } from "./guess.ts";
import { NoisedFigure } from "./noised.ts";
import { ToyFigure } from "./toy.ts";

const noised = new NoisedFigure();
const guess = new GuessFigure((molecule) => noised.take(molecule));
new ToyFigure();

const { parameters, elements, sizes, defaults, evaluation } = models[0];
element("network-facts").textContent =
  `The model of this site has ${roughCount(parameters)} parameters. It knows ${elements.length} elements (${elements.join(", ")}) ` +
  `and molecules of ${sizes[0]} to ${sizes.at(-1)} atoms.`;

/** What was measured with the default sampler, from a start, in so many steps. */
const measured = (start: number, steps: number) =>
  evaluation.find(
    (m) => m.method === defaults.method && !m.special && m.start === start && m.steps === steps,
  );
const [late, whole] = [measured(defaults.t_start, defaults.steps), measured(1000, 100)];
if (late && whole) {
  element("truncated").textContent =
    `From t = ${defaults.t_start}, in ${defaults.steps} steps, ${percent(late.stable)} of ${late.molecules.toLocaleString("en")} molecules were stable. ` +
    `From t = 1000, in 100 steps, ${percent(whole.stable)} were.`;
}
if (late)
  element("lesson-rate").textContent =
    `Of ${late.molecules.toLocaleString("en")} molecules, ${percent(late.stable)} were stable.`;
void loadIntro().then(
  (intro) => {
    guess.example(intro);
    noised.take(intro.finished);
  },
  () => {},
); // without it the figures wait for the model
void startOffline();
