// How many atoms a run has, as a choice of the form, where a formula may have come with the
// address.

import type { Settings } from "./settings.ts";

/** Shows the number of atoms; or the formula, as a choice that is there as long as it stands. */
export function showAtoms(
  select: HTMLSelectElement,
  { atoms, formula }: Pick<Settings, "atoms" | "formula">,
): void {
  select.querySelector("[value=formula]")?.remove();
  if (formula) select.add(new Option(formula, "formula"), 1);
  select.value = formula ? "formula" : String(atoms);
}

/** What was chosen: a number of atoms, which ends the formula. */
export function chosenAtoms(select: HTMLSelectElement): Pick<Settings, "atoms" | "formula"> {
  return { atoms: Number(select.value), formula: "" };
}
