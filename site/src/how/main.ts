// "How it works": figures that the page draws itself.

import "../trust.ts";
import "../masthead.ts";
import { models } from "virtual:model";
import { element } from "../dom.ts";
import { roughCount } from "../format.ts";
import { loadIntro } from "../generate/intro.ts";
import { startOffline } from "../offline.ts";
import { GuessFigure } from "./guess.ts";
import { ShakenFigure } from "./shaken.ts";
import { ToyFigure } from "./toy.ts";

const shaken = new ShakenFigure();
const guess = new GuessFigure((molecule) => shaken.take(molecule));
new ToyFigure();

const { parameters, elements, sizes } = models[0];
element("network-facts").textContent =
  `The model of this site has ${roughCount(parameters)} parameters and knows ${elements.length} elements (${elements.join(", ")}), ` +
  `in molecules of ${sizes[0]} to ${sizes.at(-1)} atoms.`;
void loadIntro().then((intro) => {
  guess.example(intro);
  shaken.take(intro.finished);
}, () => {}); // without it the figures wait for the model
void startOffline();
