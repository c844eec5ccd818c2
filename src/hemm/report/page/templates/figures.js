// Figures: words beside a point, by pointer and by keys, and models that are switched off and on. Without this
// script all is there: points have titles, and tables have every number.
"use strict";
(() => {
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);

  const say = (point) => {
    tip.hidden = !point;
    if (!point) return;
    tip.textContent = point.getAttribute("aria-label");
    const box = point.getBoundingClientRect();
    const most = document.documentElement.clientWidth - tip.offsetWidth - 8;
    const left = Math.min(most, Math.max(8, box.left + box.width / 2 - tip.offsetWidth / 2));
    const above = box.top - tip.offsetHeight - 6;
    tip.style.left = `${left + window.scrollX}px`;
    tip.style.top = `${(above < 0 ? box.bottom + 6 : above) + window.scrollY}px`;
  };

  const point = (event) => event.target.closest && event.target.closest("svg.figure .hit");
  document.addEventListener("pointerover", (event) => say(point(event)));
  document.addEventListener("focusin", (event) => say(point(event)));
  document.addEventListener("focusout", () => say(null));

  const points = (figure) => [...figure.querySelectorAll(".hit")];
  const seen = (element) => element.getBoundingClientRect().width > 0;

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { say(null); return; }
    const here = point(event);
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -Infinity, End: Infinity }[event.key];
    if (!here || !step) return;
    event.preventDefault();
    const all = points(here.closest("svg")).filter(seen);
    const next = all[Math.min(all.length - 1, Math.max(0, all.indexOf(here) + step))];
    here.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
  });

  const root = document.documentElement.classList;
  const states = () => {
    for (const button of document.querySelectorAll("button[data-model]"))
      button.setAttribute("aria-pressed", String(!root.contains(`off-${button.dataset.model}`)));
    for (const figure of document.querySelectorAll("svg.figure")) {
      const all = points(figure), first = all.find(seen);
      for (const one of all) one.setAttribute("tabindex", one === first ? "0" : "-1");
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-model]");
    if (!button) return;
    root.toggle(`off-${button.dataset.model}`);
    states();
  });

  const prepare = () => {
    for (const name of [...root]) if (name.startsWith("off-")) root.remove(name);
    for (const figure of document.querySelectorAll("svg.figure")) {
      const all = points(figure);
      if (all.length) figure.setAttribute("role", "group");
      for (const one of all) {
        const title = one.querySelector("title");
        if (!title) continue;
        one.setAttribute("role", "img");
        one.setAttribute("aria-label", title.textContent);
        title.remove();
      }
    }
    for (const name of document.querySelectorAll("span[data-model]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = name.className;
      button.dataset.model = name.dataset.model;
      button.title = "show or hide in the figures";
      button.append(...name.childNodes);
      name.replaceWith(button);
    }
    states();
  };
  document.addEventListener("hemm:page", prepare);
  prepare();
})();
