// Links to a molecule, and the code that puts it into another page.

import { models } from "virtual:model";
import { toQuery, withQuery } from "../settings.ts";
import type { Outcome } from "./outcome.ts";

/**
 * The address that makes this molecule; none for weights of the reader's own, which no one else
 * has.
 */
export function linkTo({ settings, index, weights }: Outcome): string | undefined {
  if (!models.some(({ sha256 }) => sha256 === weights.sha256)) return undefined;
  const query = withQuery(toQuery(settings, ""), {
    index: index ? String(index) : "",
    model: weights.name === models[0].name ? "" : weights.name,
  });
  return new URL(query, location.href.replace(/[?#].*$/, "")).href;
}

/** A frame with the molecule, for any page. */
export function frameOf(link: string, formula: string): string {
  const src = `${link}&embed=1&hide=settings,reproduce`.replaceAll("&", "&amp;");
  return `<iframe src="${src}" title="The molecule ${formula}, made by SymDiff" width="720" height="560" style="border: 0" loading="lazy"></iframe>`;
}
