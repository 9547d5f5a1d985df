// Makes calls with the official client, one after the other, and prints what each came to as a line of JSON.
import OpenAI, { AzureOpenAI, toFile } from "openai";

const [url, pictureB64] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "imw_all" });
const azure = new AzureOpenAI({ endpoint: url, apiKey: "imw_all", apiVersion: "2025-04-01-preview" });
const picture = (name) => toFile(Buffer.from(pictureB64, "base64"), name, { type: "image/png" });
const CALL = { model: "gpt-image-1", prompt: "a kite" };

async function told(name, call) {
  let came;
  try {
    came = await call();
  } catch (error) {
    came = {
      raised: error.constructor.name,
      status: error.status ?? null,
      code: error.code ?? null,
      param: error.param ?? null,
      request_id: Boolean(error.requestID),
    };
  }
  console.log(JSON.stringify({ name, came }));
}

await told("generate", async () => (await client.images.generate(CALL)).data.length);
await told("edit", async () => {
  const edited = await client.images.edit({
    ...CALL,
    image: [await picture("a.png"), await picture("b.png")],
    mask: await picture("m.png"),
    n: 1,
  });
  return edited.data.length;
});
await told("stream", async () => {
  const types = [];
  for await (const event of await client.images.generate({ ...CALL, stream: true, partial_images: 1 })) types.push(event.type);
  return types;
});
await told("azure", async () => (await azure.images.generate(CALL)).data.length);
await told("models", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  return ids;
});
await told("retrieve", async () => (await client.models.retrieve("gpt-image-1")).id);
await told("retrieve nothing", () => client.models.retrieve("dall-e-9"));
await told("bad size", () => client.images.generate({ ...CALL, size: "1x1" }));
await told("wrong key", () => client.withOptions({ apiKey: "imw_wrong" }).images.generate(CALL));
await told("vendor fails after drawing", () => client.images.generate(CALL));
await told("vendor refuses the content", () => client.images.generate(CALL));
await told("response", async () => {
  const { data, response, request_id } = await client.images.generate(CALL).withResponse();
  return [data.data.length, response.headers.get("imageway-target"), request_id === response.headers.get("x-request-id")];
});
await told("limited once", async () => (await client.images.generate(CALL)).data.length);
await told("impatient", () => client.images.generate(CALL, { timeout: 2000 }));
await told("given up", async () => {
  const giving_up = new AbortController();
  setTimeout(() => giving_up.abort(), 1000);
  return client.images.generate(CALL, { signal: giving_up.signal });
});
await told("stream given up", async () => {
  const stream = await client.images.generate({ ...CALL, stream: true, partial_images: 1 });
  for await (const event of stream) return event.type; // which hangs up
});
