// Ed25519 by the browser (WebCrypto), and what WebCrypto does not say: whether a key is a point of the prime-order
// group. Nothing here is secret, so the arithmetic may take its time.

import { bytesOfHex, haveSameBytes } from "./bytes.mjs";

const FIELD = 2n ** 255n - 19n;
const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const CURVE_D = 37095705934669439343138083508754565189542113879843219016388785533085940283555n;
const SQUARE_ROOT_OF_MINUS_ONE = 19681161376707505956807079304988542015446066515923890162744021073123829784752n;

// RFC 8032 §7.1, TEST 1: a signature of the empty message that every Ed25519 accepts.
const KNOWN_KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
const KNOWN_SIGNATURE =
  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";

/** What this browser lacks to check a proof, in words; null when it lacks nothing. */
export async function missingCryptography() {
  if (globalThis.crypto?.subtle === undefined) {
    return (
      "This browser gives a page cryptography only over HTTPS, from this machine itself or from a file. " +
      "Open this page over https:// or save it and open the file."
    );
  }
  const works = await hasSignature(bytesOfHex(KNOWN_SIGNATURE), new Uint8Array(), bytesOfHex(KNOWN_KEY)).catch(
    () => false,
  );
  if (works) return null;
  return (
    "This browser cannot check Ed25519 signatures, so it cannot check a proof at all. Use a newer one: Chrome or Edge " +
    "137, Firefox 129, Safari 17 or later; or nrx-replay verify."
  );
}

/** Whether `signature` is an Ed25519 signature of `message` under the raw key `publicKey`, as WebCrypto decides it. */
export async function hasSignature(signature, message, publicKey) {
  const key = await crypto.subtle.importKey("raw", publicKey, { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, key, signature, message);
}

/** Same, for a key that passed `isSoundPoint`; refuses the two forms on which implementations differ. */
export async function hasStrictSignature(signature, message, publicKey) {
  const identity = new Uint8Array(32).fill(1, 0, 1);
  const scalar = littleEndian(signature.subarray(32));
  // Under a key of the prime-order group the only R of small order that could pass is the identity.
  if (scalar >= GROUP_ORDER || haveSameBytes(signature.subarray(0, 32), identity)) return false;
  return hasSignature(signature, message, publicKey);
}

/** Whether 32 bytes are the canonical encoding of a point of the prime-order group other than the identity. */
export function isSoundPoint(encoding) {
  const bits = littleEndian(encoding);
  const y = bits & (2n ** 255n - 1n);
  if (y >= FIELD) return false;
  const x = xCoordinate(y, bits >> 255n);
  if (x === null) return false;
  const point = { x, y, z: 1n, t: modulo(x * y) };
  return !isIdentity(point) && isIdentity(timesGroupOrder(point));
}

function littleEndian(bytes) {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

function modulo(value) {
  const rest = value % FIELD;
  return rest < 0n ? rest + FIELD : rest;
}

function power(base, exponent) {
  let result = 1n;
  for (let [square, rest] = [base, exponent]; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = modulo(result * square);
    square = modulo(square * square);
  }
  return result;
}

// RFC 8032 §5.1.3: the square root of (y² − 1) / (d·y² + 1) with the sign asked for; null when there is none.
function xCoordinate(y, sign) {
  const u = modulo(y * y - 1n);
  const v = modulo(CURVE_D * y * y + 1n);
  let x = modulo(u * v ** 3n * power(modulo(u * v ** 7n), (FIELD - 5n) / 8n));
  const check = modulo(v * x * x);
  if (check === modulo(-u)) x = modulo(x * SQUARE_ROOT_OF_MINUS_ONE);
  else if (check !== u) return null;
  if (x === 0n && sign === 1n) return null;
  return (x & 1n) === sign ? x : modulo(-x);
}

// RFC 8032 §5.1.4, extended coordinates; complete, so it doubles too.
function pointSum(p, q) {
  const a = modulo((p.y - p.x) * (q.y - q.x));
  const b = modulo((p.y + p.x) * (q.y + q.x));
  const c = modulo(2n * p.t * CURVE_D * q.t);
  const d = modulo(2n * p.z * q.z);
  const [e, f, g, h] = [b - a, d - c, d + c, b + a];
  return { x: modulo(e * f), y: modulo(g * h), z: modulo(f * g), t: modulo(e * h) };
}

function isIdentity(point) {
  return point.x === 0n && point.y === point.z;
}

function timesGroupOrder(point) {
  let result = { x: 0n, y: 1n, z: 1n, t: 0n };
  for (const bit of GROUP_ORDER.toString(2)) {
    result = pointSum(result, result);
    if (bit === "1") result = pointSum(result, point);
  }
  return result;
}
