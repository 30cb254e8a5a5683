// curl, as the documents of the API show it: no SDK, so whoever calls it reads the answer himself.
//
// curl is told what the documents' examples tell it, and `--fail-with-body`, without which it
// takes a refusal for an answer. The key goes by a configuration on its standard input, so that
// it is in no list of processes. What a caller of curl has to do, and this bridge does, is to read
// the events of a stream.

import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { serve } from "./protocol.mjs";

// What curl says by its exit code, see "Exit codes" in its manual.
const NAMES = { 6: "ConnectionError", 7: "ConnectionError", 18: "ConnectionError", 28: "TimeoutError", 52: "ConnectionError", 56: "ConnectionError" };
const REFUSALS = { 400: "BadRequestError", 401: "AuthenticationError", 403: "PermissionDeniedError", 404: "NotFoundError", 429: "RateLimitError" };
const REFUSED = 22; // --fail-with-body

const named = (name, text, status = null) => Object.assign(new Error(text), { classes: [name, "ApiError"], status });
const quoted = (text) => `"${text.replace(/[\\"]/g, "\\$&")}"`;

// Runs curl and hands on each piece of what it prints; gives all of it.
async function curl(binding, signal, path, body, { hand = () => {}, buffered = true } = {}) {
  const base = binding.base_url.replace(/\/+$/, "");
  const config = [
    `url = ${quoted(base + path)}`,
    `header = ${quoted(`Authorization: Bearer ${binding.api_key}`)}`,
    'header = "Content-Type: application/json"',
    "silent", "show-error", "fail-with-body", "compressed", 'noproxy = "*"',
    'write-out = "%{stderr}%{http_code}"',
    // Silence, not length, is what ends patience.
    ...(binding.patience === null ? [] : ["speed-limit = 1", `speed-time = ${Math.ceil(binding.patience)}`, `connect-timeout = ${binding.patience}`]),
    ...(buffered ? [] : ["no-buffer"]),
  ];
  const folder = body === undefined ? null : await mkdtemp(join(tmpdir(), "kimi-curl-"));
  try {
    if (folder !== null) {
      await writeFile(join(folder, "body.json"), JSON.stringify(body));
      config.push(`data-binary = ${quoted(`@${join(folder, "body.json")}`)}`);
    }
    return await run(config, signal, hand);
  } finally {
    if (folder !== null) await rm(folder, { recursive: true });
  }
}

function run(config, signal, hand) {
  return new Promise((resolve, reject) => {
    const child = spawn("curl", ["--disable", "--config", "-"], { signal, stdio: "pipe" });
    const [out, err] = [[], []];
    child.stdout.on("data", (piece) => { out.push(piece); hand(piece); });
    child.stderr.on("data", (piece) => err.push(piece));
    child.on("error", reject);
    child.on("close", (code) => {
      const printed = Buffer.concat(out).toString();
      const said = Buffer.concat(err).toString();
      const status = Number(said.slice(-3));
      if (code === 0) return resolve(printed);
      const name = code === REFUSED ? REFUSALS[status] ?? "ServerError" : NAMES[code] ?? "CurlError";
      return reject(named(name, `curl ended with ${code}: ${said.slice(0, -3).trim()} ${printed}`.trim(), status || null));
    });
    child.stdin.on("error", () => {});
    child.stdin.end(config.join("\n") + "\n");
  });
}

const bodyOf = ({ model, messages, tools, options }, more) => ({ model, messages, ...(tools ? { tools } : {}), ...options, ...more });

// Reads events as they come; the data of each goes to `take`.
function reader(take) {
  const decoder = new TextDecoder();
  let rest = "";
  let data = [];
  return (piece) => {
    rest += decoder.decode(piece, { stream: true });
    const lines = rest.split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      else if (line === "" && data.length) take(data.splice(0).join("\n"));
    }
  };
}

serve((binding) => {
  const entries = async (signal) => JSON.parse(await curl(binding, signal, "/models")).data ?? [];

  return {
    list_models: async (_, signal) => (await entries(signal)).map(({ id }) => ({ id })),
    fetch_models: (_, signal) => entries(signal),

    async chat({ request }, signal) {
      return { body: JSON.parse(await curl(binding, signal, "/chat/completions", bodyOf(request))) };
    },

    async stream({ request }, signal, hand) {
      const started = performance.now();
      let ended = false;
      let broken = null;
      const take = (data) => {
        if (ended || broken) return;
        if (data === "[DONE]") { ended = true; return; }
        try {
          hand({ at: (performance.now() - started) / 1000, body: JSON.parse(data) });
        } catch (error) {
          broken = error;
        }
      };
      await curl(binding, signal, "/chat/completions", bodyOf(request, { stream: true }), { hand: reader(take), buffered: false });
      if (broken) throw broken;
      if (!ended) throw named("ConnectionError", "the stream ended without [DONE]");
    },
  };
});
