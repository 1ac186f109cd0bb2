// What the steps of the tour say and point at. They read the page as a visitor does: formula,
// badges, scrubber.

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
  return {
    title: item.querySelector("strong")!.textContent,
    good: !item.classList.contains("fails"),
    reason: item.querySelector("span")!.textContent,
  };
}

export const steps: Step[] = [
  {
    title: "A molecule of your own",
    at: "#generate",
    needs: false,
    text: () => [
      element("result").hidden
        ? "Press Generate. Your browser downloads the model once and makes a molecule. The next steps are about that molecule."
        : `You have one: ${formula()}. It was made on your device. The next steps are about it. Press Generate for another.`,
    ],
  },
  {
    title: "It began as noise",
    at: "#transport",
    needs: true,
    enter: () => seek(0),
    text: () => [
      "This is the start. The atoms are at random positions. The formula was chosen before the run. At each step the network estimates the noise. Use the slider or the arrow keys to see what happened next.",
    ],
  },
  {
    title: "Atoms settle",
    at: "#stage",
    needs: true,
    enter: () => seek(0.55),
    text: () => [
      "This is the middle of the run. Carbon (grey), nitrogen (blue) and oxygen (red) form the skeleton, and hydrogen (white) surrounds it. The estimate is still a mean over many possible molecules. So each step removes only a part of the noise.",
    ],
  },
  {
    title: "Bonds are distances",
    at: "#stage",
    needs: true,
    enter: () => seek(1),
    text: () => [
      `This is the finished molecule, ${formula()}. The network gave positions, but no bonds. The page draws a bond where the distance of two atoms is that of a bond. A double bond is shorter. The area above the slider shows how many of these bonds were present at each step.`,
    ],
  },
  {
    title: "Is it right?",
    at: ".badges",
    needs: true,
    text: () => {
      const [stable, connected, valid] = [badge("stable"), badge("connected"), badge("valid")];
      const verdict = [stable, connected, valid].map(({ title }) => title.toLowerCase()).join(", ");
      const meaning =
        stable.good && connected.good
          ? "Every atom has its usual number of bonds. The model card says how many molecules come out so."
          : `${(stable.good ? connected : stable).reason} The model does not always succeed. Generate another molecule and compare.`;
      return [
        `Yours is ${verdict}. ${meaning} `,
        make("a", { href: "./model.html" }, "Model card"),
      ];
    },
  },
  {
    title: "No preferred direction",
    at: "#provenance",
    needs: true,
    text: () => [
      "This line names the seed, the settings and the weights. With them anyone gets the same molecule, to the last bit. If you rotate the noise, you get the same molecule, rotated. That is the idea of SymDiff. Try it on the ",
      make("a", { href: "./symmetry.html" }, "symmetry page"),
      ", or read ",
      make("a", { href: "./how.html" }, "how it works"),
      ".",
    ],
  },
];
