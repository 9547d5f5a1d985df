// The gateway as this page sees it: models, dry runs and drawings. The key stays in memory.

export class Refusal extends Error {
  constructor(status, body, requestId) {
    const error = body?.error ?? {};
    super(error.message ?? `The gateway answered with status ${status}.`);
    this.status = status;
    this.requestId = error.imageway?.request_id ?? requestId;
    this.violations = error.imageway?.violations ?? [];
  }
}

const ROUTES = { generate: "generations", edit: "edits", variation: "variations" };
const base = new URL(".", document.baseURI);

export class Gateway {
  key = "";

  async models() {
    const reply = await fetch(new URL("v1/models", base), { headers: this.#headers() });
    if (!reply.ok) throw await refusal(reply);
    return (await reply.json()).data.filter((entry) => entry.imageway?.spec);
  }

  async dryRun(request, signal) {
    const reply = await this.#post(request, "?dry_run=true", signal);
    if (!reply.ok) throw await refusal(reply);
    return reply.json();
  }

  // Calls shown(picture) for each preview and each finished picture, and returns the answer's headers and usage.
  async draw(request, signal, shown) {
    const reply = await this.#post(request, "", signal);
    if (!reply.ok) throw await refusal(reply);
    const told = { headers: reply.headers, usage: undefined };
    if (reply.headers.get("content-type")?.startsWith("text/event-stream")) {
      let finished = 0;
      for await (const event of events(reply.body)) {
        if (event.error) throw new Refusal(reply.status, event, reply.headers.get("x-request-id"));
        const preview = event.type.endsWith(".partial_image");
        shown({ ...event, preview, index: preview ? 0 : finished++ });
        told.usage = event.usage ?? told.usage;
      }
      if (!finished) throw new Error("The stream ended without a picture.");
      return told;
    }
    const answer = await reply.json();
    answer.data.forEach((picture, index) => shown({ ...answer, ...picture, index, preview: false }));
    told.usage = answer.usage;
    return told;
  }

  #post(request, query, signal) {
    const form = request.operation === "generate" ? undefined : formOf(request);
    const headers = this.#headers();
    if (!form) headers["content-type"] = "application/json";
    if (!query && !request.params.stream) headers["idempotency-key"] = randomKey();
    const body = form ?? JSON.stringify({ model: request.model, ...request.params });
    return fetch(new URL(`v1/images/${ROUTES[request.operation]}${query}`, base), { method: "POST", headers, body, signal });
  }

  #headers() {
    return this.key ? { authorization: `Bearer ${this.key}` } : {};
  }
}

// The fields of a form, nested objects in brackets.
export function fieldsOf(params, prefix = "") {
  return Object.entries(params).flatMap(([name, value]) => {
    const path = prefix ? `${prefix}[${name}]` : name;
    return typeof value === "object" ? fieldsOf(value, path) : [[path, String(value)]];
  });
}

export const imageField = (request) =>
  request.operation === "edit" && request.images.length > 1 ? "image[]" : "image";

function formOf(request) {
  const form = new FormData();
  form.append("model", request.model);
  for (const [name, text] of fieldsOf(request.params)) form.append(name, text);
  for (const file of request.images) form.append(imageField(request), file);
  for (const name of ["mask", "markup"]) if (request[name]) form.append(name, request[name]);
  return form;
}

function randomKey() {
  return "ui-" + Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function refusal(reply) {
  const body = await reply.json().catch(() => undefined);
  return new Refusal(reply.status, body, reply.headers.get("x-request-id"));
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let buffer = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const scanned = Math.max(0, buffer.length - 1);
    buffer += value;
    let start = 0;
    for (let end = buffer.indexOf("\n\n", scanned); end >= 0; end = buffer.indexOf("\n\n", start)) {
      const data = buffer.slice(start, end).split("\n").filter((line) => line.startsWith("data: "));
      start = end + 2;
      if (data.length) yield JSON.parse(data.map((line) => line.slice("data: ".length)).join("\n"));
    }
    buffer = buffer.slice(start);
  }
}
