export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Path = (string | number)[];
export type Change = { op: "set"; path: Path; value: Json } | { op: "delete"; path: Path };

/** A change that does not fit the document. */
export class PatchError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PatchError";
  }
}

type JsonObject = { [key: string]: Json };

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function hasKey(value: JsonObject, key: string): boolean {
  return Object.prototype.hasOwnProperty.call(value, key);
}

/** Changes that turn `before` into `after`. */
export function diff(before: Json, after: Json): Change[] {
  const changes: Change[] = [];
  collect(before, after, [], changes);
  return changes;
}

function collect(before: Json, after: Json, path: Path, changes: Change[]): void {
  if (Array.isArray(before) && Array.isArray(after)) {
    collectArray(before, after, path, changes);
  } else if (isObject(before) && isObject(after)) {
    collectObject(before, after, path, changes);
  } else if (before !== after) {
    changes.push({ op: "set", path, value: after });
  }
}

function collectArray(before: Json[], after: Json[], path: Path, changes: Change[]): void {
  const common = Math.min(before.length, after.length);
  for (let i = 0; i < common; i++) collect(before[i], after[i], [...path, i], changes);
  for (let i = common; i < after.length; i++) changes.push({ op: "set", path: [...path, i], value: after[i] });
  // From the end, so that no deletion moves an element that another change names.
  for (let i = before.length - 1; i >= common; i--) changes.push({ op: "delete", path: [...path, i] });
}

function collectObject(before: JsonObject, after: JsonObject, path: Path, changes: Change[]): void {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)]);
  for (const key of [...keys].sort()) {
    const at = [...path, key];
    if (!hasKey(after, key)) {
      changes.push({ op: "delete", path: at });
    } else if (!hasKey(before, key)) {
      changes.push({ op: "set", path: at, value: after[key] });
    } else {
      collect(before[key], after[key], at, changes);
    }
  }
}

/** The value with the changes applied; the arguments stay as they are. */
export function patch(value: Json, changes: Change[]): Json {
  return changes.reduce((document, change) => applyAt(document, change, 0), value);
}

/** Copies the containers along the path and shares everything else. */
function applyAt(value: Json, change: Change, depth: number): Json {
  if (depth === change.path.length) {
    if (change.op === "delete") throw new PatchError("the whole document cannot be deleted");
    return change.value;
  }
  const step = change.path[depth];
  const last = depth === change.path.length - 1;
  if (Array.isArray(value)) return applyToArray(value, step, last, change, depth);
  if (isObject(value)) return applyToObject(value, String(step), last, change, depth);
  throw new PatchError(`no container at ${describe(change.path, depth)}`);
}

function applyToArray(value: Json[], step: string | number, last: boolean, change: Change, depth: number): Json[] {
  const mayAppend = last && change.op === "set";
  const limit = mayAppend ? value.length : value.length - 1;
  if (typeof step !== "number" || !Number.isInteger(step) || step < 0 || step > limit) {
    throw new PatchError(`no element ${JSON.stringify(step)} at ${describe(change.path, depth)}`);
  }
  const copy = value;
  if (last && change.op === "delete") {
    copy.splice(step, 1);
  } else {
    copy[step] = applyAt(copy[step], change, depth + 1);
  }
  return copy;
}

function applyToObject(value: JsonObject, key: string, last: boolean, change: Change, depth: number): JsonObject {
  const mayAdd = last && change.op === "set";
  if (!mayAdd && !hasKey(value, key)) throw new PatchError(`no key ${JSON.stringify(key)} at ${describe(change.path, depth)}`);
  const copy = value;
  if (last && change.op === "delete") {
    delete copy[key];
  } else {
    copy[key] = applyAt(copy[key], change, depth + 1);
  }
  return copy;
}

function describe(path: Path, depth: number): string {
  return "/" + path.slice(0, depth).join("/");
}

/** A document with its earlier states. */
export class History {
  private readonly states: Json[];

  constructor(initial: Json) {
    this.states = [initial];
  }

  /** Applies the changes and returns the new document. */
  apply(changes: Change[]): Json {
    const next = patch(this.states[this.states.length - 1], changes);
    this.states.push(next);
    return next;
  }

  /** Goes back to the document before the last `apply` and returns it. */
  undo(): Json {
    if (this.states.length === 1) throw new PatchError("nothing to undo");
    this.states.pop();
    return this.states[this.states.length - 1];
  }
}
