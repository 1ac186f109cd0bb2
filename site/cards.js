// Vite plugin of model.html: the cards of the shipped models, core/weights/*.md, as HTML.

import { readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { Marked, Renderer } from "marked";

/** `<!-- cards -->` becomes the card of every model, one after the other. */
export function modelCards(weights, top) {
  const cards = weights.map((file) => file.replace(/\.safetensors$/, ".md"));
  const names = cards.map((file) => basename(file, ".md"));
  return {
    name: "symdiff:cards",
    buildStart() {
      for (const file of cards) this.addWatchFile(file);
    },
    transformIndexHtml: {
      order: "pre",
      handler: (html) =>
        html.replace("<!-- cards -->", () =>
          cards.map((file) => card(file, top, names)).join("\n"),
        ),
    },
  };
}

/**
 * One card. The table of samplers gives place to one that the page makes of the measurements
 * themselves (core/weights/*.json).
 */
function card(file, top, names) {
  const name = basename(file, ".md");
  const markdown = new Marked({ renderer: renderer(name, relative(top, dirname(file)), names) });
  const tokens = markdown.lexer(readFileSync(file, "utf8"));
  const samples = tokens.findIndex(
    ({ type, raw }) => type === "html" && raw.includes("table samplers"),
  );
  const table = tokens.findIndex(({ type }, i) => i > samples && type === "table");
  if (samples >= 0 && table >= 0)
    tokens[table] = { type: "html", text: `<div data-measured="${name}"></div>`, raw: "" };
  return `<article class="prose card" id="${name}">${markdown.parser(tokens)}</article>`;
}

/**
 * Headings one level down, wide tables and listings that scroll, links to the other cards, and
 * files of the repository by their names.
 */
function renderer(name, folder, names) {
  const made = new Renderer();
  const { heading, table, code, link } = made;
  let section = "";
  let count = 0;
  const scroll = (what, html) =>
    `<div class="scroll" role="region" aria-label="${name}, ${section}: ${what} ${++count}" tabindex="0">${html}</div>`;
  made.heading = function (token) {
    section = token.text;
    return heading.call(this, { ...token, depth: token.depth + 1 });
  };
  made.table = function (token) {
    const untitled = token.header.every(({ text }) => text === "");
    const html = table.call(this, token);
    return scroll(
      "table",
      untitled
        ? html.replace(/<thead>.*?<\/thead>/s, "")
        : html.replaceAll(/<th( align="\w+")?><\/th>/g, "<td></td>"),
    );
  };
  made.code = function (token) {
    return scroll("commands", code.call(this, token));
  };
  made.link = function (token) {
    const other = names.find((other) => token.href.split("#")[0] === `${other}.md`);
    if (other) return link.call(this, { ...token, href: `#${other}` });
    return /^https?:/.test(token.href)
      ? link.call(this, token)
      : `<code>${join(folder, token.href)}</code>`;
  };
  return made;
}
