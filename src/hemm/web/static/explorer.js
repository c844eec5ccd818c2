// Keys, pages without a reload, and live runs. Everything works without this file.
"use strict";
(() => {
  const main = () => document.getElementById("main");
  let events = null;
  let latest = 0;

  const watchLive = () => {
    if (events) { events.close(); events = null; }
    const live = document.getElementById("live");
    if (!live || !window.EventSource) return;
    events = new EventSource(live.dataset.events);
    events.onmessage = (message) => {
      const page = new DOMParser().parseFromString(message.data, "text/html");
      live.replaceChildren(...page.body.childNodes);
    };
  };

  const show = (text, address, push) => {
    const page = new DOMParser().parseFromString(text, "text/html");
    const fresh = page.getElementById("main");
    if (!fresh) { location.assign(address); return; }
    const bar = page.querySelector("header.bar");
    if (push) history.pushState({}, "", address);
    document.title = page.title;
    main().replaceWith(fresh);
    if (bar) document.querySelector("header.bar").replaceWith(bar);
    const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    if (target) target.scrollIntoView(); else if (push) window.scrollTo(0, 0);
    fresh.focus({ preventScroll: true });
    fold();
    watchLive();
    document.dispatchEvent(new Event("hemm:page"));
  };

  const load = async (address, push) => {
    const mine = ++latest;
    document.body.classList.add("loading");
    try {
      const answer = await fetch(address, { credentials: "same-origin" });
      const type = answer.headers.get("content-type") || "";
      if (!type.startsWith("text/html")) { location.assign(address); return; }
      const text = await answer.text();
      if (mine === latest) show(text, answer.url || address, push);
    } catch (error) {
      if (mine === latest) location.assign(address);
    } finally {
      if (mine === latest) document.body.classList.remove("loading");
    }
  };

  const ours = (link) =>
    link.origin === location.origin && !link.hasAttribute("download") && !link.target &&
    !/^\/(picture|download|static)\//.test(link.pathname);

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
    if (!link || !plain || !ours(link) || link.getAttribute("href").startsWith("#")) return;
    event.preventDefault();
    load(link.href, true);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "get") return;
    event.preventDefault();
    const query = new URLSearchParams();
    for (const [name, value] of new FormData(form)) if (value) query.append(name, value);
    load(`${new URL(form.action).pathname}?${query}`, true);
  });

  window.addEventListener("popstate", () => load(location.href, false));

  const move = (step) => {
    const rows = [...document.querySelectorAll("a[data-row]")];
    const at = rows.indexOf(document.activeElement);
    const next = rows[at + step];
    if (rows.length && (at >= 0 || step > 0) && next) { next.focus(); return true; }
    return false;
  };

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select");
    if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
    if (event.key === "Escape" && typing) { typing.blur(); return; }
    if (typing) return;
    if (event.key === "/") {
      const search = document.getElementById("q");
      if (search) { event.preventDefault(); search.closest("details").open = true; search.focus(); }
    }
    const key = { ArrowRight: "j", ArrowLeft: "k" }[event.key] || event.key;
    if (key !== "j" && key !== "k") return;
    if (event.target.closest(".scroll") && event.key !== key) return;
    if (event.key === key && move(key === "j" ? 1 : -1)) return;
    const link = document.querySelector(`a[data-key="${key}"]`);
    if (link) { event.preventDefault(); load(link.href, true); }
  });

  const fold = () => {
    const filters = document.querySelector("details.filters");
    if (filters && window.matchMedia("(max-width: 60rem)").matches) filters.open = false;
  };
  fold();
  watchLive();
})();
