import { Issue, State } from "./store";

/** Ids of the open issues that no open issue blocks, rising. */
export function ready(state: State): number[] {
  const open = new Set(state.issues.filter((issue) => issue.open).map((issue) => issue.id));
  return state.issues
    .filter((issue) => issue.open && !issue.blockedBy.some((by) => open.has(by)))
    .map((issue) => issue.id)
    .sort((a, b) => a - b);
}

/** Number of open issues per label. */
export function openByLabel(state: State): Record<string, number> {
  const counts = new Map<string, number>();
  for (const issue of state.issues) {
    if (!issue.open) continue;
    for (const label of issue.labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return Object.fromEntries(counts);
}

/** Issues whose title or labels contain the text, ignoring case. */
export function search(state: State, text: string): Issue[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === "") return [];
  return state.issues.filter((issue) => [issue.title, ...issue.labels].some((part) => part.toLowerCase().includes(wanted)));
}
