/**
 * Which of many settings of a peer are worth the rounds: each is tried for a few steps, in a process of its own. What a
 * trial says chooses and is then forgotten, so its luck is in no figure. Knows nothing about what a setting is.
 */
import type { Peer, Say, Tried } from "./peer.ts";

/** Steps of a trial that count: so many, or fewer where they have taken so long. */
const [maxSteps, enoughMs] = [10, 400];
/** One whose best step takes so many times as long as the best of all is tried no more. */
const hopeless = 2;

/**
 * All are tried in order, and again the other way round but for those without hope, so that a moment in which the machine
 * was busy finds each at another place. Settings that turn out to be the same, by the names of their peers, are one.
 * @param say told of each trial as it starts
 * @returns those that may be the fastest, and what all did
 * @throws Error with the first failure, where none does a step
 */
export async function tryEach<Setting extends { readonly name: string }>(
  settings: readonly Setting[],
  start: (setting: Setting) => Promise<Peer>,
  say: Say = () => {},
): Promise<{ fastest: Setting[]; tried: Tried[] }> {
  const trials = new Map<string, { setting: Setting; times: number[] }>();
  const failures: { setting: string; failure: string }[] = [];
  for (const [k, setting] of settings.entries()) {
    say(`setting ${k + 1} of ${settings.length}: ${setting.name}`);
    try {
      const peer = await start(setting);
      if (trials.has(peer.setting)) peer.end();
      else trials.set(peer.setting, { setting, times: await trial(peer) });
    } catch (error) {
      failures.push({ setting: setting.name, failure: error instanceof Error ? error.message : String(error) });
    }
  }
  if (trials.size === 0) throw new Error(failures[0]?.failure ?? "there is nothing to try");
  const best = Math.min(...[...trials.values()].flatMap(({ times }) => times));
  for (const { setting, times } of [...trials.values()].reverse()) {
    if (Math.min(...times) > hopeless * best) continue;
    say(`again, as it may be the fastest: ${setting.name}`);
    // One that fails now has been measured before, and may take its chance in the rounds.
    times.push(
      ...(await start(setting)
        .then(trial)
        .catch(() => [])),
    );
  }
  const all = [...trials.values()];
  return {
    fastest: fastest(all.map(({ times }) => times)).map((k) => (all[k] as (typeof all)[number]).setting),
    tried: [...[...trials].map(([setting, { times }]) => ({ setting, msPerStep: Math.min(...times) })), ...failures],
  };
}

/** Milliseconds of its steps, after one that does not count; then it ends. */
async function trial(peer: Peer): Promise<number[]> {
  try {
    await peer.step();
    const times: number[] = [];
    let spent = 0;
    while (times.length < maxSteps && spent < enoughMs) {
      const ms = await peer.step();
      times.push(ms);
      spent += ms;
    }
    return times;
  } finally {
    peer.end();
  }
}

/**
 * Two to four: the two whose best step is the fastest, which a busy moment does not hide, and the two whose median is,
 * which a lucky step does not make.
 * @returns places in the list, by their best steps
 */
export function fastest(times: readonly (readonly number[])[]): number[] {
  const places = times.map((_, k) => k);
  const by = (least: (times: readonly number[]) => number): number[] =>
    [...places].sort((a, b) => least(times[a] as number[]) - least(times[b] as number[]));
  const byBest = by((list) => Math.min(...list));
  const byMedian = by((list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)] as number);
  const chosen = new Set([...byBest.slice(0, 2), ...byMedian.slice(0, 2)]);
  return byBest.filter((k) => chosen.has(k));
}
