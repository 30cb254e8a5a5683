// The SDK's `timeout` ends with the headers: an answer that stops half way is waited for without end.
//
// Needs: openai. Says "shown" and ends with 0 where the SDK does so, else "not shown" and 1.

import { createServer } from "node:http";
import { createRequire } from "node:module";

const { OpenAI } = createRequire(`${process.cwd()}/package.json`)("openai");

const server = createServer((request, response) => {
  response.writeHead(200, { "content-type": "application/json", "content-length": 1000 });
  response.write('{"id": "chatcmpl-1", ');  // and nothing more
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const client = new OpenAI({
  baseURL: `http://127.0.0.1:${server.address().port}/v1`, apiKey: "sk-none", timeout: 500, maxRetries: 0,
});
const call = client.chat.completions
  .create({ model: "moonshot-v1-8k", messages: [{ role: "user", content: "Hi" }] })
  .then(() => "it was answered", (error) => `${error.constructor.name}: ${error.message}`);
const patience = new Promise((resolve) => setTimeout(resolve, 3000, null));
const outcome = await Promise.race([call, patience]);
console.log(outcome === null ? "shown: still waiting after 3 s, with a timeout of 0.5 s" : `not shown: ${outcome}`);
process.exit(outcome === null ? 0 : 1);
