// An authenticator, as people have one on their telephone (RFC 6238, RFC 4226).
import { createHmac } from "node:crypto";

const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

function bytes(secret) {
  const bits = [...secret].map((c) => letters.indexOf(c).toString(2).padStart(5, "0")).join("");
  return Buffer.from(bits.match(/.{8}/g).map((b) => parseInt(b, 2)));
}

function hotp(key, counter) {
  const message = Buffer.alloc(8);
  message.writeBigUInt64BE(BigInt(counter));
  const mac = createHmac("sha1", key).update(message).digest();
  const at = mac[19] & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

export class Authenticator {
  #key;
  #last = 0;

  constructor(secret) {
    this.#key = bytes(secret.replaceAll(" ", ""));
  }

  /** code is one that has not been used. A server takes the one before and the one after now's, too, so
   * that three can be had at once before there is anything to wait for. */
  async code() {
    for (;;) {
      const now = Date.now() / 30_000;
      const oldest = Math.floor(now) - (now % 1 < 0.8 ? 1 : 0); // which may be too old when it arrives
      const next = Math.max(oldest, this.#last + 1);
      if (next <= Math.floor(now) + 1) return hotp(this.#key, (this.#last = next));
      await new Promise((go) => setTimeout(go, 200));
    }
  }

  /** wrong is a number none of the next minutes has. */
  wrong() {
    const now = Math.floor(Date.now() / 30_000);
    const right = new Set([-3, -2, -1, 0, 1, 2, 3, 4].map((d) => hotp(this.#key, now + d)));
    return ["000000", "111111", "222222", "333333", "444444", "555555", "666666", "777777", "888888"].find((c) => !right.has(c));
  }
}
