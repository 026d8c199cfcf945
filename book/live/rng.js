// Chance from a seed: the Mersenne Twister of Matsumoto and Nishimura (1998), the generator that torch uses on the CPU.
//
// A seed gives the same numbers here as in the chapters: uniform() is torch.rand(()), and normal() is torch.randn(()),
// with a generator that was given the same seed. So a figure can repeat a cell's experiment draw by draw.

const N = 624; // words of 32 bits that the generator keeps
const M = 397;

/** A generator { bits(), uniform(), normal() } with its own state. seed: a whole number from 0 to 2³² − 1. */
export function seeded(seed) {
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new RangeError(`expected a seed, a whole number from 0 to 2^32 - 1, got ${seed}`);
  }
  const words = new Uint32Array(N);
  words[0] = seed;
  for (let i = 1; i < N; i++) {
    const before = words[i - 1] ^ (words[i - 1] >>> 30);
    words[i] = Math.imul(before, 1812433253) + i; // Math.imul: the product's last 32 bits
  }
  let used = N; // all words are used up: the first call makes new ones
  let spare = null; // normal numbers come in pairs; the second waits here

  function renew() {
    for (let i = 0; i < N; i++) {
      const joined = (words[i] & 0x80000000) | (words[(i + 1) % N] & 0x7fffffff);
      const odd = joined & 1 ? 0x9908b0df : 0;
      words[i] = words[(i + M) % N] ^ (joined >>> 1) ^ odd;
    }
    used = 0;
  }

  /** 32 random bits, as a whole number from 0 to 2³² − 1. */
  function bits() {
    if (used === N) renew();
    let word = words[used++];
    word ^= word >>> 11;
    word ^= (word << 7) & 0x9d2c5680;
    word ^= (word << 15) & 0xefc60000;
    return (word ^ (word >>> 18)) >>> 0; // >>> 0: read as a number without sign
  }

  /** Uniform in [0, 1), one of 2²⁴ values: as many as a number of 32 bits can tell apart there. */
  const uniform = () => (bits() & 0xffffff) / 2 ** 24;

  /** Uniform in [0, 1), one of 2⁵³ values. */
  function fineUniform() {
    const high = bits() & 0x1fffff; // 21 bits
    return (high * 2 ** 32 + bits()) / 2 ** 53;
  }

  /** Standard normal, by the method of Box and Muller: the polar coordinates of a point of the plane's normal cloud. */
  function normal() {
    if (spare !== null) {
      const kept = spare;
      spare = null;
      return kept;
    }
    const angle = 2 * Math.PI * fineUniform();
    const radius = Math.sqrt(-2 * Math.log1p(-fineUniform())); // 1 - u is never 0, where the logarithm is infinite
    spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }

  return { bits, uniform, normal };
}
