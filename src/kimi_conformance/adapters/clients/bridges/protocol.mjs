// The other end of the process protocol for bridges in JavaScript, see docs/process-adapter.md.
//
//   node BRIDGE.mjs NAME VERSION CLAIM,CLAIM,… ENVIRONMENT
//
// A bridge gives `serve` a function that opens a client from a binding: an object with the methods
// of what it claims. Each is called with the parameters of its message, a signal that aborts when
// the call is cancelled, and, for a stream, what to hand each chunk to.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const [name, version, claims, environment] = process.argv.slice(2);

// Standard output belongs to the protocol, whatever a client prints.
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);
const say = (message) => write(JSON.stringify(message) + "\n");

// A package of the client's environment.
export const load = (what) => createRequire(`${environment}/package.json`)(what);

const asText = (value) => (typeof value === "string" || typeof value === "number" ? String(value) : null);

// The names of an error, nearest first: its own, by which JavaScript tells errors apart, and those of
// its classes, without the underscore that bundlers put before some.
function classesOf(error) {
  const names = [error.name];
  for (let at = Object.getPrototypeOf(error); at && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    names.push(at.constructor.name.replace(/^_+/, ""));
  }
  return [...new Set(names)].filter((each) => /^[A-Za-z][A-Za-z0-9_]*$/.test(each)).slice(0, 20);
}

function causesOf(error) {
  const causes = [];
  const seen = new Set([error]);
  for (let at = error.cause ?? error.lastError; at && !seen.has(at); at = at.cause) {
    seen.add(at);
    causes.push(String(at.message ?? at));
  }
  return causes.slice(0, 20);
}

function described(thrown) {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const status = error.status ?? error.statusCode;
  return {
    classes: error.classes ?? classesOf(error),
    text: error.message,
    status: Number.isInteger(status) ? status : null,
    code: asText(error.code),
    kind: null,
    causes: causesOf(error),
  };
}

const unknown = (method) => Object.assign(new Error(`there is no method '${method}'`), { classes: ["UnknownMethodError"] });

export function serve(open) {
  const clients = new Map(); // by number
  const underWay = new Map(); // what aborts a call, by its id

  async function answer({ id, method, client, params }) {
    if (method === "hello") return { protocol: "1.0", name, version, capabilities: claims.split(",") };
    if (method === "open") {
      clients.set(client, await open(params));
      return null;
    }
    const own = clients.get(client);
    if (method === "close") {
      clients.delete(client);
      await own.close?.();
      return null;
    }
    if (!Object.hasOwn(own, method)) throw unknown(method);
    const stop = new AbortController();
    underWay.set(id, stop);
    try {
      return (await own[method](params, stop.signal, (chunk) => say({ id, chunk }))) ?? null;
    } finally {
      underWay.delete(id);
    }
  }

  // What a client leaves unhandled is nobody's answer; without this it would end the process.
  process.on("unhandledRejection", (error) => console.error("unhandled:", error));
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    const message = JSON.parse(line);
    if ("cancel" in message) underWay.get(message.cancel)?.abort();
    else {
      answer(message).then(
        (result) => say({ id: message.id, result }),
        (error) => say({ id: message.id, error: described(error) }),
      );
    }
  });
  lines.on("close", () => process.exit(0));
}
