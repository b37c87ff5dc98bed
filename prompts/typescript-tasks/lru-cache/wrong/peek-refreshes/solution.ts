function checkCapacity(capacity: number): number {
  if (!Number.isInteger(capacity) || capacity < 1) {
    throw new RangeError(`capacity must be a whole number of at least 1, not ${capacity}`);
  }
  return capacity;
}

/** A cache of limited size that drops the least recently used entry first. */
export class LruCache<K, V> {
  private capacity: number;
  /** A Map iterates in order of insertion: the first entry is always the least recently used one. */
  private readonly entries = new Map<K, V>();

  constructor(capacity: number) {
    this.capacity = checkCapacity(capacity);
  }

  get size(): number {
    return this.entries.size;
  }

  /** The value of the key, which becomes the most recently used one. */
  get(key: K): V | undefined {
    if (!this.entries.has(key)) return undefined;
    const value = this.entries.get(key) as V;
    this.moveToEnd(key, value);
    return value;
  }

  peek(key: K): V | undefined {
    return this.get(key);
  }

  has(key: K): boolean {
    return this.entries.has(key);
  }

  set(key: K, value: V): void {
    this.moveToEnd(key, value);
    this.dropExcess();
  }

  delete(key: K): boolean {
    return this.entries.delete(key);
  }

  resize(capacity: number): void {
    this.capacity = checkCapacity(capacity);
    this.dropExcess();
  }

  /** Keys from the most to the least recently used. */
  keys(): K[] {
    return [...this.entries.keys()].reverse();
  }

  private moveToEnd(key: K, value: V): void {
    this.entries.delete(key);
    this.entries.set(key, value);
  }

  private dropExcess(): void {
    for (const oldest of this.entries.keys()) {
      if (this.entries.size <= this.capacity) break;
      this.entries.delete(oldest);
    }
  }
}
