export interface Definition {
  initial: string;
  final?: string[];
  transitions: { from: string; event: string; to: string }[];
}

/** A definition that contradicts itself. */
export class DefinitionError extends Error {}

/** An event that the current state does not know. */
export class TransitionError extends Error {}

const ANY = "*";

/** A state machine that is described by data. */
export class Machine {
  /** from -> event -> to; "*" has an entry of its own. */
  private readonly table = new Map<string, Map<string, string>>();
  private readonly final: Set<string>;
  private readonly states: Set<string>;
  private readonly visited: string[];

  constructor(definition: Definition) {
    this.final = new Set(definition.final ?? []);
    this.states = new Set([definition.initial, ...this.final]);
    this.visited = [definition.initial];
    for (const { from, event, to } of definition.transitions) {
      if (this.final.has(from)) throw new DefinitionError(`the final state ${from} has a transition`);
      const row = this.table.get(from) ?? new Map<string, string>();
      if (row.has(event)) throw new DefinitionError(`two transitions from ${from} for ${event}`);
      this.table.set(from, row.set(event, to));
      if (from !== ANY) this.states.add(from);
      this.states.add(to);
    }
    if (this.states.has(ANY)) throw new DefinitionError(`${ANY} is no state`);
  }

  get state(): string {
    return this.visited[this.visited.length - 1];
  }

  /** Follows the event and returns the new state. */
  send(event: string): string {
    const target = this.transitionsOf(this.state).get(event);
    if (target === undefined) throw new TransitionError(`${event} is not possible in ${this.state}`);
    this.visited.push(target);
    return target;
  }

  can(event: string): boolean {
    return this.transitionsOf(this.state).has(event);
  }

  /** Events that can be sent now. */
  events(): string[] {
    return [...this.transitionsOf(this.state).keys()].sort();
  }

  /** States visited so far, the initial one first. */
  history(): string[] {
    return [...this.visited];
  }

  /** States that no sequence of events reaches. */
  unreachable(): string[] {
    const reached = new Set([this.visited[0]]);
    // A Set may grow while it is iterated: each new state is followed in its turn.
    for (const state of reached) {
      for (const target of this.transitionsOf(state).values()) reached.add(target);
    }
    return [...this.states].filter((state) => !reached.has(state)).sort();
  }

  /** event -> target; a state's own transitions hide those of "*". */
  private transitionsOf(state: string): Map<string, string> {
    return new Map([...(this.table.get(ANY) ?? []), ...(this.table.get(state) ?? [])]);
  }
}
