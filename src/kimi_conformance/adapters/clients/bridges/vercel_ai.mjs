// Vercel's AI SDK with its provider for Moonshot AI: `generateText` and `streamText`.
//
// Messages and settings are the SDK's own: what a user asks is put in these, and what comes back is
// told in the words of the API, only as far as the SDK hands it on.

import { load, serve } from "./protocol.mjs";

const { createMoonshotAI } = load("@ai-sdk/moonshotai");
const { generateText, streamText, jsonSchema, tool } = load("ai");

// Settings by their names in the API; all others go by `providerOptions`.
const SETTINGS = {
  temperature: "temperature", top_p: "topP", max_tokens: "maxOutputTokens", stop: "stopSequences",
  seed: "seed", presence_penalty: "presencePenalty", frequency_penalty: "frequencyPenalty",
};

const addressOf = (image) => (typeof image === "string" ? image : image.url);
const partOf = (part) => (part.type === "text" ? { type: "text", text: part.text } : { type: "image", image: addressOf(part.image_url) });

const callsOf = (message) => (message.tool_calls ?? []).map((call) => ({
  type: "tool-call", toolCallId: call.id, toolName: call.function.name, input: JSON.parse(call.function.arguments),
}));

const SAID = {
  system: ({ content }) => ({ role: "system", content }),
  user: ({ content }) => ({ role: "user", content: typeof content === "string" ? content : content.map(partOf) }),
  assistant: (message) => ({
    role: "assistant",
    content: [...(message.content ? [{ type: "text", text: message.content }] : []), ...callsOf(message)],
  }),
  tool: (message) => ({
    role: "tool",
    content: [{
      type: "tool-result", toolCallId: message.tool_call_id, toolName: message.name ?? "",
      output: { type: "text", value: message.content },
    }],
  }),
};

const toolsOf = (tools) => Object.fromEntries(tools.map(({ function: { name, description, parameters } }) => [
  name, tool({ description, inputSchema: jsonSchema(parameters) }),
]));

const choiceOf = (choice) => (typeof choice === "string" ? choice : { type: "tool", toolName: choice.function.name });

const usageOf = ({ inputTokens, outputTokens, totalTokens }) => ({
  prompt_tokens: inputTokens, completion_tokens: outputTokens, total_tokens: totalTokens,
});

const callOf = ({ toolCallId, toolName, input }) => ({
  id: toolCallId, type: "function", function: { name: toolName, arguments: JSON.stringify(input) },
});

// The pieces of a stream that bring something, as deltas.
const DELTAS = {
  "text-delta": ({ text }) => ({ content: text }),
  "reasoning-delta": ({ text }) => ({ reasoning_content: text }),
  "tool-input-start": ({ id, toolName }) => ({ tool_calls: [{ id, function: { name: toolName, arguments: "" } }] }),
  "tool-input-delta": ({ id, delta }) => ({ tool_calls: [{ id, function: { arguments: delta } }] }),
};

serve((binding) => {
  const read = (name) => binding.environment[name];
  // The SDK's own `timeout` is for a call with all its retries; a request has one by `fetch` only.
  const seconds = binding.patience;
  const impatient = (input, init) =>
    fetch(input, { ...init, signal: AbortSignal.any([AbortSignal.timeout(seconds * 1000), ...(init.signal ? [init.signal] : [])]) });
  const provider = createMoonshotAI({
    apiKey: binding.api_key ?? read("MOONSHOT_API_KEY"),
    baseURL: binding.base_url ?? undefined,
    ...(seconds === null ? {} : { fetch: impatient }),
  });

  function asked({ model, messages, tools, options }, signal) {
    const { tool_choice: choice, ...given } = options;
    const settings = {};
    const others = {};
    for (const [name, value] of Object.entries(given)) {
      if (Object.hasOwn(SETTINGS, name)) settings[SETTINGS[name]] = value;
      else others[name] = value;
    }
    return {
      model: provider(model),
      messages: messages.map((message) => SAID[message.role](message)),
      allowSystemInMessages: true,
      abortSignal: signal,
      ...(tools ? { tools: toolsOf(tools) } : {}),
      ...(choice === undefined ? {} : { toolChoice: choiceOf(choice) }),
      ...(Object.keys(others).length ? { providerOptions: { moonshotai: others } } : {}),
      ...settings,
    };
  }

  return {
    async chat({ request }, signal) {
      const { text, reasoningText, toolCalls, rawFinishReason, finishReason, usage, response } =
        await generateText(asked(request, signal));
      const message = {
        role: "assistant", content: text,
        ...(reasoningText === undefined ? {} : { reasoning_content: reasoningText }),
        ...(toolCalls.length ? { tool_calls: toolCalls.map(callOf) } : {}),
      };
      const choice = { index: 0, message, finish_reason: rawFinishReason ?? finishReason };
      return { body: { id: response.id, model: response.modelId, choices: [choice], usage: usageOf(usage) } };
    },

    async stream({ request }, signal, hand) {
      const started = performance.now();
      const say = (choice, more = {}) =>
        hand({ at: (performance.now() - started) / 1000, body: { choices: [{ index: 0, ...choice }], ...more } });
      // The SDK prints errors of a stream unless it is told what to do with them; they are in it, too.
      const { fullStream } = streamText({ ...asked(request, signal), onError: () => {} });
      for await (const part of fullStream) {
        if (part.type === "error") throw part.error;
        if (part.type === "abort") throw new DOMException("the stream was aborted", "AbortError");
        if (Object.hasOwn(DELTAS, part.type)) say({ delta: DELTAS[part.type](part) });
        if (part.type === "finish") {
          say({ delta: {}, finish_reason: part.rawFinishReason ?? part.finishReason }, { usage: usageOf(part.totalUsage) });
        }
      }
    },
  };
});
