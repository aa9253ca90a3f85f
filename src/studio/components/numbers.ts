/** Format numbers for readers: with a true minus sign, and no minus before zero. */

/** 0.25, −1.00; `digits` after the point. */
export function written(value: number, digits = 2): string {
  const text = value.toFixed(digits);
  return /^-0(\.0*)?$/.test(text) ? text.slice(1) : text.replace("-", "−");
}

/** The same for TeX: a negative number after a sign is in parentheses. */
export function texNumber(value: number, digits = 2): string {
  const text = written(value, digits).replace("−", "-");
  return text.startsWith("-") ? `(${text})` : text;
}

/** 10⁻³ */
export const powerOfTen = (exponent: number): string =>
  `10${[...String(exponent)].map((sign) => (sign === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(sign)])).join("")}`;

/** 2.6 · 10⁻³ */
export function scientific(value: number): string {
  const [digits, exponent] = value.toExponential(1).split("e") as [string, string];
  return `${digits} · ${powerOfTen(Number(exponent))}`;
}

/** 0.12, or −1.2 · 10⁻⁵ where it is smaller than a thousandth. */
export function significant(value: number, digits = 2): string {
  const size = Math.abs(value);
  const text = size > 0 && size < 0.001 ? scientific(size) : String(Number(size.toPrecision(digits)));
  return value < 0 ? `−${text}` : text;
}

/** ₁₂ */
export const subscript = (n: number): string => [...String(n)].map((digit) => "₀₁₂₃₄₅₆₇₈₉"[Number(digit)]).join("");
