/** The numbers of the quotient that is tanh on every engine but the reference. */

// tanh(x) = 2 t / (1 + t^2) with t = tanh(x / 2) = x P(x^2) / (2 Q(x^2)): one division for both, and the errors of P
// and Q count 1 / cosh(x) times, so low degrees do. Constant terms 1 make it exact near 0.
/** Here the formula gives exactly 1, fused or not. */
export const TANH_CLAMP = 9.1875;
export const TANH_P = [1, 0.029764940082880945, 1.14060087983756e-4];
export const TANH_Q = [1, 0.11309823671055846, 1.2056181447923327e-3, 1.2248609289840884e-6];
