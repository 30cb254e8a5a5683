// A connection that breaks in the body of an answer is told by a bare TypeError, and not tried again:
// `error instanceof OpenAI.APIError`, by which the SDK says errors are told apart, is false.
//
// Needs: openai. Says "shown" and ends with 0 where the SDK does so, else "not shown" and 1.

import { createServer } from "node:http";
import { createRequire } from "node:module";

const { OpenAI } = createRequire(`${process.cwd()}/package.json`)("openai");

let asked = 0;
const server = createServer((request, response) => {
  asked += 1;
  response.writeHead(200, { "content-type": "application/json", "content-length": 1000 });
  response.write('{"id": "chatcmpl-1", ');
  setTimeout(() => response.destroy(), 100);
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const client = new OpenAI({ baseURL: `http://127.0.0.1:${server.address().port}/v1`, apiKey: "sk-none" });
const error = await client.chat.completions
  .create({ model: "moonshot-v1-8k", messages: [{ role: "user", content: "Hi" }] })
  .then(() => null, (error) => error);
const shown = error !== null && !(error instanceof OpenAI.APIError);
console.log(`${shown ? "shown" : "not shown"}: ${error?.constructor.name}: ${error?.message}, after ${asked} request(s)`);
process.exit(shown ? 0 : 1);
