// What axe-core finds wrong with a page as it stands.

import assert from "node:assert/strict";
import { AxeBuilder } from "@axe-core/playwright";

/** Fails on any violation of WCAG 2.2 A and AA and of axe's best practices. */
export async function accessible(page, view) {
  const { violations } = await new AxeBuilder({ page }).setLegacyMode(true).analyze();
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(
      ({ target, failureSummary }) => `${id} (${help}): ${target.join(" ")} ${failureSummary}`,
    ),
  );
  assert.deepEqual(found, [], `axe: ${view}`);
}
