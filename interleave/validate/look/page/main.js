// Which view is shown stands in the address behind #; keys, and light or dark.

const VIEWS = { overview: showOverview, samples: showSamples, removed: showRemoved };
const main = document.getElementById("main");
const embedded = JSON.parse(document.getElementById("data").textContent);
const source = embedded === null ? served() : held(embedded);

function address() {
  const [view, ...rest] = location.hash.slice(1).split("/");
  const name = rest.length ? decodeURIComponent(rest.join("/")) : null;
  if (!Object.hasOwn(VIEWS, view)) return { view: "overview", name: null };
  if (view !== "samples" || name === null) return { view, name };
  return { view, name: /^\d+$/.test(name) ? Number(name) : null };
}

let shown = 0;
async function show() {
  shown += 1;
  const mine = shown;
  const { view, name } = address();
  for (const each of document.querySelectorAll("nav a")) {
    if (each.dataset.view === view) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
  let made;
  try {
    made = await VIEWS[view](source, name);
  } catch (error) {
    made = failure(error);
  }
  if (mine !== shown) return; // the address has changed since
  if (!main.contains(made)) {
    main.replaceChildren(made);
    window.scrollTo(0, 0);
    if (view === "samples") finder.view?.mark();
  }
  document.documentElement.dataset.ready = location.hash || "#";
}

function step(by) {
  if (address().view === "samples") finder.view?.step(by);
  else location.hash = "samples";
}

const KEYS = {
  1: () => { location.hash = "overview"; },
  2: () => { location.hash = "samples"; },
  3: () => { location.hash = "removed"; },
  j: () => step(1),
  k: () => step(-1),
  x: () => press("text"),
  t: () => press("tokens"),
  p: () => press("packed"),
  "/": () => {
    document.querySelector(".filtering")?.setAttribute("open", "");
    document.getElementById("filter-search")?.focus();
  },
  "?": () => document.getElementById("keys").showModal(),
};
const press = (mode) => document.querySelector(`[data-mode="${mode}"]`)?.click();

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.matches("input:not([type=range]), select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const key = KEYS[event.key];
  if (!key || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  key();
});

const dark = matchMedia("(prefers-color-scheme: dark)");
function paint(theme) {
  document.documentElement.dataset.theme = theme;
  document.getElementById("theme").textContent = theme === "dark" ? "Light" : "Dark";
}
dark.addEventListener("change", () => paint(dark.matches ? "dark" : "light"));
document.getElementById("theme").addEventListener("click", () => paint(document.documentElement.dataset.theme === "dark" ? "light" : "dark"));
document.getElementById("help").addEventListener("click", KEYS["?"]);
document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); main.focus(); });
paint(dark.matches ? "dark" : "light");
window.addEventListener("hashchange", show);
show();
