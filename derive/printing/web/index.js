"use strict";
{
  // The search shows the layers whose name or description has every word of it; "/" goes there, Escape empties it.
  const field = document.getElementById("search");
  const said = document.querySelector("output[for=search]");
  const plain = (text) => text.toLowerCase().replace(/[_\s]+/g, " ");
  const cards = [...document.querySelectorAll(".card")].map((card) => {
    const text = plain(card.dataset.words);
    return [card, `${text} ${plain(card.id).replaceAll(" ", "")}`];  // batchnorm is found as well as batch norm
  });
  const search = () => {
    const wanted = plain(field.value).split(" ").filter((word) => word);
    let found = 0;
    for (const [card, text] of cards) {
      card.hidden = !wanted.every((word) => text.includes(word));
      found += card.hidden ? 0 : 1;
    }
    said.textContent = wanted.length ? `${found} of ${cards.length}` : "";
  };
  field.closest(".search").hidden = false;
  field.addEventListener("input", search);
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && document.activeElement !== field && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      field.focus();
    }
    if (event.key === "Escape" && document.activeElement === field) {
      field.value = "";
      search();
    }
  });
  search();
}
