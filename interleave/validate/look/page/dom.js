// Elements. What a page said reaches the document as text and as values of attributes, never as markup; addresses are
// followed by a click alone, and none but http(s).

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return made;
}

function sized(made, property, share) {
  made.style[property] = `${(100 * share).toFixed(3)}%`;
  return made;
}

const count = (number) => number.toLocaleString("en");
const counted = (number, name) => `${count(number)} ${name}${number === 1 ? "" : "s"}`;
const bytes = (number) => (number < 1e6 ? `${(number / 1e3).toFixed(1)} kB` : `${(number / 1e6).toFixed(1)} MB`);
const plain = (number) => (number === null ? "nothing" : String(Number(number.toPrecision(4))));
const percent = (share) => `${(100 * share).toFixed(1)} %`;

function link(address) {
  if (!/^https?:\/\//i.test(address)) return address;
  return element("a", { href: address, rel: "noopener noreferrer", target: "_blank" }, address);
}

// head: [label, isNumber] of each column.
function table(head, rows) {
  const cells = (row) => row.map((cell, at) => element("td", { class: head[at][1] ? "num" : "" }, cell));
  const labels = head.map(([label, isNumber]) => element("th", { scope: "col", class: isNumber ? "num" : "" }, label));
  const body = rows.map((row) => element("tr", { "aria-current": row.isCurrent }, ...cells(row.cells ?? row)));
  // A region that can be scrolled must be reached by keyboard.
  return element("div", { class: "scroll", tabindex: "0" },
    element("table", {}, element("thead", {}, element("tr", {}, ...labels)), element("tbody", {}, ...body)));
}
