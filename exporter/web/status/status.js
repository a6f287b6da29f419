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
    if (fresh.lastElementChild?.dataset.key !== undefined) {
      arrange(old, fresh);
      return;
    }
    const before = [...old.childNodes], after = [...fresh.childNodes];
    after.forEach((child, at) => {
      if (at < before.length) become(before[at], child);
      else old.append(document.importNode(child, true));
    });
    before.slice(after.length).forEach((child) => child.remove());
  }

  // A line goes by its key: those that come, go or change places leave all others as they are.
  function arrange(old, fresh) {
    const name = (line) => line.dataset.key === undefined ? line.nodeName : `=${line.dataset.key}`;
    const wanted = new Set(Array.from(fresh.children, name));
    for (const line of [...old.children]) if (!wanted.has(name(line))) line.remove();
    const known = new Map(Array.from(old.children, (line) => [name(line), line]));
    let place = old.firstElementChild;
    for (const line of fresh.children) {
      const mate = known.get(name(line));
      known.delete(name(line));
      if (mate && place !== mate && place?.nextElementSibling === mate) {
        place.remove(); // it has moved down: one out of the way, rather than all others past it
        place = mate;
      }
      if (place === mate) place = place.nextElementSibling;
      else old.insertBefore(mate ?? document.importNode(line, true), place);
      if (mate) become(mate, line);
    }
    while (place) {
      const next = place.nextElementSibling;
      place.remove();
      place = next;
    }
  }

  // A text that changes, or an element that moves, loses what is selected in it, and the focus.
  function keeping(change) {
    const chosen = getSelection(), focused = document.activeElement;
    const ends = [chosen.anchorNode, chosen.anchorOffset, chosen.focusNode, chosen.focusOffset];
    change();
    const [anchor, from, focus, to] = ends, size = (node) => node.length ?? node.childNodes.length;
    const kept = [chosen.anchorNode, chosen.anchorOffset, chosen.focusNode, chosen.focusOffset];
    if (anchor?.isConnected && focus.isConnected && ends.some((end, at) => end !== kept[at]))
      chosen.setBaseAndExtent(anchor, Math.min(from, size(anchor)), focus, Math.min(to, size(focus)));
    if (focused?.isConnected && focused !== document.activeElement) focused.focus({ preventScroll: true });
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
      keeping(() => become(main, fresh));
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
