// A spec's parameters as form controls. What is left empty is left out of the request.

const RARE = new Set(["user", "safety_identifier", "moderation", "response_format", "svg", "frame_count", "frame_duration_ms"]);
const FIRST = ["prompt", "size", "quality", "n"];

export const isRare = (name) => RARE.has(name);

export function ordered(params) {
  const rank = (name) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return Object.keys(params).sort((a, b) => rank(a) - rank(b));
}

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// The control for one parameter: `element` to show, `value()` to read (undefined where left out), `set(value)`.
export function control(name, param, path = name) {
  if (param.type === "group") return group(name, param, path);
  const id = `p-${path}`;
  const input = inputFor(id, name, param);
  const note = make("p", { class: "note", id: `${id}-note` }, noteOf(param));
  const fault = make("p", { class: "note bad", id: `${id}-fault` });
  input.setAttribute("aria-describedby", `${note.id} ${fault.id}`);
  if (param.required) input.setAttribute("aria-required", "true");
  const label = make("label", { for: id }, name);
  const list = input.getAttribute("list") ? [make("datalist", { id: `${id}-list` }, ...param.values.map((value) => make("option", { value })))] : [];
  return {
    element: make("div", {}, label, input, ...list, note, fault),
    value: () => read(input, param),
    set: (value) => { input.value = value; },
    blame: (message) => {
      input.setAttribute("aria-invalid", message ? "true" : "false");
      fault.textContent = message;
    },
  };
}

function group(name, param, path) {
  const fields = Object.entries(param.fields).map(([inner, field]) => [inner, control(inner, field, `${path}.${inner}`)]);
  const fault = make("p", { class: "note bad" });
  const note = make("p", { class: "note" }, noteOf(param));
  return {
    element: make("fieldset", { class: "group" }, make("legend", {}, name), note, ...fields.map(([, field]) => field.element), fault),
    value: () => {
      const set = fields.map(([inner, field]) => [inner, field.value()]).filter(([, value]) => value !== undefined);
      return set.length ? Object.fromEntries(set) : undefined;
    },
    set: () => {},
    blame: (message) => { fault.textContent = message; },
  };
}

function inputFor(id, name, param) {
  switch (param.type) {
    case "text":
      return name === "prompt" ? make("textarea", { id, rows: 4 }) : make("input", { id, type: "text" });
    case "integer":
      return make("input", { id, type: "number", step: 1, min: param.min, max: param.max, placeholder: param.default });
    case "flag":
      return select(id, ["true", "false"], String(param.default ?? false));
    case "size":
      return param.grid ? make("input", { id, type: "text", list: `${id}-list`, placeholder: param.default }) : select(id, param.values, param.default);
    default:
      return select(id, param.values, param.default);
  }
}

function select(id, values, fallback) {
  const left = make("option", { value: "" }, fallback === undefined ? "not set" : `not set (${fallback})`);
  return make("select", { id }, left, ...values.map((value) => make("option", { value }, value)));
}

function read(input, param) {
  if (input.value === "") return input.validity.badInput ? "?" : undefined;
  switch (param.type) {
    case "integer":
      return Number.isSafeInteger(Number(input.value)) ? Number(input.value) : input.value;
    case "flag":
      return input.value === "true";
    default:
      return input.value;
  }
}

function noteOf(param) {
  const told = [];
  if (param.type === "integer") told.push(`${param.min} to ${param.max}`);
  if (param.type === "text" && param.max_chars) told.push(`up to ${param.max_chars.toLocaleString("en")} characters`);
  if (param.grid) {
    const { multiple_of_px: step, max_edge_px: edge, max_ratio: ratio } = param.grid;
    told.push(`WIDTHxHEIGHT in steps of ${step} px, edges up to ${edge} px, at most ${ratio}:1`);
  }
  for (const [name, values] of Object.entries(param.only_with ?? {})) told.push(`only with ${name} ${values.join(" or ")}`);
  for (const [value, conditions] of Object.entries(param.values_only_with ?? {}))
    for (const [name, values] of Object.entries(conditions)) told.push(`${value} only with ${name} ${values.join(" or ")}`);
  if (param.note) told.push(param.note);
  return told.join("; ");
}
