// The page: a model's controls, the check while typing, the drawing.

import { control, isRare, make, ordered } from "./controls.js";
import { picker } from "./files.js";
import { Gateway, Refusal } from "./gateway.js";
import { snippet } from "./snippets.js";

const CHECK_AFTER_MS = 350;
const at = (id) => document.getElementById(id);
const gateway = new Gateway();
const models = new Map();
let controls = {};
let pickers = {};
let checking = new AbortController();
let drawing;
let pending;
let language = "curl";

const spec = () => models.get(at("model").value)?.spec;
const operation = () => document.querySelector("input[name=operation]:checked")?.value;

async function load() {
  at("fault").textContent = "";
  try {
    const entries = await gateway.models();
    models.clear();
    for (const entry of entries) models.set(entry.id, entry.imageway);
  } catch (error) {
    if (!(error instanceof Refusal && error.status === 401)) return blame(error);
    at("key-row").hidden = false;
    if (gateway.key) blame(error);
    at("key").focus();
    return undefined;
  }
  const groups = { active: "Models", deprecated: "Ending soon", shut_down: "Shut down by their vendor" };
  at("model").replaceChildren(...Object.entries(groups).flatMap(([status, label]) => {
    const names = [...models].filter(([, card]) => card.spec.lifecycle.status === status).map(([name]) => name);
    return names.length ? [make("optgroup", { label }, ...names.map((name) => make("option", { value: name }, name)))] : [];
  }));
  at("model").disabled = models.size === 0;
  modelChosen();
}

function modelChosen() {
  const chosen = spec();
  if (!chosen) { at("model-note").textContent = "There is no model that this key may use."; return; }
  at("model-note").textContent = lifecycleNote(chosen.lifecycle);
  const before = operation();
  const there = Object.keys(chosen.operations);
  const selected = there.includes(before) ? before : there[0];
  at("operations").replaceChildren(at("operations").firstElementChild, ...there.map((name) => {
    const radio = make("input", { type: "radio", name: "operation", value: name });
    radio.checked = name === selected;
    radio.addEventListener("change", operationChosen);
    return make("label", { class: "choice" }, radio, name);
  }));
  operationChosen();
}

function lifecycleNote(life) {
  const told = [];
  if (life.shutdown_date) told.push(`${life.status === "shut_down" ? "Shut down" : "Ends"} on ${life.shutdown_date} at its vendor.`);
  if (life.successors?.length) told.push(`Its successors: ${life.successors.join(", ")}.`);
  return told.join(" ");
}

function operationChosen() {
  const chosen = spec().operations[operation()];
  const kept = Object.fromEntries(Object.entries(controls).map(([name, shown]) => [name, shown.value()]));
  pickers = {};
  for (const [name, rules] of [["image", chosen.images], ["mask", chosen.mask], ["markup", chosen.markup]])
    if (rules) pickers[name] = picker(name, rules, changed);
  at("files").replaceChildren(...Object.values(pickers).map((shown) => shown.element));
  controls = {};
  for (const name of ordered(chosen.params)) {
    controls[name] = control(name, chosen.params[name]);
    if (kept[name] !== undefined) controls[name].set(String(kept[name]));
  }
  const elements = (rare) => Object.keys(controls).filter((name) => isRare(name) === rare).map((name) => controls[name].element);
  at("controls").replaceChildren(...elements(false));
  at("more-controls").replaceChildren(...elements(true));
  at("more").hidden = elements(true).length === 0;
  at("send").textContent = { generate: "Draw", edit: "Edit", variation: "Vary" }[operation()];
  changed();
}

function request() {
  const set = Object.entries(controls).map(([name, shown]) => [name, shown.value()]).filter(([, value]) => value !== undefined);
  return {
    operation: operation(),
    model: at("model").value,
    params: Object.fromEntries(set),
    images: pickers.image?.files() ?? [],
    mask: pickers.mask?.files()[0],
    markup: pickers.markup?.files()[0],
  };
}

function changed() {
  showSnippet();
  checking.abort();
  checking = new AbortController();
  clearTimeout(pending);
  at("send").disabled = true;
  at("price").textContent = "Checking ...";
  pending = setTimeout(() => check(checking.signal), CHECK_AFTER_MS);
}

async function check(signal) {
  try {
    const told = await gateway.dryRun(request(), signal);
    tell(told.violations, told.message);
    at("price").textContent = told.would_send ? foreseen(told) : "Nothing would be sent.";
    at("send").disabled = !told.would_send || drawing !== undefined;
  } catch (error) {
    if (signal.aborted) return;
    tell(error.violations ?? [], error.message);
    at("price").textContent = "Nothing would be sent.";
  }
}

function tell(violations, message) {
  const shown = { ...controls, ...pickers };
  for (const each of Object.values(shown)) each.blame("");
  const untouched = (name) => name === "prompt" && controls.prompt?.value() === undefined;
  for (const violation of violations) if (!untouched(violation.param)) shown[violation.param]?.blame(violation.message);
  const sentences = violations.length ? violations.map((each) => sentence(each)) : message ? [message] : [];
  at("violations").replaceChildren(...sentences.map((text) => make("li", {}, text)));
}

function sentence(violation) {
  const allowed = violation.allowed === undefined || violation.allowed === null ? "" : ` Allowed: ${[violation.allowed].flat().join(", ")}.`;
  return violation.message + (allowed && !violation.message.includes(String([violation.allowed].flat()[0])) ? allowed : "");
}

function foreseen(told) {
  const notes = [told.target && `drawn by ${told.target}`, told.translated.length && `translated: ${told.translated.join(", ")}`].filter(Boolean);
  return [priceOf(told.cost), ...notes].join("; ");
}

function priceOf(cost) {
  if (!cost) return "Nobody knows the price";
  const [low, high] = [Number(cost.low_usd), Number(cost.high_usd)];
  if (high === 0) return "Costs nothing";
  const usd = (value) => `$${value.toFixed(value < 0.1 ? 4 : 2)}`;
  return `Costs ${cost.approximate ? "about " : ""}${low === high ? usd(high) : `${usd(low)} to ${usd(high)}`}`;
}

async function draw(event) {
  event.preventDefault();
  if (at("send").disabled) return;
  const asked = request();
  drawing = new AbortController();
  at("send").disabled = true;
  at("stop").hidden = false;
  at("fault").textContent = "";
  at("pictures").replaceChildren();
  at("progress").textContent = "Drawing ...";
  const started = performance.now();
  try {
    const told = await gateway.draw(asked, drawing.signal, (picture) => show(picture, asked));
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const cost = told.headers.get("imageway-cost-usd");
    const facts = [`Done in ${seconds} s`, cost && `$${cost}`, told.headers.get("imageway-target"), `request ${told.headers.get("x-request-id")}`];
    at("progress").textContent = facts.filter(Boolean).join(", ");
  } catch (error) {
    at("progress").textContent = "";
    blame(drawing.signal.aborted ? new Error("Stopped. What the vendor had begun may still be charged.") : error);
  } finally {
    drawing = undefined;
    at("stop").hidden = true;
    changed();
  }
}

function show(picture, asked) {
  const source = picture.b64_json ? `data:image/${mediaType(picture, asked)};base64,${picture.b64_json}` : picture.url;
  const id = `picture-${picture.index}`;
  const figure = at(id) ?? at("pictures").appendChild(make("figure", { id }));
  const alt = picture.preview ? "Preview" : `Picture ${picture.index + 1} for: ${asked.params.prompt ?? asked.operation}`;
  const image = make("img", { alt, src: source });
  if (picture.preview) {
    figure.replaceChildren(image, make("figcaption", {}, `Preview ${(picture.partial_image_index ?? 0) + 1}`));
    at("progress").textContent = `Drawing, preview ${(picture.partial_image_index ?? 0) + 1} ...`;
    return;
  }
  const save = make("a", { href: source, download: `${id}.${mediaType(picture, asked).replace("svg+xml", "svg")}` }, "Save");
  const caption = make("figcaption", {}, save);
  if (picture.revised_prompt) caption.append(` Drawn as: ${picture.revised_prompt}`);
  figure.replaceChildren(image, caption);
}

function mediaType(picture, asked) {
  const format = picture.output_format ?? asked.params.output_format ?? "png";
  return format === "svg" ? "svg+xml" : format;
}

function blame(error) {
  at("fault").textContent = error.requestId ? `${error.message}\n(request ${error.requestId})` : error.message;
}

function showSnippet() {
  document.querySelectorAll("[role=tab]").forEach((tab) => tab.setAttribute("aria-selected", String(tab.dataset.language === language)));
  at("snippet").setAttribute("aria-labelledby", `tab-${language}`);
  at("snippet").textContent = snippet(language, request(), spec());
}

at("form").addEventListener("submit", draw);
at("form").addEventListener("input", (event) => {
  if (event.target.closest("#controls, #more-controls")) changed();
});
at("model").addEventListener("change", modelChosen);
at("stop").addEventListener("click", () => drawing?.abort());
at("key").addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  event.preventDefault();
  at("key-use").click();
});
at("key-use").addEventListener("click", () => { gateway.key = at("key").value.trim(); load(); });
document.querySelectorAll("[role=tab]").forEach((tab) => tab.addEventListener("click", () => { language = tab.dataset.language; showSnippet(); }));
at("copy").addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(at("snippet").textContent);
    at("copy").textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(at("snippet"));
    at("copy").textContent = "Selected: press Ctrl+C";
  }
  setTimeout(() => { at("copy").textContent = "Copy"; }, 2000);
});
load();
