// Writes site/public/preview.png, the picture of preview cards (og:image): the example of the first
// page beside what the page is for; and site/screenshot.png: the page with the molecule of a seed.
// `npm --prefix site run preview`, after `make site`.

import { join } from "node:path";
import { endAll, launch, open, serve, top } from "./test/e2e/browser.js";

const css = `
  body { padding: 0 !important; overflow: hidden; }
  .masthead, .panel, .transport, .hint, .about, .colophon, .caption, .legend, .lede a, .tools { display: none !important; }
  main { display: block !important; }
  .stage { position: fixed !important; inset: 0 !important; height: auto !important; border: 0 !important; border-radius: 0 !important; }
  .canvas { position: absolute !important; inset: 0 -40px 0 520px !important; }
  .lede { position: fixed; inset: 0 auto 0 64px; z-index: 1; display: grid; align-content: center; width: 520px; }
  .lede h1 { font-size: 54px !important; line-height: 1.08; }
  .lede p { display: none; }
`;

const server = await serve();
const browser = await launch();
const { page } = await open(browser, server.url, {
  viewport: { width: 1200, height: 630 },
  bypassCSP: true,
});
await page.waitForFunction(() =>
  document.querySelector("#caption").textContent.startsWith("Example"),
);
await page.addStyleTag({ content: css });
await page.waitForTimeout(1500);
await page.screenshot({ path: join(top, "site/public/preview.png") });

const seed = 29;
const { page: used } = await open(browser, `${server.url}?seed=${seed}`, {
  viewport: { width: 1280, height: 800 },
});
await used.click("#generate");
await used.waitForFunction(() =>
  /^\d+ \/ \d+$/.test(document.querySelector(".position").textContent),
);
await used.waitForSelector("#generate:not([hidden])");
await used.mouse.move(0, 0);
await used.waitForTimeout(3000);
await used.screenshot({ path: join(top, "site/screenshot.png") });
await endAll();
