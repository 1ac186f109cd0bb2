// Trusted Types: the page's one policy. Scripts for workers are files of this site; nothing else,
// and no text as HTML, becomes code.

interface PolicyFactory {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): unknown;
}

const { trustedTypes } = globalThis as { trustedTypes?: PolicyFactory };

/** Of a frame without an origin, the worker that imports a script (wasm/js/start.ts). */
const importing = /^data:text\/javascript,import%20%22(.*)%22%3B$/;

// The browser asks the policy named default wherever code hands it plain text, as libraries do that
// know nothing of policies.
trustedTypes?.createPolicy("default", {
  createScriptURL(url) {
    const imported = importing.exec(url)?.[1];
    const script = imported === undefined ? url : decodeURIComponent(imported);
    const { href } = new URL(script, document.baseURI);
    if (href.startsWith(new URL(".", document.baseURI).href) && !/["\\\n]/.test(script))
      return imported === undefined ? href : url;
    throw new TypeError(`${href} is not a script of this site`);
  },
});
