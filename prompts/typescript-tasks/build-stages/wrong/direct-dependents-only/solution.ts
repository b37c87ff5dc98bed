/** Package -> the packages it depends on. */
export type Graph = Record<string, string[]>;

/** A package that is named but not in the graph. */
export class UnknownPackageError extends Error {}

/** Packages that wait for each other. */
export class CycleError extends Error {}

/** Dependencies without repetition; a Map has no inherited keys, so any name is safe. */
function dependenciesOf(graph: Graph): Map<string, Set<string>> {
  const packages = new Map(Object.entries(graph).map(([name, needs]) => [name, new Set(needs)]));
  for (const [name, needs] of packages) {
    for (const need of needs) {
      if (!packages.has(need)) throw new UnknownPackageError(`${name} depends on ${need}, which is unknown`);
    }
  }
  return packages;
}

/** Takes stage after stage off the packages; what is left can never be built. */
function peel(packages: Map<string, Set<string>>): { stages: string[][]; rest: string[] } {
  const rest = new Set(packages.keys());
  const stages: string[][] = [];
  for (;;) {
    const ready = [...rest].filter((name) => [...packages.get(name)!].every((need) => !rest.has(need)));
    if (ready.length === 0) return { stages, rest: [...rest].sort() };
    ready.forEach((name) => rest.delete(name));
    stages.push(ready.sort());
  }
}

function stagesOf(packages: Map<string, Set<string>>): string[][] {
  const { stages, rest } = peel(packages);
  if (rest.length > 0) throw new CycleError(`in or behind a cycle: ${rest.join(", ")}`);
  return stages;
}

/** Packages that can be built at the same time, stage after stage. */
export function buildStages(graph: Graph): string[][] {
  return stagesOf(dependenciesOf(graph));
}

/** Packages in a cycle, or behind one, sorted. */
export function blocked(graph: Graph): string[] {
  return peel(dependenciesOf(graph)).rest;
}

/** The changed packages and all that depend on them, in the order of the stages. */
export function rebuildOrder(graph: Graph, changed: string[]): string[] {
  const packages = dependenciesOf(graph);
  for (const name of changed) {
    if (!packages.has(name)) throw new UnknownPackageError(`${name} is unknown`);
  }
  const affected = new Set(changed);
  const order: string[] = [];
  for (const name of stagesOf(packages).flat()) {
    if ([...packages.get(name)!].some((need) => changed.includes(need))) affected.add(name);
    if (affected.has(name)) order.push(name);
  }
  return order;
}
