// A client of the Kimi API for kimi-conformance: chat, streaming and models, with nothing but
// what Node 18 or later brings along. One line of JSON a message, see ../process-adapter.md.

import { createInterface } from "node:readline";

const clients = new Map(); // what `open` said, by the number of the client
const underWay = new Map(); // how to stop a call, by its id

const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");

function named(name, text, { status = null, causes = [] } = {}) {
  return Object.assign(new Error(text), { classes: [name, "LLMError"], status, causes });
}

const REFUSALS = {
  400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError",
  404: "NotFoundError", 429: "RateLimitError",
};

// Sends a request and gives what `read` makes of the answer; whatever fails has a documented name.
async function send(binding, signal, path, body, read = (answer) => answer.json()) {
  const silence = AbortSignal.timeout((binding.patience ?? 600) * 1000);
  try {
    const answer = await fetch(binding.base_url.replace(/\/+$/, "") + path, {
      method: body === undefined ? "GET" : "POST",
      headers: { authorization: `Bearer ${binding.api_key}`, "content-type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
      redirect: "error", // the key goes to this host only
      signal: AbortSignal.any([signal, silence]),
    });
    if (answer.ok) return await read(answer);
    const name = REFUSALS[answer.status] ?? "ServerError";
    throw named(name, `${answer.status}: ${await answer.text()}`, { status: answer.status });
  } catch (error) {
    if (error.classes) throw error;
    const name = error.name === "TimeoutError" ? "TimeoutError" : "ConnectionError";
    throw named(name, error.message, { causes: error.cause ? [String(error.cause.message)] : [] });
  }
}

const bodyOf = (request, more) => ({
  model: request.model, messages: request.messages,
  ...(request.tools ? { tools: request.tools } : {}), ...request.options, ...more,
});

// The data of each event of a stream, as the WHATWG standard reads it.
async function* events(answer) {
  let text = "";
  let data = [];
  for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
    text += part;
    const lines = text.split(/\r\n|\n|\r(?!$)/);
    text = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      if (line === "" && data.length) yield data.splice(0).join("\n");
    }
  }
}

const methods = {
  async list_models(binding, signal) {
    const listed = await send(binding, signal, "/models");
    return listed.data.map((model) => ({ id: model.id }));
  },

  async chat(binding, signal, { request }) {
    return { body: await send(binding, signal, "/chat/completions", bodyOf(request)) };
  },

  async stream(binding, signal, { request }, chunk) {
    const started = performance.now();
    const asked = bodyOf(request, { stream: true });
    return send(binding, signal, "/chat/completions", asked, async (answer) => {
      for await (const data of events(answer)) {
        if (data === "[DONE]") return null;
        chunk({ at: (performance.now() - started) / 1000, body: JSON.parse(data) });
      }
      throw named("ConnectionError", "the stream broke off before [DONE]");
    });
  },
};

async function serve({ id, method, client, params }) {
  switch (method) {
    case "hello":
      return {
        protocol: "1.0", name: "node-example", version: "1",
        capabilities: ["chat", "streaming", "models"],
      };
    case "open":
      clients.set(client, params);
      return null;
    case "close":
      clients.delete(client);
      return null;
  }
  if (!Object.hasOwn(methods, method)) {
    const error = new Error(`there is no method '${method}'`);
    throw Object.assign(error, { classes: ["UnknownMethodError"] });
  }
  const stop = new AbortController();
  underWay.set(id, stop);
  try {
    return await methods[method](clients.get(client), stop.signal, params, (chunk) => say({ id, chunk }));
  } finally {
    underWay.delete(id);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line);
  if ("cancel" in message) {
    underWay.get(message.cancel)?.abort();
    continue;
  }
  serve(message).then(
    (result) => say({ id: message.id, result }),
    (error) => say({
      id: message.id,
      error: {
        classes: error.classes ?? [error.name], text: error.message,
        status: error.status ?? null, causes: error.causes ?? [],
      },
    }),
  );
}
