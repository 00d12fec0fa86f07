// The first view: what the dataset is.

async function showOverview(source) {
  const found = await source.overview();
  const facts = found.facts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value)));
  const view = element("div", {}, element("h2", {}, found.path), element("dl", { class: "facts" }, ...facts));
  if (found.steps.length) view.append(element("h3", {}, "What is left after each stage"), funnel(found));
  const charts = found.charts.filter((chart) => chart.bins.length).map(histogram);
  view.append(element("h3", {}, "Samples"), element("div", { class: "charts" }, ...charts));
  if (found.sources.length > 1) view.append(element("h3", {}, "Sources"), sources(found));
  return view;
}

function funnel(found) {
  const seconds = new Map(found.seconds.map((stage) => [stage.stage, stage.seconds]));
  const most = Math.max(...found.steps.map((step) => step.documents), 1);
  const rows = found.steps.map((step) => [step.stage, count(step.documents), count(step.images), bar(step.documents / most)]);
  const took = found.seconds.filter((stage) => stage.seconds >= 0.05).map((stage) => `${stage.stage} ${stage.seconds.toFixed(1)} s`);
  return element("div", {},
    table([["stage", false], ["documents", true], ["images", true], ["documents left", false]], rows),
    seconds.size ? element("p", { class: "soft" }, `Stages of the last build took: ${took.join(", ") || "less than 0.1 s"}.`) : null);
}

function sources(found) {
  const most = Math.max(...found.sources.map((each) => each.samples), 1);
  return table([["source", false], ["samples", true], ["tokens", true], ["samples", false]],
    found.sources.map((each) => [each.source, count(each.samples), count(each.tokens), bar(each.samples / most)]));
}
