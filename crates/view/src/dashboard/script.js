// The dashboard's only script. Pages are complete without it; with it they follow what runs do, and hear keys.
//
// One event stream is open for each browser, in a shared worker (this same file), since a browser opens only a few
// connections to a host: all tabs hear from it which runs have grown. A tab that shows one of them, and is seen, then asks
// for the parts of its page that are alive, and puts each in the place of the one of the same name.
"use strict";

/** In the worker: tells every tab what the server says. */
function relay() {
  const ports = new Set();
  let last = null;
  const tell = (message) => {
    last = message;
    for (const port of ports) port.postMessage(message);
  };
  const events = new EventSource("/events");
  events.addEventListener("runs", (event) => tell({ grown: JSON.parse(event.data) }));
  events.addEventListener("open", () => tell({ open: true }));
  events.addEventListener("error", () => tell({ open: false }));
  self.addEventListener("connect", (event) => {
    const port = event.ports[0];
    ports.add(port);
    port.addEventListener("message", () => ports.delete(port));
    port.start();
    if (last && "open" in last) port.postMessage(last);
  });
}

/** Calls `hear` with what the server says, by the worker or, where there are none of them, by a stream of this tab. */
function listen(hear) {
  if (typeof SharedWorker === "function") {
    const { port } = new SharedWorker("/dashboard.js");
    port.addEventListener("message", (event) => hear(event.data));
    port.start();
    window.addEventListener("pagehide", () => port.postMessage("gone"));
    window.addEventListener("pageshow", (event) => event.persisted && location.reload());
    return;
  }
  const events = new EventSource("/events");
  events.addEventListener("runs", (event) => hear({ grown: JSON.parse(event.data) }));
  events.addEventListener("open", () => hear({ open: true }));
  events.addEventListener("error", () => hear({ open: false }));
}

/** The address of what is alive on this page. `only` are the runs of the list that have grown. */
function fragmentAddress(only) {
  const address = new URL(location.href);
  address.hash = "";
  address.searchParams.set("fragment", "1");
  for (const run of only) address.searchParams.append("only", run);
  return address;
}

/** Puts `fresh` in the place of `old`, and leaves alone what the reader has opened, chosen or come to. */
function replace(old, fresh) {
  if (old.outerHTML === fresh.outerHTML) return;
  const opened = [...old.querySelectorAll("details")].map((one) => one.open);
  [...fresh.querySelectorAll("details")].forEach((one, place) => {
    if (place in opened) one.open = opened[place];
  });
  for (const box of old.querySelectorAll("input[type=checkbox]")) {
    const other = box.id && fresh.querySelector(`#${CSS.escape(box.id)}`);
    if (other) other.checked = box.checked;
  }
  const scrolled = [...old.querySelectorAll(".scroll")].map((one) => one.scrollLeft);
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const link = focused && focused.getAttribute("href");
  const here = old.querySelector(".here a, a.here");
  old.replaceWith(fresh);
  [...fresh.querySelectorAll(".scroll")].forEach((one, place) => {
    if (scrolled[place]) one.scrollLeft = scrolled[place];
  });
  const again = focused && (focused.id ? document.getElementById(focused.id) : link && fresh.querySelector(`[href="${CSS.escape(link)}"]`));
  if (again) again.focus({ preventScroll: true });
  const marked = here && fresh.querySelector(`[href="${CSS.escape(here.getAttribute("href"))}"]`);
  if (marked) row(marked).classList.add("here");
}

/** Asks for what is alive and puts it into the page. */
async function refresh(only = []) {
  const answer = await fetch(fragmentAddress(only), { credentials: "same-origin" });
  if (!answer.ok) return false;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (only.length) {
    // Rows of the list, each in its place; a run that has no row yet brings the whole list.
    const rows = [...fresh.querySelectorAll("tr[id]")];
    if (rows.every((one) => document.getElementById(one.id))) {
      for (const one of rows) replace(document.getElementById(one.id), one);
      return true;
    }
    return refresh();
  }
  for (const part of fresh.querySelectorAll("[data-alive]")) {
    const old = document.getElementById(part.id);
    if (old) replace(old, part);
  }
  return true;
}

/** Follows the runs that this page is about. */
function follow() {
  const main = document.getElementById("main");
  const followed = main ? main.dataset.follows : "";
  const pulse = document.getElementById("pulse");
  if (!followed || !pulse) return;
  const names = followed === "*" ? null : new Set(followed.split(" ").map(decodeURIComponent));
  let grown = new Set();
  let busy = false;
  const update = async () => {
    if (busy || document.hidden || !grown.size) return;
    const runs = [...grown];
    grown = new Set();
    busy = true;
    const done = await refresh(names ? [] : runs).catch(() => false);
    busy = false;
    pulse.classList.toggle("lost", !done);
    pulse.textContent = done ? "live" : "could not be read";
    setTimeout(update, 1000);
  };
  listen((message) => {
    if ("open" in message) {
      pulse.classList.toggle("lost", !message.open);
      pulse.textContent = message.open ? "live" : "the server does not answer";
    }
    for (const run of message.grown || []) {
      if (!names || names.has(run.name)) grown.add(run.name);
    }
    update();
  });
  document.addEventListener("visibilitychange", update);
}

/** The row around an element. */
const row = (element) => element.closest("[data-row]") || element;

/** Goes to the next row, or back. */
function step(by) {
  const rows = [...document.querySelectorAll("[data-row]")].filter((one) => one.offsetParent);
  if (!rows.length) return;
  const at = rows.findIndex((one) => one.classList.contains("here"));
  const next = rows[Math.min(Math.max(at < 0 && by < 0 ? 0 : at + by, 0), rows.length - 1)];
  for (const one of rows) one.classList.toggle("here", one === next);
  const link = next.querySelector("a");
  if (link) link.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
}

/** The keys that the foot of every page tells. */
function keys() {
  document.addEventListener("keydown", (event) => {
    const field = event.target.closest("input:not([type=checkbox], [type=range]), select, textarea");
    if (event.key === "Escape" && field) return field.blur();
    if (field || event.ctrlKey || event.metaKey || event.altKey) return;
    const filter = document.getElementById("filter");
    const help = document.getElementById("keys");
    if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
    else if (event.key === "/" && filter) filter.select();
    else if (event.key === "?" && help) {
      help.open = !help.open;
      if (help.open) help.scrollIntoView({ block: "nearest" });
    } else return;
    event.preventDefault();
  });
}

/** Forms that show at once what they ask for: the filter as it is typed, the time as it is drawn. */
function forms() {
  let waiting = 0;
  const show = (form) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      const address = new URL(form.action);
      for (const [name, value] of new FormData(form)) {
        if (value !== "") address.searchParams.set(name, value);
      }
      const time = form.querySelector("[data-now]");
      if (time && time.value === time.max) address.searchParams.delete("at");
      history.replaceState(null, "", address);
      refresh();
    }, 120);
  };
  const find = document.querySelector("form.find");
  if (find) {
    find.addEventListener("input", () => show(find));
    find.querySelector("button").hidden = true;
  }
  const controls = document.querySelector("form.controls");
  if (!controls) return;
  const told = document.getElementById("at-told");
  controls.addEventListener("input", (event) => {
    if (event.target.id === "at" && told) told.textContent = event.target.value;
    show(controls);
  });
  controls.querySelector("button").hidden = true;
}

/** Shows the end of a strip that is wider than the page: where the reader is. */
function strips() {
  for (const strip of document.querySelectorAll(".strip")) strip.scrollLeft = strip.scrollWidth;
}

if (typeof document === "undefined") {
  relay();
} else {
  follow();
  keys();
  forms();
  strips();
}
