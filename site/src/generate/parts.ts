// What a lesson or a frame leaves out: ?hide=settings,about and ?embed=1.

/** Without these a frame still generates. */
const embedded = ["header", "footer", "lede", "about"];

/** Names of the parts that a query leaves out. */
export function hiddenParts(query: string): Set<string> {
  const q = new URLSearchParams(query);
  const named = (q.get("hide") ?? "").split(",").filter(Boolean);
  return new Set([...named, ...(q.get("embed") === "1" ? embedded : [])]);
}

/** Hides them; the page's HTML marks its parts with data-part. */
export function hideParts(query: string): void {
  const hidden = hiddenParts(query);
  document.documentElement.classList.toggle(
    "embed",
    new URLSearchParams(query).get("embed") === "1",
  );
  for (const part of document.querySelectorAll<HTMLElement>("[data-part]")) {
    part.classList.toggle("left-out", hidden.has(part.dataset["part"]!));
  }
}
