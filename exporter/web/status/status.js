"use strict";
(() => {
  const EVERY = 5000, PATIENCE = 15000, SECOND = 1000;
  const lost = document.getElementById("lost"), main = document.getElementById("main");
  let seen = performance.now(), calendar = Date.now(), waiting = null, problem = "";

  class Refusal extends Error {}

  // Change only what differs: focus, scroll positions and selections stay, and nothing flickers.
  function become(old, fresh) {
    if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.id !== fresh.id) {
      old.replaceWith(document.importNode(fresh, true));
      return;
    }
    if (old.nodeType !== Node.ELEMENT_NODE) {
      if (old.data !== fresh.data) old.data = fresh.data;
      return;
    }
    for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
    for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
    const before = [...old.childNodes], after = [...fresh.childNodes];
    after.forEach((child, at) => {
      if (at < before.length) become(before[at], child);
      else old.append(document.importNode(child, true));
    });
    before.slice(after.length).forEach((child) => child.remove());
  }

  // What may be too old is taken away: a number on this page is right, or it is not there.
  function judge() {
    const old = Math.max(performance.now() - seen, Date.now() - calendar) > PATIENCE;
    main.classList.toggle("withdrawn", old);
    lost.hidden = !problem;
    const text = problem + (old ? "; the numbers are withdrawn until it does." : "; trying again.");
    if (problem && lost.textContent !== text) lost.textContent = text;
  }

  async function refresh() {
    if (waiting) return;
    waiting = new AbortController();
    const timeout = setTimeout(() => waiting.abort(), EVERY * 2);
    try {
      const answer = await fetch(location.pathname, { cache: "no-store", signal: waiting.signal });
      if (!answer.ok) throw new Refusal(`The exporter answers ${answer.status}`);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("main");
      if (!fresh) throw new Refusal("Something else than the exporter answers");
      become(main, fresh);
      seen = performance.now();
      calendar = Date.now();
      problem = "";
    } catch (error) {
      problem = error instanceof Refusal ? error.message : "The exporter does not answer";
    } finally {
      clearTimeout(timeout);
      waiting = null;
      judge();
    }
  }

  function look() {
    judge();
    if (!document.hidden) refresh();
  }

  setInterval(look, EVERY);
  setInterval(judge, SECOND);
  document.addEventListener("visibilitychange", look);
  addEventListener("pageshow", look);
})();
