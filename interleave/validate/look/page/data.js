// Where answers come from: the local server, or the file itself, which holds some of the samples.

function served() {
  const ask = async (name, words = {}) => {
    const answer = await fetch(`api/${name}?${new URLSearchParams(words)}`);
    const found = await answer.json();
    if (!answer.ok) throw new Error(found.error);
    return found;
  };
  let overview = null; // does not change, and each view asks for it
  return {
    numHeld: null,
    overview: () => (overview ??= ask("overview")),
    samples: (query, start, number) => ask("samples", { ...query, start, count: number }),
    sample: (number) => ask("sample", { number }),
    tokens: (number) => ask("tokens", { number }),
    packed: (number) => ask("packed", { number }),
    rule: (name) => ask("rule", { name }),
    image: (number, image) => `image?${new URLSearchParams({ number, image })}`,
    example: (name, example) => `example?${new URLSearchParams({ name, example })}`,
  };
}

function held(data) {
  const one = (table, key, what) => {
    if (!Object.hasOwn(table, key)) throw new Error(`${what} is not in this file; \`interleave view\` shows all`);
    return table[key];
  };
  return {
    numHeld: data.rows.length,
    overview: async () => data.overview,
    samples: async (query, start, number) => {
      const found = data.rows.filter((row) => isWanted(row, query, data));
      const name = (query.order || "key").replace("-", "");
      const sign = (query.order || "").startsWith("-") ? -1 : 1;
      found.sort((a, b) => sign * (a[name] < b[name] ? -1 : a[name] > b[name] ? 1 : 0));
      const stop = start + number;
      return { num_matching: found.length, next_start: stop < found.length ? stop : null, rows: found.slice(start, stop) };
    },
    sample: async (number) => one(data.samples, number, `sample ${number}`),
    tokens: async (number) => one(data.tokens, number, `sample ${number}`),
    packed: async (number) => one(data.packed, number, `sample ${number}`),
    rule: async (name) => one(data.rules, name, name),
    image: (number, image) => data.images[`${number}/${image}`],
    example: (name, example) => data.examples[`${name}/${example}`],
  };
}

function isWanted(row, query, data) {
  const within = (value, least, most) => value >= Number(least || 0) && (!most || value <= Number(most));
  if (!within(row.num_tokens, query.min_tokens, query.max_tokens)) return false;
  if (!within(row.num_images, query.min_images, query.max_images)) return false;
  if (query.source && row.source !== query.source) return false;
  if (query.rule && !(data.lost[query.rule] || []).includes(row.number)) return false;
  if (!query.search) return true;
  const sample = data.samples[row.number];
  const texts = [row.key, row.doc_id, sample.url || "", ...sample.parts.map((part) => part.text || "")];
  return texts.some((text) => text.toLowerCase().includes(query.search.toLowerCase()));
}
