// The OpenAI SDK for JavaScript, as users point it at Kimi: what it does of itself (two retries,
// ten minutes of patience) is left as it is.

import { load, serve } from "./protocol.mjs";

const { OpenAI } = load("openai");

// The SDK adds fields of its own to what it hands on (`_request_id`); they are not enumerable.
const plain = (received) => ({ ...received });
// The SDK sends every field that it is given, known to it or not.
const bodyOf = ({ model, messages, tools, options }) => ({ model, messages, ...(tools ? { tools } : {}), ...options });

serve((binding) => {
  const read = (name) => binding.environment[name];
  const seconds = binding.patience;
  let made;
  // Made at the first call, so that its own errors are those of a call.
  const client = () =>
    (made ??= new OpenAI({
      apiKey: binding.api_key ?? read("OPENAI_API_KEY"),
      baseURL: binding.base_url ?? read("OPENAI_BASE_URL"),
      ...(seconds === null ? {} : { timeout: seconds * 1000 }),
    }));

  async function entries(signal) {
    const found = [];
    for await (const model of client().models.list({ signal })) found.push(plain(model));
    return found;
  }

  return {
    list_models: async (_, signal) => (await entries(signal)).map(({ id }) => ({ id })),
    fetch_models: (_, signal) => entries(signal),

    async chat({ request }, signal) {
      return { body: plain(await client().chat.completions.create(bodyOf(request), { signal })) };
    },

    async stream({ request }, signal, hand) {
      const started = performance.now();
      const asked = { ...bodyOf(request), stream: true };
      const chunks = await client().chat.completions.create(asked, { signal });
      for await (const chunk of chunks) hand({ at: (performance.now() - started) / 1000, body: plain(chunk) });
    },
  };
});
