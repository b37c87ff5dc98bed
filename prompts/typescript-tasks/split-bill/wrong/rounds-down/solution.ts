function checkCents(cents: number): void {
  if (!Number.isSafeInteger(cents)) throw new RangeError(`not a whole number of cents: ${cents}`);
}

function checkWeights(weights: number[]): void {
  for (const weight of weights) {
    if (!Number.isSafeInteger(weight) || weight < 0) throw new RangeError(`not a weight: ${weight}`);
  }
  if (!weights.some((weight) => weight > 0)) throw new RangeError("no weight is above 0");
}

/** Indexes of the parts by falling remainder; equal ones keep their order, because sort is stable. */
function byRemainder(remainders: bigint[]): number[] {
  const compare = (a: number, b: number) => (remainders[a] > remainders[b] ? -1 : remainders[a] < remainders[b] ? 1 : 0);
  return remainders.map((_, index) => index).sort(compare);
}

/** Splits a total in proportion to the weights; the parts add up to it exactly (largest remainder method). */
export function allocate(totalCents: number, weights: number[]): number[] {
  checkCents(totalCents);
  checkWeights(weights);
  // Total times weight can pass 2^53, so the shares are computed as bigints.
  const total = BigInt(totalCents);
  const products = weights.map((weight) => total * BigInt(weight));
  const sum = weights.reduce((soFar, weight) => soFar + BigInt(weight), 0n);
  const mod = (product: bigint) => ((product % sum) + sum) % sum;
  const parts = products.map((product) => (product - mod(product)) / sum);
  const left = Number(total - parts.reduce((soFar, part) => soFar + part, 0n));
  for (const index of byRemainder(products.map(mod)).slice(0, left)) parts[index] += 1n;
  return parts.map((part) => Number(part));
}

/** "12,345.67" for 1234567. */
export function formatCents(cents: number): string {
  checkCents(cents);
  const digits = String(Math.abs(cents)).padStart(3, "0");
  const euros = digits.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, ",");
  return `${cents < 0 ? "-" : ""}${euros}.${digits.slice(-2)}`;
}
