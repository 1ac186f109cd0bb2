// Addresses outside the site: where it is published, and what stands behind it. The package's own
// are read from its package.json.

import { readFileSync } from "node:fs";

const { name, homepage } = JSON.parse(
  readFileSync(new URL("../wasm/npm/package.json", import.meta.url), "utf8"),
);
const source = homepage.replace(/#.*$/, "");
const [, owner, repository] = new URL(source).pathname.split("/");

export const outside = {
  source,
  package: `https://www.npmjs.com/package/${name}`,
  paper: "https://arxiv.org/abs/2410.06262",
  /** The published site, for preview cards. */
  page: process.env.SYMDIFF_PAGE ?? `https://${owner}.github.io/${repository}/`,
};
