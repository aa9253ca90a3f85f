/** Names that a model in C cannot have: words of the language, and what `math.h`, compilers and the file itself declare. */
import { c } from "./dialects.ts";

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Of C99, C11 and C23, and GNU's, which compilers know by default. */
const keywords = words(`
  auto break case char const continue default do double else enum extern float for goto if inline int long register restrict return
  short signed sizeof static struct switch typedef union unsigned void volatile while
  alignas alignof bool constexpr false nullptr static_assert thread_local true typeof typeof_unqual asm
`);
/** What `math.h` declares: each for double, float (f) and long double (l). */
const mathFunctions = words(`
  acos acosh asin asinh atan atan2 atanh cbrt ceil copysign cos cosh drem erf erfc exp exp10 exp2 expm1 fabs fdim finite floor fma fmax
  fmin fmod frexp gamma hypot ilogb isinf isnan j0 j1 jn ldexp lgamma llrint llround log log10 log1p log2 logb lrint lround modf nan
  nearbyint nextafter nexttoward pow pow10 remainder remquo rint round scalb scalbln scalbn significand sin sincos sinh sqrt tan tanh
  tgamma trunc y0 y1 yn
`).flatMap((name) => [name, `${name}f`, `${name}l`]);
const others = words(`
  double_t float_t fpclassify isfinite isgreater isgreaterequal isless islessequal islessgreater isnormal isunordered lgamma_r lgammaf_r
  lgammal_r math_errhandling signbit signgam INFINITY NAN MAXFLOAT linux unix main
`);
const taken = new Set([...keywords, ...mathFunctions, ...others, ...Object.keys(c.functions), "weights"]);

/** Whether a model in C cannot be called so. Names of constants and of the compiler's own are taken by how they begin. */
export const isTakenInC = (name: string): boolean =>
  taken.has(name) || /^(?:start\d+|_[A-Z_]\w*|(?:FP|M|MATH|HUGE)_[A-Z\d]\w*)$/.test(name);
