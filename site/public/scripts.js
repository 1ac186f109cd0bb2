// Says so when the scripts of a page do not arrive, and why. A plain script, since it must run
// where modules may not: browsers fetch modules by CORS, which a frame with an opaque origin,
// and a page opened as a file, need a server's permission for.

(() => {
  let told = false;

  /** Why, and what to do: two sentences. */
  function reason() {
    if (location.protocol === "file:")
      return "It was opened as a file. It needs a server: `symdiff serve` is one.";
    if (globalThis.origin === "null") {
      return (
        "This frame is in a sandbox without allow-same-origin, and the server does not let such frames fetch its scripts. " +
        "The server has to send the header Access-Control-Allow-Origin: *, or the frame needs allow-same-origin."
      );
    }
    return "Check the connection and reload the page.";
  }

  function tell() {
    if (told) return;
    told = true;
    const say = (name, text) => Object.assign(document.createElement(name), { textContent: text });
    const link = Object.assign(say("a", "Open the page by itself"), {
      href: location.href,
      target: "_blank",
      rel: "noopener",
    });
    const address = say("p", "");
    address.append(link, ": ", say("code", location.href));
    const box = Object.assign(document.createElement("div"), {
      className: "message bad",
      id: "no-scripts",
    });
    box.setAttribute("role", "alert");
    box.append(
      say("p", "The scripts of this page could not be loaded."),
      say("p", reason()),
      address,
    );
    document.body.prepend(box);
  }

  addEventListener(
    "error",
    ({ target }) => {
      if (!(target instanceof HTMLScriptElement)) return;
      if (document.body) tell();
      else addEventListener("DOMContentLoaded", tell);
    },
    true,
  );
})();
