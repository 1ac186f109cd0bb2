// What is known of a formula before a run: whether the model can make it, and whether its data have
// anything like it.

import type { Model } from "virtual:model";

/** What a model knows. */
export type Known = Pick<Model, "elements" | "sizes" | "heavy">;

export interface Advice {
  text: string;
  /** Whether a run would be refused. */
  refused: boolean;
}

/** Bonds of a neutral atom; the most of those that molecule.StableAtoms in core takes. */
const valences: Record<string, number> = {
  H: 1,
  B: 3,
  C: 4,
  N: 3,
  O: 2,
  F: 1,
  Al: 3,
  Si: 4,
  P: 5,
  S: 4,
  Cl: 1,
  As: 3,
  Br: 1,
  I: 1,
};

/** Numbers of atoms by element; of a text that settings.parseFormula takes. */
function countsOf(formula: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (const [, symbol, n] of formula.matchAll(/([A-Z][a-z]?)(\d*)/g))
    counts.set(symbol!, (counts.get(symbol!) ?? 0) + Number(n || 1));
  return counts;
}

/** In the order C, H, then by letters. */
function hill(counts: ReadonlyMap<string, number>): string {
  const rank = (symbol: string) => ["C", "H"].indexOf(symbol) + 1 || 3;
  const symbols = [...counts.keys()].sort((a, b) => rank(a) - rank(b) || a.localeCompare(b));
  return symbols
    .map((symbol) => `${symbol}${counts.get(symbol) === 1 ? "" : counts.get(symbol)}`)
    .join("");
}

/**
 * What to say about a formula; nothing where it is like the data. Meta.FormulaNotes of
 * core/encoding says the same.
 */
export function advise(formula: string, { elements, sizes, heavy }: Known): Advice | undefined {
  const counts = countsOf(formula);
  const strange = [...counts.keys()].filter((symbol) => !elements.includes(symbol));
  if (strange.length)
    return {
      text: `This model knows ${list(elements)}. It does not know ${list(strange)}.`,
      refused: true,
    };
  const total = [...counts.values()].reduce((sum, n) => sum + n, 0);
  const others = total - (counts.get("H") ?? 0);
  const [least, most] = [sizes[0]!, sizes.at(-1)!];
  const texts: string[] = [];
  if (/[A-Z].*[A-Z]/.test(formula) && !/\d/.test(formula) && !counts.has("H")) {
    texts.push(
      `Read as the formula ${hill(counts)}, without hydrogen. SMILES is not taken: ethanol is C2H6O.`,
    );
  }
  if (total > most)
    texts.push(
      `The formula has ${total} atoms. The training data have at most ${most}. Expect broken molecules.`,
    );
  else if (total < least)
    texts.push(
      `The formula has ${total} ${total === 1 ? "atom" : "atoms"}. The training data have at least ${least}. Expect wrong distances.`,
    );
  else if (heavy && others > heavy)
    texts.push(
      `The formula has ${others} atoms besides hydrogen. The training data have at most ${heavy}. Expect broken molecules.`,
    );
  const sum = [...counts].reduce((all, [symbol, n]) => all + n * (valences[symbol] ?? NaN), 0);
  if (sum < 2 * total - 2)
    texts.push("The valences are too few to join all atoms. So no molecule has this formula.");
  else if (sum % 2)
    texts.push(
      "The valences add up to an odd number. So no molecule with this formula can be stable.",
    );
  return texts.length ? { text: texts.join(" "), refused: false } : undefined;
}

function list(symbols: readonly string[]): string {
  return symbols.length < 2
    ? symbols.join()
    : `${symbols.slice(0, -1).join(", ")} and ${symbols.at(-1)}`;
}
