// What was removed: the rules, and one of them with sliders for its bounds.

async function showRemoved(source, name) {
  const overview = await source.overview();
  if (!overview.lines.length && !overview.measured_rules.length) {
    return element("p", {}, "A tar alone has no ledger of what was removed; look at the dataset's folder.");
  }
  const measured = new Set(overview.measured_rules);
  const chosen = name ?? overview.lines.find((each) => measured.has(each.rule))?.rule ?? overview.measured_rules[0];
  const known = new Set(overview.lines.map((each) => each.rule));
  const idle = overview.measured_rules.filter((rule) => !known.has(rule)).map((rule) => ({ stage: "clean", rule, documents: 0, images: 0, sentences: 0 }));
  const number = (value) => (value ? count(value) : "");
  const rows = [...overview.lines, ...idle].map((each) => ({
    isCurrent: each.rule === chosen,
    cells: [element("span", {}, `${each.stage} `, measured.has(each.rule) ? element("a", { href: `#removed/${encodeURIComponent(each.rule)}` }, each.rule) : each.rule),
      number(each.documents), number(each.images), number(each.sentences)],
  }));
  const article = element("article", { "aria-live": "polite" });
  try {
    if (chosen !== undefined) showRule(article, await source.rule(chosen), source);
  } catch (error) {
    article.append(failure(error));
  }
  return element("div", { class: "two" },
    element("section", {}, element("h2", {}, "What each rule removed"),
      table([["rule", false], ["documents", true], ["images", true], ["sentences", true]], rows)), article);
}

function showRule(article, rule, source) {
  article.append(element("h2", {}, rule.rule),
    element("p", { class: "soft" }, `Measured of ${count(rule.num_measured)} of ${count(rule.num_units)} ${rule.level}; removed ${count(rule.num_removed)}.${rule.one_in > 1 ? ` Looked at: one document in ${count(rule.one_in)}.` : ""}`));
  if (rule.curve === null || !rule.bins.length) return;
  const chart = ruleChart(rule);
  const effect = element("p", { class: "effect", "aria-live": "polite" });
  const examples = element("div", {});
  const bounds = rule.curve.bounds;
  const now = { minimum: rule.minimum, maximum: rule.maximum };
  const tried = { ...now };
  const sides = now.minimum === null && now.maximum === null ? ["minimum", "maximum"] : ["minimum", "maximum"].filter((side) => now[side] !== null);

  const sliders = sides.map((side) => {
    const output = element("output", { for: `slider-${side}` });
    const start = now[side] === null ? (side === "minimum" ? 0 : bounds.length - 1) : closest(bounds, now[side]);
    const input = element("input", { type: "range", id: `slider-${side}`, min: 0, max: bounds.length - 1, step: 1, value: start,
      "aria-valuetext": plain(bounds[start]) });
    input.addEventListener("input", () => {
      const at = Number(input.value);
      tried[side] = at === start ? now[side] : bounds[at];
      input.setAttribute("aria-valuetext", plain(bounds[at]));
      update();
    });
    const show = () => { output.textContent = tried[side] === null ? "none" : `${plain(tried[side])}${tried[side] === now[side] ? " (now)" : ""}`; };
    return { show, row: element("div", { class: "slider" }, element("label", { for: `slider-${side}` }, side), input, output) };
  });

  function update() {
    for (const slider of sliders) slider.show();
    chart.move(tried.minimum, tried.maximum);
    effect.textContent = effectText(rule, tried, now);
    examples.replaceChildren(...exampleCards(rule, tried, source));
  }
  article.append(chart.figure, element("h3", {}, "With another bound"), ...sliders.map((slider) => slider.row), effect, examples);
  update();
}

const closest = (bounds, value) => bounds.reduce((best, bound, at) => (Math.abs(bound - value) < Math.abs(bounds[best] - value) ? at : best), 0);

// Units of a group on the wrong side of either bound.
function outside(group, rule, tried) {
  const at = (bound) => closest(rule.curve.bounds, bound);
  const below = tried.minimum === null ? 0 : group.below[at(tried.minimum)];
  const above = tried.maximum === null ? 0 : group.above[at(tried.maximum)];
  return below + above;
}

function effectText(rule, tried, now) {
  const { broken, kept, removed } = rule.curve;
  const breaking = `${count(outside(broken, rule, tried))} of ${count(rule.num_measured)} ${rule.level} break it`;
  if (tried.minimum === now.minimum && tried.maximum === now.maximum) return `${breaking}. Move a bound to see what would change.`;
  const more = outside(kept, rule, tried);
  const fewer = removed.num - outside(removed, rule, tried);
  return `${breaking}: ${count(more)} more would be removed, ${count(fewer)} more kept. What follows in later stages is not counted.`;
}

function exampleCards(rule, tried, source) {
  if (!rule.examples.length) return [element("p", { class: "soft" }, "No examples: the work folder of the build is not beside the dataset, or nothing is like that.")];
  const bounds = [tried.minimum, tried.maximum].filter((bound) => bound !== null);
  const distance = (example) => Math.min(...bounds.map((bound) => Math.abs(example.value - bound)));
  const numbered = rule.examples.map((example, at) => ({ ...example, at }));
  if (bounds.length) numbered.sort((a, b) => distance(a) - distance(b) || a.at - b.at);
  const isOut = (example) => (tried.minimum !== null && example.value < tried.minimum) || (tried.maximum !== null && example.value > tried.maximum);
  const groups = [["Removed with these bounds", numbered.filter(isOut)], ["Kept with these bounds", numbered.filter((example) => !isOut(example))]];
  return groups.filter(([, found]) => found.length).flatMap(([title, found]) => [
    element("h3", {}, `${title}, next to the bound first`),
    element("ul", { class: "examples" }, ...found.map((example) => card(rule, example, isOut(example), source))),
  ]);
}

function card(rule, example, isOut, source) {
  const changed = isOut === example.was_removed ? "" : example.was_removed ? ", removed now" : ", kept now";
  const address = example.has_image ? source.example(rule.rule, example.at) : null;
  return element("li", { class: isOut ? "removed" : "" },
    element("strong", {}, plain(example.value)), element("span", { class: "soft" }, changed, element("br"), link(example.image_url ?? example.url ?? example.doc_id)),
    address ? element("img", { src: address, alt: `Example with ${plain(example.value)}`, loading: source.numHeld === null ? "lazy" : null }) : null,
    element("p", { dir: "auto", tabindex: example.text.length > 200 ? "0" : null }, example.text));
}
