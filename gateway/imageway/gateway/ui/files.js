// Pickers for input pictures: by dialogue, by drag and drop, in an order that can be changed by removing and adding.

import { make } from "./controls.js";

const TYPES = { png: "image/png", jpeg: "image/jpeg", webp: "image/webp", gif: "image/gif", svg: "image/svg+xml" };

export function picker(name, rules, changed) {
  const many = (rules.max_count ?? 1) > 1;
  let files = [];
  const id = `f-${name}`;
  const input = make("input", { id, type: "file", accept: rules.formats.map((format) => TYPES[format] ?? `.${format}`).join(","), "aria-describedby": `${id}-note ${id}-fault` });
  input.multiple = many;
  const listed = make("ul", { class: "files" });
  const note = make("p", { class: "note", id: `${id}-note` }, noteOf(rules, many));
  const fault = make("p", { class: "note bad", id: `${id}-fault` });
  const drop = make("div", { class: "drop" }, input, listed);

  const show = () => {
    listed.querySelectorAll("img").forEach((image) => URL.revokeObjectURL(image.src));
    listed.replaceChildren(...files.map((file, position) => {
      const image = make("img", { alt: "", src: URL.createObjectURL(file) });
      const remove = make("button", { type: "button", "aria-label": `Remove ${file.name}` }, "Remove");
      remove.addEventListener("click", () => { files = files.filter((_, other) => other !== position); show(); input.focus(); });
      return make("li", {}, image, make("span", {}, `${file.name} (${sizeOf(file.size)})`), remove);
    }));
    changed();
  };
  const add = (chosen) => { files = many ? [...files, ...chosen] : [...chosen].slice(0, 1); show(); };
  input.addEventListener("change", () => { add(input.files); input.value = ""; });
  drop.addEventListener("dragover", (event) => { event.preventDefault(); drop.classList.add("over"); });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    add(event.dataTransfer.files);
  });
  return {
    element: make("div", {}, make("label", { for: id }, name), drop, note, fault),
    files: () => files,
    blame: (message) => {
      input.setAttribute("aria-invalid", message ? "true" : "false");
      fault.textContent = message;
    },
  };
}

function noteOf(rules, many) {
  const told = [`${rules.formats.join(", ")}, up to ${sizeOf(rules.max_bytes)}`];
  if (many) told.push(`at most ${rules.max_count}, in this order`);
  if (rules.square_only) told.push("square");
  if (!("max_count" in rules)) told.push("as wide and high as the first picture");
  if (!("max_count" in rules) && rules.alpha_required !== false) told.push("transparent where to draw");
  return told.join("; ");
}

const sizeOf = (bytes) => (bytes < 1e6 ? `${Math.ceil(bytes / 1024)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`);
