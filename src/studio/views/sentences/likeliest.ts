/** The likeliest labels, as bars show them. */
import type { TokenBarsProps } from "../../components/token-bars.tsx";

const most = 8;

export function likeliest(probabilities: Readonly<Record<string, number>>, label: string): TokenBarsProps {
  const all = Object.entries(probabilities).map(([text, probability], token) => ({ text, token, probability }));
  const sorted = [...all].sort((a, b) => b.probability - a.probability);
  return { tokens: sorted.slice(0, most), present: all.findIndex(({ text }) => text === label) };
}
