// C2SP signed-note, tlog-checkpoint and tlog-proof, read strictly: how a log shows that it holds an event.

import { bytesOfBase64, haveSameBytes, hexOfBytes, joinedBytes, utf8 } from "./bytes.mjs";
import { hasSignature } from "./ed25519.mjs";
import { leadsToRoot, leafHash, sha256 } from "./hashing.mjs";

const NOTE_BYTES_MAX = 1 << 20;
const PROOF_FIRST_LINE = "c2sp.org/tlog-proof@v1";
const ED25519_NOTE = 1;

/** Why a note is not accepted. */
export class NoteError extends Error {}

function malformed(what) {
  throw new NoteError(what);
}

/** A whole number up to 2^64 − 1, without sign or leading zeros; null for anything else. */
function wholeNumber(text) {
  if (!/^(0|[1-9][0-9]{0,19})$/.test(text)) return null;
  const number = BigInt(text);
  return number < 2n ** 64n ? number : null;
}

function isKeyName(name) {
  return /^[^\u0000-\u0020\u007f+\p{White_Space}]+$/u.test(name) && utf8(name).length <= 255;
}

/** Reads `name+hex(key id)+base64(0x01 ‖ public key)`; null when anything in it is off, the key id included. */
export async function readVerifierKey(text) {
  const [name, keyID, ...rest] = text.split("+");
  // Base64 may hold a + itself, a name holds none.
  const encoded = bytesOfBase64(rest.join("+"));
  if (rest.length === 0 || encoded?.length !== 33 || encoded[0] !== ED25519_NOTE || !isKeyName(name)) return null;
  const id = (await sha256(joinedBytes(utf8(name), [0x0a], encoded))).subarray(0, 4);
  if (hexOfBytes(id) !== keyID) return null;
  return { text, name, keyID: id, publicKey: encoded.subarray(1) };
}

/** Whether `signature` over `message` was made by the log's key `key`. */
export async function isSignedBy(key, signature, message) {
  if (signature.length !== 64) return false;
  return hasSignature(signature, message, key.publicKey).catch(() => false);
}

/** Reads a checkpoint; verifies no signature. */
export function readCheckpoint(text) {
  if (utf8(text).length > NOTE_BYTES_MAX) malformed("the note is larger than 1 MiB");
  if (/[\u0000-\u0009\u000b-\u001f\u007f]/.test(text)) malformed("the note holds a control character");
  const split = text.lastIndexOf("\n\n");
  if (split < 0) malformed("a blank line between text and signatures is missing");
  const lines = text.slice(0, split).split("\n");
  if (lines.length < 3) malformed("origin, size and root are not all there");
  const [origin, sizeText, rootText, ...extensions] = lines;
  const size = wholeNumber(sizeText) ?? malformed("the size is not a number");
  const root = bytesOfBase64(rootText);
  if (root?.length !== 32) malformed("the root is not 32 bytes of base64");
  if (origin === "") malformed("the origin is empty");
  if (extensions.includes("")) malformed("an extension line is empty");
  const signatures = readSignatures(text.slice(split + 2));
  return { origin, size, root, signatures, body: `${lines.join("\n")}\n` };
}

function readSignatures(text) {
  if (!text.endsWith("\n")) malformed("the note does not end in a newline");
  return text
    .slice(0, -1)
    .split("\n")
    .map((line) => {
      const [dash, name, encoded, ...rest] = line.split(" ");
      const bytes = bytesOfBase64(encoded ?? "-");
      const isLine = dash === "\u2014" && rest.length === 0 && isKeyName(name ?? "") && (bytes?.length ?? 0) > 4;
      if (!isLine) malformed("a signature line is not `— name base64`");
      return { name, keyID: bytes.subarray(0, 4), bytes: bytes.subarray(4) };
    });
}

/** Throws NoteError unless `key` signed the checkpoint; other signatures are ignored, as C2SP asks. */
export async function verifyCheckpoint(checkpoint, key) {
  const own = checkpoint.signatures.filter(({ name, keyID }) => name === key.name && haveSameBytes(keyID, key.keyID));
  if (own.length === 0) throw new NoteError(`there is no signature by ${key.name}`);
  const message = utf8(checkpoint.body);
  for (const { bytes } of own) {
    if (!(await isSignedBy(key, bytes, message))) throw new NoteError(`the signature by ${key.name} is wrong`);
  }
}

/** Reads a `.tlog-proof`: index, audit path, checkpoint, and in `extra` the event's own line where it is given along. */
export function readInclusionProof(text) {
  const blank = text.indexOf("\n\n");
  if (blank < 0) malformed("the proof holds no checkpoint");
  const lines = text.slice(0, blank).split("\n");
  if (lines.shift() !== PROOF_FIRST_LINE) malformed(`the first line is not ${PROOF_FIRST_LINE}`);
  let extra = null;
  if (lines[0]?.startsWith("extra ")) {
    extra = bytesOfBase64(lines.shift().slice(6)) ?? malformed("the extra line is not base64");
  }
  const second = lines.shift() ?? "";
  const index = second.startsWith("index ") ? wholeNumber(second.slice(6)) : null;
  if (index === null) malformed("the line `index N` is missing");
  if (lines.length > 64) malformed("there are more hashes than a tree can have");
  const path = lines.map((line) => {
    const hash = bytesOfBase64(line);
    return hash?.length === 32 ? hash : malformed("a hash is not 32 bytes of base64");
  });
  return { index, path, extra, checkpoint: readCheckpoint(text.slice(blank + 2)) };
}

/** Throws NoteError unless the event with this line is in the log whose keys are `keys`. */
export async function verifyInclusion(proof, line, keys) {
  await keys.verify(proof.checkpoint);
  const { size, root } = proof.checkpoint;
  const leaf = await leafHash(await sha256(line));
  if (!(await leadsToRoot(leaf, proof.index, size, root, proof.path))) {
    malformed("the audit path does not lead from this event to the checkpoint's root");
  }
}

/** The 64 bytes of a signature in canonical base64, or null. */
export function signatureOfBase64(text) {
  const bytes = typeof text === "string" ? bytesOfBase64(text) : null;
  return bytes?.length === 64 ? bytes : null;
}

