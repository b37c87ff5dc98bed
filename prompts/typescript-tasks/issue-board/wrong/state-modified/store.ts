export interface Issue {
  id: number;
  title: string;
  labels: string[];
  open: boolean;
  blockedBy: number[];
}

export interface State {
  nextId: number;
  issues: Issue[];
}

export type Action =
  | { type: "add"; title: string; labels?: string[] }
  | { type: "close" | "reopen" | "remove"; id: number }
  | { type: "label"; id: number; label: string }
  | { type: "block"; id: number; by: number };

/** An action that the state does not allow. */
export class StoreError extends Error {}

export function emptyState(): State {
  return { nextId: 1, issues: [] };
}

/** The state after the action; the one before stays as it is. */
export function reduce(state: State, action: Action): State {
  switch (action.type) {
    case "add":
      return add(state, action.title, action.labels ?? []);
    case "close":
      return setOpen(state, action.id, false);
    case "reopen":
      return setOpen(state, action.id, true);
    case "remove":
      return remove(state, action.id);
    case "label":
      return update(state, action.id, (issue) => ({ ...issue, labels: normalised([...issue.labels, action.label]) }));
    case "block":
      return block(state, action.id, action.by);
  }
}

/** The empty state and the state after each action. */
export function replay(actions: Action[]): State[] {
  const states = [emptyState()];
  for (const action of actions) states.push(reduce(states[states.length - 1], action));
  return states;
}

function normalised(labels: string[]): string[] {
  return [...new Set(labels)].sort();
}

function find(state: State, id: number): Issue {
  const issue = state.issues.find((candidate) => candidate.id === id);
  if (issue === undefined) throw new StoreError(`there is no issue ${id}`);
  return issue;
}

function update(state: State, id: number, change: (issue: Issue) => Issue): State {
  find(state, id);
  return { ...state, issues: state.issues.map((issue) => (issue.id === id ? change(issue) : issue)) };
}

function add(state: State, title: string, labels: string[]): State {
  const trimmed = title.trim();
  if (trimmed === "") throw new StoreError("an issue needs a title");
  const issue: Issue = { id: state.nextId, title: trimmed, labels: normalised(labels), open: true, blockedBy: [] };
  state.issues.push(issue);
  return { nextId: state.nextId + 1, issues: state.issues };
}

function setOpen(state: State, id: number, open: boolean): State {
  if (find(state, id).open === open) throw new StoreError(`issue ${id} is ${open ? "open" : "closed"} already`);
  return update(state, id, (issue) => ({ ...issue, open }));
}

function remove(state: State, id: number): State {
  find(state, id);
  const others = state.issues.filter((issue) => issue.id !== id);
  return { ...state, issues: others.map((issue) => ({ ...issue, blockedBy: issue.blockedBy.filter((by) => by !== id) })) };
}

function block(state: State, id: number, by: number): State {
  find(state, id);
  if (waitsFor(state, by, id)) throw new StoreError(`issue ${id} would wait for itself`);
  return update(state, id, (issue) => ({ ...issue, blockedBy: [...new Set([...issue.blockedBy, by])] }));
}

/** Whether `id` is `other` or is blocked by it, directly or through others. */
function waitsFor(state: State, id: number, other: number): boolean {
  return id === other || find(state, id).blockedBy.some((by) => waitsFor(state, by, other));
}
