export interface Job {
  name: string;
  ms: number;
  error?: string;
}

export interface Outcome {
  name: string;
  status: "done" | "failed" | "skipped";
  reason?: string;
}

export interface Report {
  outcomes: Outcome[];
  started: string[];
  finished: string[];
  peak: number;
}

function checkLimit(limit: number): void {
  if (!Number.isInteger(limit) || limit < 1) {
    throw new RangeError(`limit must be a whole number of at least 1, not ${limit}`);
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Calls the worker for all items in order, with at most `limit` calls under way; results in the order of the items. */
async function mapLimit<T, R>(items: readonly T[], limit: number, worker: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  // Each lane takes the next item when its last one has ended.
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      results[index] = await worker(items[index]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane));
  return results;
}

/** Runs the jobs with at most `limit` under way and reports what became of each. */
export async function runJobs(jobs: Job[], limit: number, stopOnError = false): Promise<Report> {
  checkLimit(limit);
  const started: string[] = [];
  const finished: string[] = [];
  let running = 0;
  let peak = 0;
  let stopped = false;

  const run = async (job: Job): Promise<Outcome> => {
    if (stopped) return { name: job.name, status: "skipped" };
    started.push(job.name);
    peak = Math.max(peak, ++running);
    await sleep(job.ms);
    running--;
    finished.push(job.name);
    if (!job.error) return { name: job.name, status: "done" };
    if (stopOnError) stopped = true;
    return { name: job.name, status: "failed", reason: job.error };
  };

  const outcomes = await mapLimit(jobs, limit, run);
  return { outcomes, started, finished, peak };
}
