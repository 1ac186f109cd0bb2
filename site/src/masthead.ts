// What every page does about its head: on a narrow screen the link of the current page is brought
// into sight.

const link = document.querySelector<HTMLElement>(".masthead [aria-current]");
const row = link?.closest("nav");
if (link && row) {
  const [inner, outer] = [link.getBoundingClientRect(), row.getBoundingClientRect()];
  row.scrollLeft += inner.left + inner.width / 2 - (outer.left + outer.width / 2);
}
