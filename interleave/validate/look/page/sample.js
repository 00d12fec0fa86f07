// One sample: its text with images in place, its tokens, or the packed row that it is in.

const MODES = [["text", "Text", showText], ["tokens", "Tokens", showTokens], ["packed", "Packed row", showPacked]];

async function showSample(article, source, number) {
  article.setAttribute("aria-busy", "true");
  try {
    const sample = await source.sample(number);
    const body = element("div", {});
    const buttons = MODES.map(([mode, label]) =>
      element("button", { type: "button", "data-mode": mode, "aria-pressed": finder.mode === mode, onclick: () => show(mode) }, label));
    const at = finder.rows.findIndex((row) => row.number === number);
    const step = (by, label) => {
      const isEnd = by < 0 ? at <= 0 : at < 0 || (at + 1 === finder.rows.length && finder.next === null);
      return element("button", { type: "button", disabled: isEnd, onclick: () => finder.view.step(by) }, label);
    };
    async function show(mode) {
      finder.mode = mode;
      for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.mode === mode));
      body.replaceChildren();
      try {
        body.replaceChildren(await MODES.find(([name]) => name === mode)[2](sample, source));
      } catch (error) {
        body.replaceChildren(failure(error));
      }
    }
    article.replaceChildren(
      element("a", { class: "back", href: "#samples" }, "Back to the list"),
      element("h2", {}, `Sample ${sample.key}`), about(sample),
      element("div", { class: "row" }, ...buttons, element("span", { class: "push" }, step(-1, "Previous"), step(1, "Next"))), body);
    await show(finder.mode);
  } catch (error) {
    article.replaceChildren(element("a", { class: "back", href: "#samples" }, "Back to the list"), failure(error));
  }
  article.removeAttribute("aria-busy");
}

function about(sample) {
  const part = sample.num_parts > 1 ? `, part ${sample.part + 1} of ${sample.num_parts}` : "";
  const repeated = sample.num_repeated_parts ? `; its first ${sample.num_repeated_parts} texts and images are the end of the part before` : "";
  return element("p", { class: "about" }, `source ${sample.source}, document ${sample.doc_id}${part}${repeated}`, element("br"), link(sample.url ?? "no URL"));
}

async function showText(sample, source) {
  const parts = sample.parts.map((part) => ("text" in part ? element("p", { class: "text", dir: "auto" }, part.text) : picture(sample, part, source)));
  return element("div", {}, ...parts);
}

function picture(sample, part, source) {
  const address = source.image(sample.number, part.image);
  const similarity = part.similarity === null ? "" : `, similarity ${plain(part.similarity)}`;
  const facts = `${part.width} x ${part.height} px, ${bytes(part.num_bytes)}, ${count(part.num_tokens)} tokens${similarity}`;
  const alt = `Image ${part.image + 1} of sample ${sample.key}`;
  return element("figure", { class: "picture" },
    address ? element("img", { src: address, alt, width: part.width, height: part.height, loading: source.numHeld === null ? "lazy" : null }) : element("p", { class: "soft" }, "This picture is not in the file."),
    element("figcaption", {}, `${alt}: ${facts}`, part.url ? element("br") : null, part.url ? link(part.url) : null));
}

async function showTokens(sample, source) {
  const found = await source.tokens(sample.number);
  const begins = new Set(found.segment_starts);
  const learned = new Set(found.learned.flatMap(([first, number]) => Array.from({ length: number }, (_, at) => first + at)));
  const images = new Map(found.images.map((image) => [image.entry, image]));
  let position = 0;
  const spans = found.ids.map((id, entry) => {
    const first = begins.has(entry) ? " begins" : "";
    const image = images.get(entry);
    if (image) {
      const runs = image.runs.map(([of, number]) => (number > 1 ? `${of} x ${number}` : `${of}`)).join(", ");
      position += image.runs.reduce((sum, [, number]) => sum + number, 0);
      return element("span", { class: `photo${first}`, title: `ids ${runs}` }, `image ${image.image + 1}: ${count(image.num_tokens)} tokens`);
    }
    const piece = found.pieces[id] ?? `${id} `;
    const title = `position ${position}, id ${id}, ${learned.has(entry) ? "learned" : "not learned"}`;
    position += 1;
    return element("span", { class: (learned.has(entry) ? "learned" : "") + first, title }, piece.replaceAll("\n", "\u21b5\n"));
  });
  const rest = found.num_ids > found.num_shown ? `; the first ${count(found.num_shown)} are shown` : "";
  return element("div", {},
    element("p", { class: "soft" }, `${count(found.num_ids)} ids stored${rest}. A line on the left marks where a sentence with its images begins.`,
      found.unspelled ? ` Ids, not text, since ${found.unspelled}.` : ""),
    element("ul", { class: "legend" },
      element("li", {}, element("b", { class: "learned" }), "learned"), element("li", {}, element("b", { class: "context" }), "not learned"),
      element("li", {}, element("b", { class: "image" }), "image")),
    element("div", { class: "tokens", dir: "auto" }, ...spans));
}

async function showPacked(sample, source) {
  const rows = await source.packed(sample.number);
  if (!rows.length) return element("p", {}, "How a trainer packs it is not known of a tar alone.");
  const shown = rows.map((row) => {
    const parts = row.samples.map((number, at) => {
      const isThis = number === sample.number;
      const text = `${number}: ${count(row.sizes[at])}`;
      const attributes = { class: isThis ? "this" : "", title: `sample ${number}, ${count(row.sizes[at])} tokens` };
      const part = source.numHeld === null && !isThis ? element("a", { ...attributes, href: `#samples/${number}` }, text) : element("span", attributes, text);
      return sized(part, "flexBasis", row.sizes[at] / row.seq_len);
    });
    const empty = sized(element("span", { class: "empty", title: `${count(row.seq_len - row.num_tokens)} tokens of padding` }), "flexBasis", 1 - row.num_tokens / row.seq_len);
    return element("div", {},
      element("p", {}, `A row of ${count(row.seq_len)} tokens holds ${counted(row.samples.length, "sample")}, ${count(row.num_tokens)} tokens (${percent(row.num_tokens / row.seq_len)}).`),
      element("div", { class: "packed" }, ...parts, empty));
  });
  return element("div", {}, ...shown, element("p", { class: "soft" },
    "As 1,000 neighbours are packed; a loader packs 1,000 samples drawn from the whole dataset, other ones in each epoch. Samples of a row do not see each other."));
}
