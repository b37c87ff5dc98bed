// Runs the answer's functions and sends values back as data on descriptor 3. It judges nothing and knows nothing of what is expected.
"use strict";
const fs = require("fs");
const Module = require("module");
const ROOT = __dirname + "/answer/"; // without namespaces that is not below /task
const MAX_VALUE = 1 << 20;
const MAX_DEPTH = 45;
const { stringify, parse } = JSON;
const exit = process.exit.bind(process);
let pending = Buffer.alloc(0);
let asked = "";

function readLine() {
  const block = Buffer.alloc(1 << 16);
  for (;;) {
    const end = pending.indexOf(10);
    if (end >= 0) {
      const line = pending.subarray(0, end).toString("utf8");
      pending = pending.subarray(end + 1);
      return line;
    }
    let got = 0;
    try {
      got = fs.readSync(0, block, 0, block.length, null);
    } catch (error) {
      if (error.code === "EAGAIN") continue;
      throw error;
    }
    if (got === 0) return null;
    pending = Buffer.concat([pending, block.subarray(0, got)]);
  }
}

function send(message) {
  asked = "";
  let data = Buffer.from(message + "\n", "utf8");
  while (data.length) {
    try {
      data = data.subarray(fs.writeSync(3, data));
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
    }
  }
}

class NoValue extends Error {}

function text(value) {
  for (let i = 0; i < value.length; ++i) {
    const unit = value.charCodeAt(i);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const next = value.charCodeAt(i + 1);
    if (unit > 0xdbff || !(next >= 0xdc00 && next <= 0xdfff)) throw new NoValue("a string with half a surrogate pair");
    ++i;
  }
  return stringify(value);
}

function number(value) {
  if (value !== value) return '{"$float":"nan"}';
  if (value === Infinity || value === -Infinity) return value > 0 ? '{"$float":"inf"}' : '{"$float":"-inf"}';
  return stringify(value);
}

function object(value, depth) {
  const inner = (item) => encode(item, depth + 1);
  if (Array.isArray(value)) {
    const items = [];
    for (let i = 0; i < value.length; ++i) items.push(inner(value[i]));
    return "[" + items.join(",") + "]";
  }
  if (value instanceof Map) return '{"$dict":[' + [...value].map(([key, item]) => `[${inner(key)},${inner(item)}]`).join(",") + "]}";
  if (value instanceof Set) return '{"$set":[' + [...value].map(inner).join(",") + "]}";
  if (value instanceof Uint8Array) return '{"$bytes":"' + Buffer.from(value).toString("hex") + '"}';
  if (value instanceof Date || value instanceof RegExp || value instanceof Promise || value instanceof Error)
    throw new NoValue("an object of type " + value.constructor.name);
  const keys = Object.keys(value);
  if (keys.some((key) => key.startsWith("$"))) throw new NoValue("an object with a key that begins with '$'");
  return "{" + keys.map((key) => text(key) + ":" + inner(value[key])).join(",") + "}";
}

function encode(value, depth = 0) {
  if (depth > MAX_DEPTH) throw new NoValue("a value nested deeper than " + MAX_DEPTH);
  if (value === null) return "null";
  if (value === undefined) return '{"$undefined":true}';
  if (typeof value === "boolean") return value ? "true" : "false";
  if (typeof value === "number") return number(value);
  if (typeof value === "bigint") return '{"$int":"' + value.toString() + '"}';
  if (typeof value === "string") return text(value);
  if (typeof value === "object") return object(value, depth);
  throw new NoValue("a " + typeof value);
}

function decode(value, kept) {
  if (Array.isArray(value)) return value.map((item) => decode(item, kept));
  if (value === null || typeof value !== "object") return value;
  if ("$tuple" in value) return decode(value.$tuple, kept);
  if ("$set" in value) return new Set(decode(value.$set, kept));
  if ("$dict" in value) return new Map(decode(value.$dict, kept));
  if ("$bytes" in value) return new Uint8Array(Buffer.from(value.$bytes, "hex"));
  if ("$float" in value) return { nan: NaN, inf: Infinity, "-inf": -Infinity }[value.$float];
  if ("$int" in value) return BigInt(value.$int);
  if ("$undefined" in value) return undefined;
  if ("$ref" in value) return kept.get(value.$ref);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, decode(item, kept)]));
}

function describe(error) {
  const names = [];
  try {
    for (let at = Object.getPrototypeOf(error); at && at !== Object.prototype; at = Object.getPrototypeOf(at))
      if (at.constructor && at.constructor.name) names.push(String(at.constructor.name));
    if (error && typeof error.name === "string" && !names.includes(error.name)) names.unshift(error.name);
  } catch (_) {
    names.length = 0;
  }
  let said = "";
  try {
    said = String(error && error.message !== undefined ? error.message : error).replace(/\s+/g, " ").slice(0, 500);
  } catch (_) {
    said = "(its text cannot be made)";
  }
  return `{"e":${stringify([...names.slice(0, 20), "Error"])},"m":${stringify(said.toWellFormed ? said.toWellFormed() : said.replace(/[\ud800-\udfff]/g, "?"))}}`;
}

/** Forgets the answer's modules, so that the next case begins with them as they are written. */
function forget() {
  for (const path of Object.keys(Module._cache)) if (path.startsWith(ROOT)) delete Module._cache[path];
}

function find(name, kept, first) {
  const colon = name.indexOf(":");
  const parts = name.slice(colon + 1).split(".");
  if (colon < 0 && kept.has(parts[0])) {
    const whole = [undefined, kept.get(parts.shift())];
    return walk(whole, parts);
  }
  return walk([undefined, require(ROOT + (colon < 0 ? first : name.slice(0, colon) + ".js"))], parts);
}

/** [what it belongs to, itself] */
function walk(pair, parts) {
  for (const part of parts) {
    if (pair[1] === null || pair[1] === undefined || !(part in Object(pair[1]))) throw new ReferenceError(part + " is not defined");
    pair = [pair[1], pair[1][part]];
  }
  return pair;
}

async function runStep(step, kept, first) {
  const [owner, target] = find(step.call || step.new || step.get, kept, first);
  let value = target;
  if (step.call !== undefined) value = await target.apply(owner, decode(step.args, kept));
  if (step.new !== undefined) value = new target(...decode(step.args, kept));
  if (step.as !== undefined) {
    kept.set(step.as, value);
    return '{"v":null}';
  }
  const said = step.wanted ? encode(value) : "null";
  if (said.length > MAX_VALUE) throw new NoValue(`a value of ${said.length} characters`);
  return `{"v":${said}}`;
}

async function runCase(request, first) {
  forget();
  const kept = new Map();
  const results = [];
  for (const step of request.steps) {
    try {
      results.push(await runStep(step, kept, first));
    } catch (error) {
      results.push(error instanceof NoValue ? `{"x":${stringify(error.message)}}` : describe(error));
    }
  }
  return results;
}

async function main() {
  const setup = parse(readLine());
  process.on("exit", () => {
    if (asked) send(`{"n":"${asked}","died":"by process.exit, or by waiting for a promise that never settles,","signal":0}`);
  });
  send(`{"n":"${setup.n}","ok":true}`);
  for (let line = readLine(); line !== null; line = readLine()) {
    const request = parse(line);
    asked = request.n;
    if (request.bye) {
      send(`{"n":"${request.n}","bye":true}`);
      break;
    }
    const results = await runCase(request, setup.paths[0]);
    send(`{"n":"${request.n}","steps":[${results.join(",")}]}`);
  }
  exit(0);
}

main();
