// What follows `data: [DONE]` in a stream is handed on as part of the answer.
//
// Needs: ai, @ai-sdk/moonshotai. Says "shown" and ends with 0 where they do so, else "not shown" and 1.

import { createServer } from "node:http";
import { createRequire } from "node:module";

const load = createRequire(`${process.cwd()}/package.json`);
const { createMoonshotAI } = load("@ai-sdk/moonshotai");
const { streamText } = load("ai");

const chunk = (content, finish_reason) => `data: ${JSON.stringify({
  id: "chatcmpl-1", object: "chat.completion.chunk", created: 1757462400, model: "moonshot-v1-8k",
  choices: [{ index: 0, delta: { content }, finish_reason }],
})}\n\n`;

const server = createServer((request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.end(chunk("Hello.", "stop") + "data: [DONE]\n\n" + chunk(" Of another answer.", null));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const provider = createMoonshotAI({ baseURL: `http://127.0.0.1:${server.address().port}/v1`, apiKey: "sk-none" });
const text = await streamText({ model: provider("moonshot-v1-8k"), prompt: "Hi" }).text;
const shown = text !== "Hello.";
console.log(`${shown ? "shown" : "not shown"}: the text is ${JSON.stringify(text)}`);
process.exit(shown ? 0 : 1);
