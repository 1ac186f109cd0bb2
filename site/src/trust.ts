// Trusted Types: the page's one policy. Scripts for workers are files of this site; nothing else, and no text as HTML, becomes code.

interface PolicyFactory {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): unknown;
}

const { trustedTypes } = globalThis as { trustedTypes?: PolicyFactory };

// The browser asks the policy named default wherever code hands it plain text, as libraries do that know nothing of policies.
trustedTypes?.createPolicy("default", {
  createScriptURL(url) {
    const { href } = new URL(url, document.baseURI);
    if (href.startsWith(new URL(".", document.baseURI).href)) return href;
    throw new TypeError(`${href} is not a script of this site`);
  },
});
