"use strict";
// Without this script the report shows all results.
const filter = document.querySelector(".filter");
const buttons = [...filter.querySelectorAll("button")];
const group = filter.querySelector("select");
const search = filter.querySelector("input");
const empty = document.querySelector(".no-match");
let mark = "";

function showMatching() {
  const words = search.value.toLowerCase().split(" ").filter(Boolean);
  let shown = 0;
  for (const section of document.querySelectorAll("main section")) {
    let shownInSection = 0;
    for (const result of section.querySelectorAll("details")) {
      const text = result.querySelector("summary").textContent.toLowerCase();
      const isShown =
        (mark === "" || result.dataset.mark === mark) &&
        (group.value === "" || section.dataset.group === group.value) &&
        words.every((word) => text.includes(word));
      result.hidden = !isShown;
      shownInSection += isShown ? 1 : 0;
    }
    section.hidden = shownInSection === 0;
    shown += shownInSection;
  }
  empty.hidden = shown > 0;
}

function openLinked() {
  const result = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (result instanceof HTMLDetailsElement) {
    result.open = true;
    result.scrollIntoView();
  }
}

for (const button of buttons) {
  button.addEventListener("click", () => {
    mark = button.value;
    for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
    showMatching();
  });
}
group.addEventListener("change", showMatching);
search.addEventListener("input", showMatching);
addEventListener("hashchange", openLinked);
filter.hidden = false;
openLinked();
