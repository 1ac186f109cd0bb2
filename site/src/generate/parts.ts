// What a lesson or a frame leaves out: ?hide=settings,about and ?embed=1.

/** Without these a frame still generates. */
const embedded = ["header", "footer", "lede", "about"];

/** Hides the parts of the page that the address names; its HTML marks them with data-part. */
export function hideParts(query: string): void {
  const q = new URLSearchParams(query);
  const embed = q.get("embed") === "1";
  const hidden = new Set([...(q.get("hide") ?? "").split(","), ...(embed ? embedded : [])]);
  document.documentElement.classList.toggle("embed", embed);
  for (const part of document.querySelectorAll<HTMLElement>("[data-part]")) {
    part.classList.toggle("left-out", hidden.has(part.dataset["part"]!));
  }
}
