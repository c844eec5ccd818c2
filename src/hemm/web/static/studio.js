// Keys, pages without a reload, and votes that are sent until they are stored. Everything works without this file.
"use strict";
(() => {
  const main = () => document.getElementById("main");
  const wait = document.getElementById("wait");
  let busy = false;

  const tell = (words) => { wait.textContent = words; wait.hidden = !words; };
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  // What comes next is shown once its pictures are there: nothing jumps, and both answers come at once.
  const show = async (text, address) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = page.getElementById("main");
    if (!fresh) { location.assign(address); return; }
    const seen = document.importNode(fresh, true);
    const pictures = [...seen.querySelectorAll("img")].map((img) => {
      const early = new Image();
      early.src = img.getAttribute("src");
      return early.decode().catch(() => {});
    });
    await Promise.race([Promise.all(pictures), pause(4000)]);
    const bar = page.querySelector("header.bar");
    main().replaceWith(seen);
    if (bar) document.querySelector("header.bar").replaceWith(document.importNode(bar, true));
    document.title = page.title;
    const path = new URL(address, location.href);
    history.replaceState({}, "", path.pathname + path.search);
    window.scrollTo(0, 0);
    seen.focus({ preventScroll: true });
  };

  // What the server does not take is said beside the form, which stays as it is.
  const refused = (text) => {
    const line = new DOMParser().parseFromString(text, "text/html").querySelector(".lead-line");
    tell(line ? line.textContent : "The server did not take that: open the page again.");
    for (const chosen of document.querySelectorAll(".chosen")) chosen.classList.remove("chosen");
  };

  // The form's token makes it safe to send again: the server takes each form once.
  const send = async (form, button) => {
    if (busy) return;
    busy = true;
    const body = new URLSearchParams(new FormData(form));
    if (button && button.name) body.set(button.name, button.value);
    document.body.classList.add("loading");
    try {
      for (let tries = 0; ; tries += 1) {
        try {
          const answer = await fetch(form.action, { method: "POST", body, credentials: "same-origin" });
          const text = await answer.text();
          if (answer.ok) { tell(""); await show(text, answer.url); } else refused(text);
          break;
        } catch (error) {
          tell("The server does not answer. What you said is kept here and sent again: leave the page open.");
          await pause(Math.min(500 + 250 * tries, 3000));
        }
      }
    } finally {
      busy = false;
      document.body.classList.remove("loading");
    }
  };

  document.addEventListener("error", (event) => {
    const img = event.target;
    if (img.tagName !== "IMG") return;
    const line = document.createElement("p");
    line.className = "nopicture";
    line.textContent = `The ${img.alt} cannot be shown here: tell the organiser, and skip what needs it.`;
    img.closest("figure").replaceChildren(line);
  }, true);

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.action.endsWith("/leave") || form.action.endsWith("/enter")) return;
    event.preventDefault();
    send(form, event.submitter);
  });

  const mark = (button) => {
    for (const other of document.querySelectorAll(".chosen")) other.classList.remove("chosen");
    button.classList.add("chosen");
    const sides = document.querySelectorAll(".side-of");
    const which = { left: [0], right: [1], tie: [0, 1] }[button.value] || [];
    for (const n of which) if (sides[n]) sides[n].classList.add("chosen");
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-vote] button[name=choice]");
    if (button) mark(button);
  });

  const open = (selector, field) => {
    const details = document.querySelector(selector);
    if (!details) return;
    details.open = true;
    const first = details.querySelector(field);
    if (first) first.focus();
  };

  document.addEventListener("keydown", (event) => {
    if (event.metaKey || event.ctrlKey || event.altKey) return;
    const field = event.target.closest("input, textarea, select");
    const writing = field && !["radio", "checkbox"].includes(field.type);
    if (event.key === "Escape") {
      for (const details of document.querySelectorAll(".skip-form[open]")) details.open = false;
      for (const zoom of document.querySelectorAll(".zoom:checked")) zoom.checked = false;
      if (field) field.blur();
      main().focus({ preventScroll: true });
      return;
    }
    if (writing) return;
    const skip = document.querySelector(".skip-form[open]");
    const main_button = document.querySelector("[data-label] .button.large, form[data-go] button, a[data-go]");
    if (event.key === "Enter") {
      const own = event.target.closest("button, a, summary");
      const target = (skip && skip.querySelector("button")) || main_button;
      if (target && (!own || own === target)) { event.preventDefault(); target.click(); }
      return;
    }
    if (event.repeat || busy) return;
    if (/^[1-9]$/.test(event.key)) {
      const chosen = document.querySelector(`[data-choice="${event.key}"]`);
      if (!chosen) return;
      event.preventDefault();
      if (chosen.tagName === "BUTTON") { mark(chosen); send(chosen.form, chosen); return; }
      chosen.click();
      return;
    }
    if (event.key === "u") {
      const undo = document.querySelector("form[data-undo]");
      if (undo) { event.preventDefault(); send(undo); }
    } else if (event.key === "s") { event.preventDefault(); open(".skip-form", "input:checked"); }
    else if (event.key === "n") { event.preventDefault(); open(".note-form", "textarea"); }
    else if (event.key === "z") {
      const zoom = document.querySelector(".zoom");
      if (zoom) { event.preventDefault(); zoom.checked = !zoom.checked; }
    }
  });
})();
