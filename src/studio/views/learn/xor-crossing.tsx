/** The four corners of XOR, with the lines between those of one kind: they cross. */
import { texts } from "../../texts/texts.ts";

const own = texts.learn.perceptron.xor;

export function XorCrossing() {
  return (
    <figure class="xor-crossing">
      <svg class="drawn" viewBox="0 0 200 200" role="img" aria-label={own.label}>
        <rect class="square" x="45" y="45" width="110" height="110" />
        <path class="ones" d="M45 45 155 155" />
        <path class="zeros" d="M45 155 155 45" />
        <circle class="middle" cx="100" cy="100" r="9" />
        <circle class="one" cx="45" cy="45" r="10" />
        <circle class="one" cx="155" cy="155" r="10" />
        <rect class="zero" x="36" y="146" width="18" height="18" />
        <rect class="zero" x="146" y="36" width="18" height="18" />
        <text x="45" y="26" text-anchor="middle">
          (0, 1)
        </text>
        <text x="155" y="26" text-anchor="middle">
          (1, 1)
        </text>
        <text x="45" y="186" text-anchor="middle">
          (0, 0)
        </text>
        <text x="155" y="186" text-anchor="middle">
          (1, 0)
        </text>
      </svg>
      <figcaption class="small soft">{own.caption}</figcaption>
    </figure>
  );
}
