export interface Match {
  route: string;
  params: Record<string, string>;
}

/** A malformed route, or a parameter that a route needs and did not get. */
export class RouteError extends Error {}

/** The kinds from the most to the least specific; "end" is the place after a route's last segment. */
const KINDS = ["literal", "param", "end", "rest"] as const;

interface Segment {
  kind: "literal" | "param" | "rest";
  text: string; // of the literal, or the parameter's name
}

/** Segments of a path; a trailing slash adds none. */
function split(path: string): string[] {
  const segments = path.split("/").slice(1);
  if (segments[segments.length - 1] === "") segments.pop();
  return segments;
}

function parseSegment(text: string): Segment {
  if (text.startsWith(":")) return { kind: "param", text: text.slice(1) };
  if (text.startsWith("*")) return { kind: "rest", text: text.slice(1) };
  return { kind: "literal", text };
}

function parseRoute(route: string): Segment[] {
  if (!route.startsWith("/")) throw new RouteError(`${route}: a route starts with "/"`);
  const segments = split(route).map(parseSegment);
  if (segments.some(({ text }) => text === "")) throw new RouteError(`${route}: a segment or name is empty`);
  if (segments.slice(0, -1).some(({ kind }) => kind === "rest")) throw new RouteError(`${route}: "*" is not at the end`);
  const names = segments.filter(({ kind }) => kind !== "literal").map(({ text }) => text);
  if (new Set(names).size !== names.length) throw new RouteError(`${route}: a parameter is used twice`);
  return segments;
}

/** Decoded segments of the path; null when an escape is malformed or the path does not start with "/". */
function decodePath(path: string): string[] | null {
  if (!path.startsWith("/")) return null;
  try {
    return split(path).map(decodeURIComponent);
  } catch (error) {
    if (error instanceof URIError) return null;
    throw error;
  }
}

function matchSegments(route: Segment[], path: string[]): Record<string, string> | null {
  const params: [string, string][] = [];
  for (const [index, { kind, text }] of route.entries()) {
    if (kind === "rest") {
      if (path.length <= index) return null;
      params.push([text, path.slice(index).join("/")]);
      return Object.fromEntries(params);
    }
    const value = path[index];
    if (!value || (kind === "literal" && value !== text)) return null;
    if (kind === "param") params.push([text, value]);
  }
  return route.length === path.length ? Object.fromEntries(params) : null;
}

/** Negative when `a` is more specific than `b`. */
function compareSpecificity(a: Segment[], b: Segment[]): number {
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    const difference = KINDS.indexOf(a[i]?.kind ?? "end") - KINDS.indexOf(b[i]?.kind ?? "end");
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The most specific route that matches the path, with its parameters. */
export function matchRoute(routes: string[], path: string): Match | null {
  const parsed = routes.map((route) => ({ route, segments: parseRoute(route) }));
  const segments = decodePath(path);
  if (segments === null) return null;
  let best: { match: Match; segments: Segment[] } | null = null;
  for (const candidate of parsed) {
    const params = matchSegments(candidate.segments, segments);
    if (params === null) continue;
    if (best === null || compareSpecificity(candidate.segments, best.segments) < 0) {
      best = { match: { route: candidate.route, params }, segments: candidate.segments };
    }
  }
  return best && best.match;
}

/** The path of a route with its parameters filled in. */
export function buildPath(route: string, params: Record<string, string>): string {
  const given = new Map(Object.entries(params));
  const parts = parseRoute(route).flatMap(({ kind, text }) => {
    if (kind === "literal") return [text];
    const value = given.get(text) ?? "";
    if (kind === "rest") return value === "" ? [] : [value.split("/").map(encodeURIComponent).join("/")];
    if (value === "") throw new RouteError(`${route}: the parameter ${text} is missing`);
    return [encodeURIComponent(value)];
  });
  return "/" + parts.join("/");
}
