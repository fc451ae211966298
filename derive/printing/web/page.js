"use strict";
{
  // Pointing at a quantity, or reaching it by keyboard, lights it up wherever it stands: node, formula, step, code.
  const marks = ["q", "line", "name", "target"];
  const some = marks.map((mark) => `[data-${mark}]`).join(", ");
  const nameOf = (element) => marks.map((mark) => element.dataset[mark]).find((name) => name);
  const marked = new Map();
  for (const element of document.querySelectorAll(some)) {
    // A node is lit with its quantity, and with the gradient of that.
    for (const name of new Set([nameOf(element), element.dataset.cotangent].filter((each) => each))) {
      marked.set(name, [...(marked.get(name) ?? []), element]);
    }
  }
  // In a small batch an element has a place, i=1 j=2. What has a part of that place, such as the mean of its column,
  // or all of it and more, belongs to it.
  const placed = [...document.querySelectorAll("[data-at]")].map((each) => [each, each.dataset.at.split(" ")]);
  const belonging = (element) => {
    const at = element.dataset.at.split(" ");
    const holds = (some, others) => some.every((one) => others.includes(one));
    return placed.filter(([, place]) => holds(place, at) || holds(at, place)).map(([each]) => each);
  };
  let lit = [];
  const show = (target) => {
    const element = target instanceof Element && target.closest(some);
    for (const other of lit) other.classList.remove("lit");
    lit = !element ? [] : element.dataset.at ? belonging(element) : marked.get(nameOf(element));
    for (const other of lit) other.classList.add("lit");
  };
  document.addEventListener("pointerover", (event) => show(event.target));
  document.addEventListener("focusin", (event) => show(event.target));
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") show(null); });

  // A formula that is wider than the page scrolls, and can then be reached by keyboard.
  const reach = () => {
    for (const formula of document.querySelectorAll(".formula")) {
      formula.toggleAttribute("tabindex", formula.scrollWidth > formula.clientWidth);
      if (formula.hasAttribute("tabindex")) formula.tabIndex = 0;
    }
  };
  addEventListener("resize", reach);
  document.addEventListener("toggle", reach, true);
  reach();

  for (const button of document.querySelectorAll("button[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.copy);
      const said = button.textContent;
      try {
        await navigator.clipboard.writeText(source.textContent);
        button.textContent = "copied";
      } catch {
        getSelection().selectAllChildren(source);
        button.textContent = "selected: copy it";
      }
      setTimeout(() => { button.textContent = said; }, 2000);
    });
  }
  for (const button of document.querySelectorAll("button[data-steps]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      const all = [...document.querySelectorAll("details.step")];
      const open = all.some((step) => !step.open);
      for (const step of all) step.open = open;
      button.textContent = open ? "close all reasons" : "open all reasons";
    });
  }
}
