/** Thousandths of a token in a token: with whole tokens per second, a millisecond adds a whole number of them. */
const SCALE = 1000;

interface Bucket {
  level: number; // thousandths of a token, at `seenMs`
  seenMs: number;
}

function checkCount(name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) throw new RangeError(`${name} must be a whole number of at least 1, not ${value}`);
  return value;
}

/** One token bucket per client; the time is passed in by the caller. */
export class RateLimiter {
  private readonly buckets = new Map<string, Bucket>();
  private readonly full: number;
  private readonly refillPerMs: number;

  constructor(capacity: number, refillPerSecond: number) {
    this.full = checkCount("capacity", capacity) * SCALE;
    // Tokens per second are thousandths of a token per millisecond.
    this.refillPerMs = checkCount("refillPerSecond", refillPerSecond);
  }

  get size(): number {
    return this.buckets.size;
  }

  /** Takes `cost` tokens if they are there; takes nothing otherwise. */
  tryTake(client: string, nowMs: number, cost = 1): boolean {
    const needed = checkCount("cost", cost) * SCALE;
    const bucket = this.bucketAt(client, nowMs);
    const granted = bucket.level >= needed;
    if (granted) bucket.level -= needed;
    this.buckets.set(client, bucket);
    return granted;
  }

  /** Milliseconds until tryTake would succeed. */
  waitMs(client: string, nowMs: number, cost = 1): number {
    const needed = checkCount("cost", cost) * SCALE;
    if (needed > this.full) return Infinity;
    const missing = needed - this.bucketAt(client, nowMs).level;
    return Math.max(0, Math.ceil(missing / this.refillPerMs));
  }

  /** Forgets the clients whose buckets are full, and returns how many there were. */
  prune(nowMs: number): number {
    const idle = [...this.buckets.keys()].filter((client) => this.bucketAt(client, nowMs).level === this.full);
    idle.forEach((client) => this.buckets.delete(client));
    return idle.length;
  }

  /** The client's bucket as it would be at `nowMs`; nothing is stored. */
  private bucketAt(client: string, nowMs: number): Bucket {
    const bucket = this.buckets.get(client) ?? { level: this.full, seenMs: nowMs };
    const seenMs = Math.max(bucket.seenMs, nowMs);
    const gathered = (seenMs - bucket.seenMs) * this.refillPerMs;
    return { level: bucket.level + gathered, seenMs };
  }
}
