export type QueryValue = string | string[];

/** Undoes form encoding; throws URIError when a percent escape is malformed. */
function decode(text: string): string {
  return decodeURIComponent(text.replace(/\+/g, " "));
}

/** Reads a query string with or without its leading "?". Keys that occur several times collect their values in an array. */
export function parseQuery(text: string): Record<string, QueryValue> {
  const query = text.startsWith("?") ? text.slice(1) : text;
  // A Map while collecting: a plain object would already "have" keys such as toString.
  const values = new Map<string, QueryValue>();
  for (const piece of query.split("&")) {
    if (piece === "") continue;
    const equals = piece.indexOf("=");
    const key = decode(equals < 0 ? piece : piece.slice(0, equals));
    const value = equals < 0 ? "" : decode(piece.slice(equals + 1));
    const known = values.get(key);
    if (known === undefined) {
      values.set(key, value);
    } else if (Array.isArray(known)) {
      known.push(value);
    } else {
      values.set(key, [known, value]);
    }
  }
  return Object.fromEntries(values);
}

/** Writes a query string with sorted keys and no leading "?". */
export function formatQuery(values: Record<string, QueryValue>): string {
  const pairs: string[] = [];
  for (const key of Object.keys(values).sort()) {
    const value = values[key];
    for (const single of Array.isArray(value) ? value : [value]) {
      pairs.push(`${encodeURIComponent(key)}=${encodeURIComponent(single)}`);
    }
  }
  return pairs.join("&");
}
