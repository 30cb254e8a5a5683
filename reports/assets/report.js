"use strict";
// Filter, search, fold: the page is whole without this script.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const bar = document.querySelector(".toolbar");

  const reveal = (target) => {
    for (let box = target; box; box = box.parentElement) {
      if (box.tagName === "DETAILS") box.open = true;
    }
  };
  const follow = () => {
    const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    reveal(target);
    target.scrollIntoView();
  };
  addEventListener("hashchange", follow);
  follow();

  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    folded.forEach((box) => { box.open = true; });
  });
  addEventListener("afterprint", () => folded.forEach((box) => { box.open = false; }));

  if (navigator.clipboard) {
    all(".curl").forEach((box) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = "Copy";
      button.addEventListener("click", () => {
        navigator.clipboard.writeText(box.querySelector("code").textContent).then(
          () => { button.textContent = "Copied"; },
          () => { button.textContent = "Not allowed"; },
        );
      });
      box.append(button);
    });
  }

  if (!bar) return;
  const field = bar.querySelector("#find");
  const found = bar.querySelector("#found");
  const boxes = all("input[name=state]", bar);
  const entries = all("[data-states]").map((node) => ({
    node,
    states: node.dataset.states.split(" "),
    words: node.textContent.toLowerCase(),
  }));
  const topics = all(".topic").map((node) => ({ node, open: node.open, rows: all("tr[data-states]", node) }));

  const filter = () => {
    const wanted = boxes.filter((box) => box.checked).map((box) => box.value);
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    const active = wanted.length > 0 || words.length > 0;
    let shown = 0;
    for (const entry of entries) {
      const fits = (!wanted.length || wanted.some((state) => entry.states.includes(state)))
        && words.every((word) => entry.words.includes(word));
      entry.node.hidden = !fits;
      if (fits) shown += 1;
    }
    for (const topic of topics) {
      const left = topic.rows.some((row) => !row.hidden);
      topic.node.hidden = !left;
      topic.node.open = active ? left : topic.open;
    }
    found.textContent = active ? `${shown} of ${entries.length}` : "";
  };

  let waiting = 0;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(filter, 80);
  });
  boxes.forEach((box) => box.addEventListener("change", filter));
  bar.addEventListener("submit", (event) => { event.preventDefault(); filter(); });
  const fold = (open) => all(".cause, .topic").forEach((box) => { box.open = open; });
  bar.querySelector("#unfold").addEventListener("click", () => fold(true));
  bar.querySelector("#fold").addEventListener("click", () => fold(false));
  bar.hidden = false;
  filter();
})();
