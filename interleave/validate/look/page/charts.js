// Charts: bars are elements with a size, so that labels stay readable on a phone; each has its numbers as a table, too.

function histogram(chart) {
  const most = Math.max(...chart.bins.map((bin) => bin.count), 1);
  const bars = chart.bins.map((bin) => {
    const bar = sized(element("i"), "height", bin.count && Math.max(bin.count / most, 0.01));
    return element("div", { title: `${stretch(bin)}: ${count(bin.count)}` }, bar);
  });
  const first = chart.bins[0];
  const last = chart.bins[chart.bins.length - 1];
  const middle = chart.bins[Math.floor(chart.bins.length / 2)];
  const ends = chart.bins.length > 2 ? [first.low, middle.low, last.high] : [first.low, last.high];
  return element("figure", {},
    element("figcaption", {}, chart.title),
    element("div", { class: "bars", role: "img", "aria-label": `${chart.title}, from ${count(first.low)} to ${count(last.high)}` }, ...bars),
    element("div", { class: "axis", "aria-hidden": "true" }, ...ends.map((end) => element("span", {}, count(end)))),
    element("details", {}, element("summary", {}, "As a table"),
      table([["from - to", false], ["samples", true]], chart.bins.map((bin) => [stretch(bin), count(bin.count)]))));
}

const stretch = (bin) => (bin.low === bin.high ? count(bin.low) : `${count(bin.low)} - ${count(bin.high)}`);

function bar(share) {
  return element("div", { class: "bar" }, sized(element("i"), "width", share));
}

// What a rule measured, with what is outside of two bounds shaded; `move(minimum, maximum)` shades anew.
function ruleChart(rule) {
  const total = (bin) => bin.num_kept + bin.num_by_this + bin.num_by_other;
  const most = Math.max(...rule.bins.map(total), 1);
  const bars = rule.bins.map((bin) => {
    const kinds = [["other", bin.num_by_other], ["removed", bin.num_by_this], ["kept", bin.num_kept]];
    const parts = kinds.filter(([, number]) => number).map(([kind, number]) =>
      sized(element("i", { class: kind }), "height", Math.max(number / most, 0.01)));
    const title = `${plain(bin.low)} to ${plain(bin.high)}: ${count(bin.num_kept)} kept, ${count(bin.num_by_this)} removed, ${count(bin.num_by_other)} for another reason`;
    return element("div", { title }, ...parts);
  });
  const [low, high] = [element("div", { class: "outside" }), element("div", { class: "outside" })];
  const place = (value) => {
    const at = rule.bins.findIndex((bin) => value < bin.high);
    if (at < 0) return 1;
    const bin = rule.bins[at];
    return (at + Math.max(0, (value - bin.low) / (bin.high - bin.low || 1))) / rule.bins.length;
  };
  const label = `Distribution of ${rule.rule}, from ${plain(rule.bins[0].low)} to ${plain(rule.bins[rule.bins.length - 1].high)}`;
  const rows = rule.bins.map((bin) => [`${plain(bin.low)} - ${plain(bin.high)}`, count(bin.num_kept), count(bin.num_by_this), count(bin.num_by_other)]);
  const figure = element("figure", {},
    element("div", { class: "bars", role: "img", "aria-label": label }, ...bars, low, high),
    element("div", { class: "axis", "aria-hidden": "true" },
      element("span", {}, plain(rule.bins[0].low)), element("span", {}, plain(rule.bins[rule.bins.length - 1].high))),
    element("ul", { class: "legend" },
      element("li", {}, element("b"), "kept"), element("li", {}, element("b", { class: "removed" }), "removed by this rule"),
      element("li", {}, element("b", { class: "other" }), "removed for another reason")),
    element("details", {}, element("summary", {}, "As a table"),
      table([["from - to", false], ["kept", true], ["removed", true], ["by others", true]], rows)));
  return {
    figure,
    move: (minimum, maximum) => {
      low.style.left = "0";
      sized(low, "width", minimum === null ? 0 : place(minimum));
      high.style.right = "0";
      sized(high, "width", maximum === null ? 0 : 1 - place(maximum));
    },
  };
}
