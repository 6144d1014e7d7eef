// Draws the blocks of ```mermaid on a page of the site. The library lies beside the pages: nothing is asked of the network.
(function () {
  "use strict";
  const blocks = document.querySelectorAll("code.language-mermaid");
  if (typeof mermaid === "undefined" || blocks.length === 0) return;
  const dark = ["ayu", "coal", "navy"].some((theme) => document.documentElement.classList.contains(theme));
  mermaid.initialize({ startOnLoad: false, theme: dark ? "dark" : "neutral", securityLevel: "strict" });
  const drawings = [];
  blocks.forEach((code) => {
    const drawing = document.createElement("pre");
    drawing.className = "mermaid";
    drawing.textContent = code.textContent;
    code.parentElement.replaceWith(drawing);
    drawings.push(drawing);
  });
  mermaid.run({ nodes: drawings });
})();
