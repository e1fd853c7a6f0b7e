// The page's modules by themselves: node --test Tests/ReplayTests/VerifyPage/modules.test.mjs

import assert from "node:assert/strict";
import { createHash, webcrypto } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";

globalThis.crypto ??= webcrypto;

const modules = new URL("../../../Sources/API/Pages/verify/", import.meta.url);
const load = (name) => import(new URL(`${name}.mjs`, modules));
const fixture = (path) => readFileSync(new URL(`../../../fixtures/${path}`, import.meta.url));

const { bytesOfBase64, bytesOfHex, hexOfBytes, utf8 } = await load("bytes");
const { canonicalJSON } = await load("canonical");
const { hasSignature, hasStrictSignature, isSoundPoint, missingCryptography } = await load("ed25519");
const { leadsToRoot, zeroTreeRootHex } = await load("hashing");
const { readJSON } = await load("json");
const { isUTCSecond } = await load("members");
const { readVerifierKey } = await load("notes");
const { examine } = await load("verdict");

const read = (text) => readJSON(utf8(text));
const problemOf = (text) => {
  try {
    read(text);
    return null;
  } catch (error) {
    return `${error.problem} at ${error.offset}`;
  }
};

test("members come in the order of UTF-16 code units, as RFC 8785 §3.2.3 shows", () => {
  const input = fixture("jcs/rfc8785-3.2.3-input.json");
  const order = JSON.parse(fixture("jcs/rfc8785-3.2.3-order.json").toString("utf8"));
  assert.deepEqual([...readJSON(input).values()], order);
});

test("canonical JSON has no white space and the shortest escapes", () => {
  assert.equal(canonicalJSON(read('{ "b" : [1, -2 ,true,null], "a\\u0041":"\\u000a\\u001F\\/\\u20ac" }')), '{"aA":"\\n\\u001f/€","b":[1,-2,true,null]}');
});

test("JSON that has two readings is refused, with the place", () => {
  const refused = {
    '{"a":1,"a":2}': "duplicateMember at 0",
    '{"a":1,"\\u0061":2}': "duplicateMember at 0",
    "[1.0]": "numberOutOfRange at 1",
    "[-0]": "numberOutOfRange at 1",
    "[9007199254740992]": "numberOutOfRange at 1",
    '["\\ud800"]': "loneSurrogate at 4",
    "[1]x": "trailingBytes at 3",
    "[1,]": "unexpectedByte at 3",
    [`${"[".repeat(17)}${"]".repeat(17)}`]: "tooDeep at 16",
    [`${'{"a":'.repeat(17)}1${"}".repeat(17)}`]: "tooDeep at 80",
    "\ufeff[]": "byteOrderMark at 0",
    '["\t"]': "controlCharacter at 2",
  };
  for (const [text, problem] of Object.entries(refused)) assert.equal(problemOf(text), problem, text);
  assert.equal(problemOf("[9007199254740991,-9007199254740991,0]"), null);
});

test("base64 and hex have one spelling each", () => {
  assert.equal(hexOfBytes(bytesOfBase64("AP8=")), "00ff");
  for (const text of ["AP9=", "AP8", "AP8 ", "A===", "-P8=", "=AP8"]) assert.equal(bytesOfBase64(text), null, text);
});

test("only days that exist are days", () => {
  for (const text of ["2024-02-29T00:00:00Z", "2000-02-29T23:59:59Z"]) assert.ok(isUTCSecond(text), text);
  const others = ["2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2024-13-01T00:00:00Z", "2024-01-01T24:00:00Z", "2024-01-01T00:00:60Z", "2024-01-01T00:00:00z"];
  for (const text of others) assert.ok(!isUTCSecond(text), text);
});

test("keys of small and of mixed order are no keys, a usual one is", () => {
  const torsion = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a";
  const identity = `01${"00".repeat(31)}`;
  const notCanonical = `f0${"ff".repeat(30)}7f`;
  const usual = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
  for (const key of [torsion, identity, notCanonical, "00".repeat(32), `02${"00".repeat(31)}`]) {
    assert.ok(!isSoundPoint(bytesOfHex(key)), key);
  }
  assert.ok(isSoundPoint(bytesOfHex(usual)));
});

const GROUP_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;
const numberOf = (bytes) => bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
const bytesOf = (number) => Uint8Array.from({ length: 32 }, (_, index) => Number((number >> BigInt(8 * index)) & 255n));
// RFC 8032 §7.1, TEST 1.
const seed = bytesOfHex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
const key = bytesOfHex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
const signature = bytesOfHex(
  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
);
const empty = new Uint8Array();

test("a signature whose S is not below the group order is none, though the equation holds", async () => {
  assert.ok(await hasStrictSignature(signature, empty, key));
  const scalar = bytesOf(numberOf(signature.slice(32)) + GROUP_ORDER);
  assert.ok(!(await hasStrictSignature(Uint8Array.of(...signature.slice(0, 32), ...scalar), empty, key)));
});

test("a signature whose R is the identity is none, though the equation holds", async () => {
  const sha512 = (...parts) => createHash("sha512").update(Buffer.concat(parts)).digest();
  const secret = sha512(seed).subarray(0, 32);
  secret[0] &= 248;
  secret[31] = (secret[31] & 127) | 64;
  const identity = Uint8Array.of(1, ...new Uint8Array(31));
  const challenge = numberOf(sha512(identity, key, empty)) % GROUP_ORDER;
  const forged = Uint8Array.of(...identity, ...bytesOf((challenge * numberOf(secret)) % GROUP_ORDER));
  assert.ok(await hasSignature(forged, empty, key), "others accept it");
  assert.ok(!(await hasStrictSignature(forged, empty, key)));
});

test("the root of zero blocks is right for none, one and many, and for the largest number at once", async () => {
  assert.equal(await zeroTreeRootHex(0), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const golden = JSON.parse(fixture("vectors/cdp-1.0.json").toString("utf8")).evidence[5].document;
  assert.equal(await zeroTreeRootHex(golden.blocks), golden.expected_root);
  assert.match(await zeroTreeRootHex(Number.MAX_SAFE_INTEGER), /^[0-9a-f]{64}$/);
});

test("no path leads from a leaf that is beyond the tree", async () => {
  const leaf = new Uint8Array(32);
  assert.ok(await leadsToRoot(leaf, 0n, 1n, leaf, []));
  assert.ok(!(await leadsToRoot(leaf, 1n, 1n, leaf, [])));
  assert.ok(!(await leadsToRoot(leaf, 0n, 1n, leaf, [leaf])));
});

test("a verifier key is read only with the key id that follows from it", async () => {
  const key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
  assert.equal((await readVerifierKey(key))?.name, "PeterNeumann");
  for (const other of [key.replace("c74f", "c74e"), `${key} `, key.slice(13), "", "a+b+c"]) {
    assert.equal(await readVerifierKey(other), null, other);
  }
});

test("a browser without Ed25519, or without cryptography, is told so and gets no verdict", async () => {
  assert.equal(await missingCryptography(), null);
  const own = globalThis.crypto;
  const without = (value) => Object.defineProperty(globalThis, "crypto", { value, configurable: true, writable: true });
  try {
    without({ subtle: { ...own.subtle, importKey: () => Promise.reject(new Error("NotSupportedError")) } });
    assert.match(await missingCryptography(), /Ed25519/);
    without({});
    assert.match(await missingCryptography(), /HTTPS/);
  } finally {
    without(own);
  }
});

test("the golden proof holds, and is not called more than integrity", async () => {
  const report = await examine(fixture("vectors/cdp-1.0.json"));
  assert.equal(report.result, "verified");
  assert.equal(report.level_reached, "integrity");
});

test("every proof that must be refused is refused", async () => {
  const refused = JSON.parse(fixture("vectors/cdp-1.0-refused.json").toString("utf8"));
  assert.ok(refused.length > 20);
  for (const { text, hex, why } of refused) {
    const report = await examine(text === undefined ? bytesOfHex(hex) : utf8(text));
    assert.equal(report.result, "failed", why);
  }
});
