"use strict";
// Cards out of the page's own data. Whatever people or models wrote is set as text, never as markup.
const AT_ONCE = 120;
const at = (id) => document.getElementById(id);
const cards = JSON.parse(at("data").textContent);
const run = JSON.parse(at("run").textContent);
const store = `imageway-rejects ${run.title}`;
const rejected = new Set(remembered());
let shown = [];
let drawn = 0;

function remembered() {
  try { return JSON.parse(localStorage.getItem(store) ?? "[]"); } catch { return []; }
}

function remember() {
  try { localStorage.setItem(store, JSON.stringify([...rejected])); } catch { /* the marks live as long as the page */ }
}

const keyOf = (card) => JSON.stringify([card.id, card.node, card.draw]);

function make(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined && value !== null) element.setAttribute(name, value);
  element.append(...children.filter((child) => child !== null));
  return element;
}

function fill(id, values) {
  const options = [...new Set(values)].filter((value) => value !== "").sort();
  at(id).replaceChildren(make("option", { value: "" }, "all"), ...options.map((value) => make("option", { value }, value)));
}

function wanted(card) {
  const text = at("text").value.trim().toLowerCase();
  const least = at("cost").value === "" ? null : Number(at("cost").value);
  const marked = rejected.has(keyOf(card));
  return ["node", "model", "code"].every((name) => at(name).value === "" || card[name] === at(name).value)
    && (least === null || (card.cost ?? 0) >= least)
    && (at("marks").value === "" || (at("marks").value === "rejected") === marked)
    && (text === "" || [card.id, card.prompt, card.message, ...card.pictures.map((each) => each.revised ?? "")].some((each) => each.toLowerCase().includes(text)));
}

function show() {
  shown = cards.filter(wanted);
  if (at("order").value === "cost") shown.sort((a, b) => (b.cost ?? 0) - (a.cost ?? 0));
  drawn = 0;
  at("cards").replaceChildren();
  further();
}

function further() {
  at("cards").append(...shown.slice(drawn, drawn + AT_ONCE).map(element));
  drawn = Math.min(shown.length, drawn + AT_ONCE);
  at("further").hidden = drawn === shown.length;
  count();
}

function count() {
  const cost = shown.reduce((sum, card) => sum + (card.cost ?? 0), 0);
  at("count").textContent = `${shown.length} of ${cards.length} cards, $${cost.toFixed(4)}, ${rejected.size} rejected.`;
  at("save").disabled = rejected.size === 0;
}

function element(card) {
  const article = make("article", { tabindex: 0, "aria-label": `Record ${card.id} ${card.node}`.trim() });
  const reject = make("button", { type: "button", "aria-pressed": "false" }, "Reject");
  const mark = () => {
    const marked = rejected.has(keyOf(card));
    article.classList.toggle("rejected", marked);
    reject.setAttribute("aria-pressed", String(marked));
  };
  const toggle = () => {
    if (!card.node) return;
    if (!rejected.delete(keyOf(card))) rejected.add(keyOf(card));
    remember();
    mark();
    count();
  };
  reject.addEventListener("click", toggle);
  article.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "x" && event.target === article) toggle();
    if (event.key === "j") article.nextElementSibling?.focus();
    if (event.key === "k") article.previousElementSibling?.focus();
  });
  article.append(
    make("h2", {}, make("span", {}, `${card.id}${card.node ? ` - ${card.node}` : ""}${card.draw > 1 ? ` (${card.draw})` : ""}`), card.node ? reject : null),
    make("div", { class: "pictures" }, ...card.inputs.map((each) => picture(each, "input", card)), ...card.pictures.map((each) => picture(each, "output", card))),
  );
  if (card.code !== "ok") article.append(make("p", { class: "fault" }, `${card.code}: ${card.message}`));
  if (card.prompt) article.append(make("p", { class: "prompt" }, card.prompt));
  const revised = [...new Set(card.pictures.map((each) => each.revised).filter(Boolean))];
  article.append(...revised.map((text) => make("p", { class: "revised" }, `Drawn as: ${text}`)));
  const facts = [["model", card.model], ["drawn by", card.target], ["asked", Object.entries(card.params).map(([name, value]) => `${name} ${typeof value === "object" ? JSON.stringify(value) : value}`).join(", ")],
    ["cost", card.cost === null ? "" : `$${card.cost}`], ["request", card.request ?? ""]];
  article.append(make("dl", {}, ...facts.filter(([, value]) => value !== "").flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)])));
  mark();
  return article;
}

function picture(each, kind, card) {
  const alt = kind === "input" ? `Input ${each.label}` : `Picture of ${card.id}: ${card.prompt}`;
  const inside = each.thumbnail ? make("img", { src: each.thumbnail, alt, loading: "lazy" }) : make("div", { class: "missing" }, each.link ? "can't be shown here" : "not there");
  const linked = each.link ? make("a", { href: each.link, target: "_blank", rel: "noopener noreferrer" }, inside) : inside;
  return make("figure", { class: kind }, linked, make("figcaption", {}, kind === "input" ? `in: ${each.label}` : each.label));
}

function save() {
  const lines = [...rejected].map((key) => { const [id, node, draw] = JSON.parse(key); return JSON.stringify({ id, node, draw }) + "\n"; });
  const link = make("a", { href: URL.createObjectURL(new Blob(lines, { type: "application/jsonl" })), download: "rejects.jsonl" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

document.title = run.title;
at("title").textContent = run.title;
at("about").textContent = [run.drawer && `drawn by ${run.drawer}`, run.ended_at].filter(Boolean).join(", ");
for (const name of ["node", "model", "code"]) fill(name, cards.map((card) => card[name]));
at("filters").addEventListener("input", show);
at("filters").addEventListener("submit", (event) => event.preventDefault());
at("further").addEventListener("click", further);
at("save").addEventListener("click", save);
show();
