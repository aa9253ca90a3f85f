/**
 * What more processes give, predicted: the speed of N beside one with the same batch each (so the batch grows with N), as a table.
 * Usage: predict.mjs NAME:MS:MEGABYTES ... (an update of one process, and its gradients)
 */
import { stepTime } from "./step-time.mjs";

const shapes = process.argv.slice(2).map((word) => {
  const [name, ms, megabytes] = word.split(":");
  return { name, ms: Number(ms), megabytes: Number(megabytes) };
});
const links = [
  { name: "100 Gbit/s, 5 µs", bitsPerSecond: 1e11, latencyMs: 0.005 },
  { name: "10 Gbit/s, 50 µs", bitsPerSecond: 1e10, latencyMs: 0.05 },
  { name: "1 Gbit/s, 200 µs", bitsPerSecond: 1e9, latencyMs: 0.2 },
  { name: "20 Mbit/s, 25 ms", bitsPerSecond: 2e7, latencyMs: 25 },
];
const counts = [2, 4, 16, 64, 256, 1024];
console.log(`| model | link | gradients | ${counts.join(" | ")} |`);
console.log(`| --- | --- | --- | ${counts.map(() => "---").join(" | ")} |`);
for (const { name, ms, megabytes } of shapes) {
  // About a third is done when the last layer's gradients are complete, and the first layer's come at the end.
  const parts = [
    { ms: ms * 0.6, bytes: 0 },
    { ms: ms * 0.2, bytes: megabytes * 6e5 },
    { ms: ms * 0.2, bytes: megabytes * 4e5 },
  ];
  const training = { parts, optimizerMs: 0 };
  const alone = stepTime(training, links[0], { processes: 1 });
  for (const link of links) {
    const slow = link.bitsPerSecond < 1e8;
    for (const how of slow ? [{}, { bytesShare: 1 / 4, syncEvery: 50 }] : [{}]) {
      const each = counts.map((processes) => {
        const time = stepTime(training, { processorMsPerMegabyte: 1, ...link }, { processes, ...how });
        return (alone / time).toFixed(2);
      });
      console.log(`| ${name} | ${link.name} | ${how.syncEvery ? "int8, every 50" : "f32"} | ${each.join(" | ")} |`);
    }
  }
}
