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
        ? "Press Generate. The model is fetched once and then makes a molecule here, on your device, that nobody has seen before. Everything that follows is about it."
        : `You have one: ${formula()}. It was made on your device just now; the steps that follow are about it. Press Generate for another.`,
    ],
  },
  {
    title: "It began as noise",
    at: "#transport",
    needs: true,
    enter: () => seek(0),
    text: () => [
      "This is where it came from: atoms at points drawn at random. Which atoms there are was drawn first, as often as in the data that the model has seen; the seed decides both. A network looked at them and said where it thinks the noise is. Use the bar, or the arrow keys, to follow what happened next.",
    ],
  },
  {
    title: "Atoms find their places",
    at: "#stage",
    needs: true,
    enter: () => seek(0.55),
    text: () => [
      "Half way. Who belongs to whom is being settled: carbon, grey, nitrogen, blue, and oxygen, red, become a frame, and hydrogen, white, looks for places left on it. A little noise is taken away at a time, because a guess at high noise is only a mean over all that might become of it.",
    ],
  },
  {
    title: "Bonds are distances",
    at: "#stage",
    needs: true,
    enter: () => seek(1),
    text: () => [
      `The end: ${formula()}. The network placed atoms; nobody told it about bonds. They are drawn where two atoms stand at the distance of a bond, shorter for a double one. The hill above the bar shows how many of them were there at each step.`,
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
        ? "Every atom has the number of bonds that chemistry wants. That is not a matter of course: see the model card for how often it happens."
        : `It went wrong here: ${(stable.good ? connected : stable).reason} A small model often does; the page does not hide it. Generate another and compare.`;
      return [`Yours is ${verdict}. ${meaning} `, make("a", { href: "./model.html" }, "Model card")];
    },
  },
  {
    title: "No up, no chance",
    at: "#provenance",
    needs: true,
    text: () => [
      "The line below names seed, settings and weights: with them anyone gets the same molecule, to the last bit. And had the noise been turned, the molecule would have been the same one, turned. That is the idea of SymDiff. See it on the ",
      make("a", { href: "./symmetry.html" }, "symmetry page"),
      ", or read ",
      make("a", { href: "./how.html" }, "how it works"),
      ".",
    ],
  },
];
