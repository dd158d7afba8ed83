// Random numbers from a seed: the same decisions again.
export class Random {
  constructor(seed) {
    this.state = seed >>> 0 || 1;
    for (let i = 0; i < 8; i += 1) this.next();
  }

  // 0 <= x < 1 (mulberry32).
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  below(count) {
    return Math.floor(this.next() * count);
  }
  pick(list) {
    return list[this.below(list.length)];
  }
  chance(probability) {
    return this.next() < probability;
  }
  // Mostly short, sometimes up to `most`.
  delay(most) {
    return Math.floor(this.next() ** 2 * most);
  }
}
