// Samples: what to look for on the left, one of them on the right. The list grows a page at a time.

const PAGE = 100;
const ORDERS = [["key", "by key"], ["-num_tokens", "most tokens"], ["num_tokens", "fewest tokens"], ["-num_images", "most images"],
  ["num_images", "fewest images"], ["-num_texts", "most texts"], ["-num_bytes", "most bytes"]];
// Made once: what was found and chosen is still there when the view is left and visited again.
const finder = { query: {}, rows: [], next: 0, mode: "text", view: null };

async function showSamples(source, number) {
  if (!finder.view) {
    finder.view = browser(await source.overview(), source);
    await finder.view.search({});
  }
  await finder.view.select(number);
  return finder.view.node;
}

function browser(overview, source) {
  const list = element("ol", { class: "list", "aria-label": "Samples" });
  const found = element("p", { class: "found", "aria-live": "polite" });
  const more = element("button", { type: "button", class: "more", hidden: true, onclick: () => grow() }, "More");
  const article = element("article", { class: "sample", "aria-live": "polite" });
  const node = element("div", { class: "browser" },
    element("section", { class: "finder", "aria-label": "Find samples" }, element("details", { class: "filtering", open: !matchMedia("(max-width: 52rem)").matches }, element("summary", {}, "Search and filter"), filters(overview, search)), found, list, more), article);
  let turn = 0;
  let chosen = null;

  async function search(query) {
    Object.assign(finder, { query, rows: [], next: 0 });
    list.replaceChildren();
    turn += 1;
    await grow();
    mark();
  }

  async function grow() {
    const mine = turn;
    more.disabled = true;
    try {
      const answer = await source.samples(finder.query, finder.next, PAGE);
      if (mine !== turn) return; // another search has begun since
      finder.rows.push(...answer.rows);
      finder.next = answer.next_start;
      list.append(...answer.rows.map(line));
      found.replaceChildren(foundText(answer, source, overview));
      more.hidden = finder.next === null;
      more.textContent = finder.query.search ? "Search on" : "More";
    } catch (error) {
      found.replaceChildren(failure(error));
    }
    more.disabled = false;
  }

  function mark() {
    for (const each of list.querySelectorAll("a[aria-current]")) each.removeAttribute("aria-current");
    const line = [...list.querySelectorAll("a")].find((each) => each.getAttribute("href") === `#samples/${chosen}`);
    line?.setAttribute("aria-current", "true");
    line?.scrollIntoView({ block: "nearest" });
  }

  async function select(number) {
    node.classList.toggle("one", number !== null);
    chosen = number ?? chosen ?? finder.rows[0]?.number ?? null;
    mark();
    if (chosen !== null) await showSample(article, source, chosen);
  }

  // The sample behind (+1) or before (-1) the chosen one, in the order of the list, which grows for it.
  async function step(by) {
    const at = finder.rows.findIndex((row) => row.number === chosen);
    if (at + by >= finder.rows.length && finder.next !== null) await grow();
    const to = finder.rows[at + by];
    if (to) location.hash = `samples/${to.number}`;
  }

  return { node, search, select, step, mark };
}

function foundText(answer, source, overview) {
  const shown = count(finder.rows.length);
  if (finder.query.search && source.numHeld === null)
    return `${shown} found among ${count(finder.next ?? answer.num_matching)} of ${count(answer.num_matching)} samples looked at`;
  const held = source.numHeld === null ? "" : ` of the ${count(source.numHeld)} in this file; the dataset has ${count(overview.num_samples)}, which \`interleave view\` shows`;
  return `${count(answer.num_matching)} samples${held}`;
}

function line(row) {
  return element("li", {}, element("a", { href: `#samples/${row.number}` }, row.key,
    element("small", { class: "soft" }, [counted(row.num_tokens, "token"), counted(row.num_images, "image"), counted(row.num_texts, "text")].join(", "))));
}

function filters(overview, search) {
  const field = (name, label, attributes = {}, isWide = false) => {
    const input = element("input", { name, id: `filter-${name}`, value: finder.query[name] ?? "", autocomplete: "off", ...attributes });
    return element("div", { class: isWide ? "wide" : "" }, element("label", { for: `filter-${name}` }, label), input);
  };
  const choice = (name, label, options) => {
    const entries = options.map(([value, text]) => element("option", { value, selected: finder.query[name] === value }, text));
    return element("div", {}, element("label", { for: `filter-${name}` }, label), element("select", { name, id: `filter-${name}` }, ...entries));
  };
  const number = { type: "number", min: 0, inputmode: "numeric" };
  const rules = overview.lines.filter((each) => each.images || each.sentences).map((each) => [each.rule, each.rule]);
  const form = element("form", { class: "filters", role: "search" },
    field("search", "Search key, URL and texts", { type: "search" }, true),
    field("min_tokens", "Tokens from", number), field("max_tokens", "to", number),
    field("min_images", "Images from", number), field("max_images", "to", number),
    choice("source", "Source", [["", "all"], ...overview.sources.map((each) => [each.source, each.source])]),
    choice("rule", "Lost something to", [["", "any or none"], ...new Map(rules)]),
    choice("order", "Order", ORDERS));
  let timer = 0;
  const read = () => search(Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== "")));
  form.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(read, 250); });
  form.addEventListener("submit", (event) => { event.preventDefault(); clearTimeout(timer); read(); });
  return form;
}

function failure(error) {
  return element("span", { class: "error", role: "alert" }, error.message);
}
