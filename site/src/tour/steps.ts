// What the steps of the tour say and point at. They read the page as a visitor does: formula, badges, scrubber.

import { element, make } from "../dom.ts";

export interface Step {
  title: string;
  /** Selector of what the step is about. */
  at: string;
  /** Whether it needs a molecule of the visitor's. */
  needs: boolean;
  text(): (string | Node)[];
  /** Brings the page to where the step looks. */
  enter?(): void;
}

const scrubber = () => document.querySelector<HTMLInputElement>("#transport .scrubber")!;
const formula = () => element("formula").textContent;

/** Moves the scrubber to a share of the trajectory, as a hand would. */
function seek(share: number): void {
  const input = scrubber();
  input.value = String(share * Number(input.max));
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

/** Title and reason of a badge. */
function badge(id: string): { title: string; good: boolean; reason: string } {
  const item = element(id);
  return { title: item.querySelector("strong")!.textContent, good: !item.classList.contains("fails"), reason: item.querySelector("span")!.textContent };
}

export const steps: Step[] = [
  {
    title: "A molecule of your own",
    at: "#generate",
    needs: false,
    text: () => [
      element("result").hidden
        ? "Press Generate. The model is downloaded once. Then it makes a molecule on your device. The next steps are about that molecule."
        : `You have one: ${formula()}. It was made on your device. The next steps are about it. Press Generate for another.`,
    ],
  },
  {
    title: "It began as noise",
    at: "#transport",
    needs: true,
    enter: () => seek(0),
    text: () => [
      "This is the start: atoms at random positions. The formula was sampled before, from the training distribution. The seed decides both. At each step the network estimates the noise. Use the slider or the arrow keys to see what happened next.",
    ],
  },
  {
    title: "Atoms settle",
    at: "#stage",
    needs: true,
    enter: () => seek(0.55),
    text: () => [
      "Half way. Carbon (grey), nitrogen (blue) and oxygen (red) form the skeleton. Hydrogen (white) settles around it. Each step removes only a part of the noise: at high noise an estimate is a mean over all molecules that are possible.",
    ],
  },
  {
    title: "Bonds are distances",
    at: "#stage",
    needs: true,
    enter: () => seek(1),
    text: () => [
      `The end: ${formula()}. The network gave positions, and no bonds. The page draws a bond where the distance of two atoms is that of a bond. A double bond is shorter. The area above the slider shows how many of these bonds were present at each step.`,
    ],
  },
  {
    title: "Is it right?",
    at: ".badges",
    needs: true,
    text: () => {
      const [stable, connected, valid] = [badge("stable"), badge("connected"), badge("valid")];
      const verdict = [stable, connected, valid].map(({ title }) => title.toLowerCase()).join(", ");
      const meaning = stable.good && connected.good
        ? "Every atom has its usual number of bonds. Not every molecule gets there. The model card says how many do."
        : `What is wrong: ${(stable.good ? connected : stable).reason} The page shows failures as failures. Generate another and compare.`;
      return [`Yours is ${verdict}. ${meaning} `, make("a", { href: "./model.html" }, "Model card")];
    },
  },
  {
    title: "No preferred direction",
    at: "#provenance",
    needs: true,
    text: () => [
      "This line names the seed, the settings and the weights. With them anyone gets the same molecule, to the last bit. If the noise had been rotated, the molecule would be the same one, rotated. That is the idea of SymDiff. See it on the ",
      make("a", { href: "./symmetry.html" }, "symmetry page"),
      ", or read ",
      make("a", { href: "./how.html" }, "how it works"),
      ".",
    ],
  },
];
