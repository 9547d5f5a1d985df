// A request as text to paste: curl, Python and a YAML pipeline. The key is never in it.

import { fieldsOf, imageField } from "./gateway.js";

const ROUTES = { generate: "generations", edit: "edits", variation: "variations" };
const METHODS = { generate: "generate", edit: "edit", variation: "create_variation" };
const KNOWN = new Set(["prompt", "n", "size", "quality", "background", "moderation", "output_format", "output_compression", "user", "response_format", "style", "stream", "partial_images", "input_fidelity"]);
const base = new URL(".", document.baseURI).href;

export const snippet = (language, request, spec) => ({ curl, python, yaml })[language](request, spec);

function curl(request) {
  const lines = [`curl ${quoted(`${base}v1/images/${ROUTES[request.operation]}`)}`, `-H "Authorization: Bearer $IMAGEWAY_API_KEY"`];
  if (request.operation === "generate") {
    lines.push(`-H 'Content-Type: application/json'`, `-d ${quoted(JSON.stringify({ model: request.model, ...request.params }))}`);
  } else {
    for (const [name, text] of [["model", request.model], ...fieldsOf(request.params)]) lines.push(`--form-string ${quoted(`${name}=${text}`)}`);
    for (const file of request.images) lines.push(`-F ${quoted(`${imageField(request)}=@"${file.name}"`)}`);
    for (const name of ["mask", "markup"]) if (request[name]) lines.push(`-F ${quoted(`${name}=@"${request[name].name}"`)}`);
  }
  return lines.join(" \\\n  ") + "\n";
}

function python(request, spec) {
  const { stream, partial_images, ...params } = request.params;
  const known = Object.entries(params).filter(([name]) => KNOWN.has(name));
  const others = Object.fromEntries(Object.entries(params).filter(([name]) => !KNOWN.has(name)));
  const files = request.images.map((file) => `open(${literal(file.name)}, "rb")`);
  const given = [`model=${literal(request.model)}`];
  if (files.length) given.push(`image=${files.length > 1 ? `[${files.join(", ")}]` : files[0]}`);
  if (request.mask) given.push(`mask=open(${literal(request.mask.name)}, "rb")`);
  for (const [name, value] of known) given.push(`${name}=${literal(value)}`);
  if (Object.keys(others).length) given.push(`extra_body=${literal(others)}`);
  const linked = spec.operations[request.operation].output.default === "url" && params.response_format !== "b64_json";
  const shown = linked ? "    print(image.url)" : `    open(f"picture_{i}.${params.output_format ?? "png"}", "wb").write(base64.b64decode(image.b64_json))`;
  return [
    ...(linked ? [] : ["import base64"]), "import os", "", "from openai import OpenAI", "",
    `client = OpenAI(base_url=${literal(`${base}v1`)}, api_key=os.environ.get("IMAGEWAY_API_KEY", "unused"))`,
    `reply = client.images.${METHODS[request.operation]}(`, ...given.map((text) => `    ${text},`), ")",
    "for i, image in enumerate(reply.data):", shown, "",
  ].join("\n");
}

// The prompt stands in the data, so that no brace in it is taken for a column.
function yaml(request) {
  const { prompt, stream, partial_images, ...params } = request.params;
  const columns = request.images.map((file, position) => [`image_${position + 1}`, file.name]);
  const record = Object.fromEntries([["id", 1], ["prompt", prompt ?? ""], ...columns]);
  const content = [...columns.map(([name]) => ["image_url", `{${name}}`]), ["text", "{prompt}"]];
  const listed = Object.entries(params);
  return [
    "# data.json beside this file:", `# ${JSON.stringify([record])}`,
    "data_config:", "  source: {type: disk, file_path: data.json}", "graph_config:", "  nodes:", "    draw:",
    "      node_type: llm", "      output_keys: picture", "      prompt:", "        - user:",
    ...content.map(([type, text]) => `            - {type: ${type}, ${type}: "${text}"}`),
    "      model:", `        name: ${JSON.stringify(request.model)}`,
    ...(listed.length ? [`        parameters: ${JSON.stringify(params)}`] : []),
    "  edges:", "    - {from: START, to: draw}", "    - {from: draw, to: END}",
    "output_config:", "  output_map:", "    id: {from: id}", "    picture: {from: picture}", "",
  ].join("\n");
}

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

function literal(value) {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value !== null && typeof value === "object")
    return `{${Object.entries(value).map(([name, inner]) => `${literal(name)}: ${literal(inner)}`).join(", ")}}`;
  return JSON.stringify(value);
}
