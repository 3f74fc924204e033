// A seeded generator (mulberry32), so that a seed names one document for ever.
export function randomOf(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const int = (n) => Math.floor(next() * n);
  return {
    int,
    chance: (p) => next() < p,
    pick: (list) => list[int(list.length)],
    // A client id that no other i has: small, or one of as many bits.
    client: (bits, i) => (int(2) ? int(60) * 16 + i + 1 : (int(2 ** (bits - 5)) + 2 ** (bits - 5)) * 16 + i),
  };
}

const words = ['a', 'b', 'hello ', 'wörld', '\n', '漢字', '😀', '👩‍👩‍👧', 'x😀y', '\u0000', '"\\', ' '];

export function randomWord(random) {
  let word = random.pick(words);
  while (random.chance(0.3)) {
    word += random.pick(words);
  }
  return word;
}

export function randomValue(random, deep = 2) {
  switch (random.int(deep > 0 ? 14 : 11)) {
    case 0:
      return null;
    case 1:
      return random.chance(0.5);
    case 2:
      return random.int(2 ** 31) - 2 ** 30;
    case 3:
      return (random.int(1e9) + 1) / 7;
    case 4:
      return 0.5 * random.int(100);
    case 5:
      return -0;
    case 6:
      return 2 ** (30 + random.int(23));
    case 7:
      return '';
    case 11:
      return Array.from({ length: random.int(4) }, () => randomValue(random, deep - 1));
    case 12:
      return {
        [randomWord(random)]: randomValue(random, deep - 1),
        7: 1,
        b: randomValue(random, deep - 1),
        3: 2,
      };
    case 13:
      return {};
    default:
      return randomWord(random);
  }
}
