// Which key may sign a log's trees of which size: the one that the auditor knows, then those that rotations put in its
// place, each endorsed by the key before it (docs/log-format.md, "Another key for the log").

import { utf8 } from "./bytes.mjs";
import { objectOf, stringOf } from "./members.mjs";
import { NoteError, isSignedBy, readVerifierKey, signatureOfBase64, verifyCheckpoint } from "./notes.mjs";
import { isValidRecovery, readRecovery, readRecoveryDocument } from "./recovery.mjs";

const ROTATION_FIRST_LINE = "nrx-ledger/log-key-rotation/v1";
const RECOVERY_FIRST_LINE = "nrx-ledger/log-key-recovery/v1";

/** Reads the data of a rotation or a recovery strictly; null when anything is off. Verifies no signature. */
async function readRotation(value) {
  const data = objectOf(value);
  const lastSize = data?.get("last_size");
  if (typeof lastSize !== "number" || lastSize <= 0) return null;
  const oldKey = await readVerifierKey(stringOf(data.get("old_verifier_key")) ?? "");
  const newKey = await readVerifierKey(stringOf(data.get("new_verifier_key")) ?? "");
  const newSignature = signatureOfBase64(data.get("new_signature"));
  if ([oldKey, newKey, newSignature].includes(null)) return null;
  const named = await readRecovery(data, newKey).catch(() => undefined);
  if (named === undefined) return null;
  const isRecovery = data.has("endorser_key");
  const endorser = isRecovery ? await readVerifierKey(stringOf(data.get("endorser_key")) ?? "") : null;
  const endorsement = signatureOfBase64(data.get(isRecovery ? "endorser_signature" : "old_signature"));
  const isWhole = data.size === (isRecovery ? 6 : 5) + (named === null ? 0 : 2);
  if (endorsement === null || (isRecovery && endorser === null) || !isWhole) return null;
  return { oldKey, newKey, newSignature, endorser, endorsement, named, lastSize: BigInt(lastSize) };
}

/** Whether every signature holds; whether a recovery key was the right one, only the log's history can say. */
async function isValidRotation({ oldKey, newKey, newSignature, endorser, endorsement, named, lastSize }) {
  const first = endorser === null ? ROTATION_FIRST_LINE : RECOVERY_FIRST_LINE;
  const last = endorser === null ? "" : `${endorser.text}\n`;
  const message = utf8(`${first}\n${oldKey.name}\n${oldKey.text}\n${newKey.text}\n${lastSize}\n${last}`);
  return (
    oldKey.name === newKey.name &&
    oldKey.text !== newKey.text &&
    (await isSignedBy(endorser ?? oldKey, endorsement, message)) &&
    (await isSignedBy(newKey, newSignature, message)) &&
    (named === null || (await isValidRecovery(named)))
  );
}

/** A log's keys, oldest first; each but the last may sign trees up to its `lastSize`. */
export class LogKeys {
  constructor(first, recovery) {
    this.periods = [{ key: first, lastSize: null, recovery }];
  }

  /**
   * The keys that follow from `first` by `rotations`, those before it left out; throws NoteError.
   *
   * `recovery` is what the log's first key says of its recovery key, each later key's stands in its rotation. Both are
   * as a file has them: JSON.
   */
  static async following(first, rotations, recovery) {
    const read = await Promise.all(rotations.map(readRotation));
    if (read.includes(null)) throw new NoteError("a rotation of the log's key cannot be read");
    const statements = [await readRecoveryDocument(recovery), ...read.map(({ named }) => named)];
    const own = statements.find((statement) => statement?.logKey.text === first.text) ?? null;
    if (own !== null && !(await isValidRecovery(own))) throw wrongSignature(first);
    const keys = new LogKeys(first, own);
    const start = read.findIndex(({ oldKey }) => oldKey.text === first.text);
    for (const rotation of start < 0 ? [] : read.slice(start)) await keys.apply(rotation);
    return keys;
  }

  async apply(rotation) {
    const current = this.periods.at(-1);
    if (rotation.oldKey.text !== current.key.text) {
      const [begins, is] = [rotation.oldKey.text, current.key.text];
      throw new NoteError(`the rotation begins with the key ${begins}, but the log's key is ${is}`);
    }
    if (this.periods.some(({ key }) => key.text === rotation.newKey.text)) {
      throw new NoteError("the rotation returns to an earlier key");
    }
    if (rotation.lastSize <= (this.periods.at(-2)?.lastSize ?? 0n)) {
      throw new NoteError("the rotation goes back before an earlier one");
    }
    if (rotation.endorser !== null) checkEndorser(rotation.endorser, current);
    if (!(await isValidRotation(rotation))) throw wrongSignature(rotation.oldKey);
    current.lastSize = rotation.lastSize;
    this.periods.push({ key: rotation.newKey, lastSize: null, recovery: rotation.named });
  }

  /** Throws NoteError unless the one key that may sign at the checkpoint's size did sign it. */
  async verify(checkpoint) {
    const { key } = this.periods.find(({ lastSize }) => lastSize === null || checkpoint.size <= lastSize);
    if (checkpoint.origin !== key.name) {
      throw new NoteError(`it is of the origin ${checkpoint.origin}, not of ${key.name}`);
    }
    try {
      await verifyCheckpoint(checkpoint, key);
    } catch (error) {
      await this.nameRetiredKey(checkpoint);
      throw error;
    }
  }

  async nameRetiredKey(checkpoint) {
    for (const { key, lastSize } of this.periods) {
      if (lastSize === null || lastSize >= checkpoint.size) continue;
      const isSigned = await verifyCheckpoint(checkpoint, key).then(
        () => true,
        () => false,
      );
      if (isSigned) {
        throw new NoteError(`it is signed by the key ${key.text}, which the log gave up after ${lastSize} events`);
      }
    }
  }
}

/** Throws NoteError unless the recovery key `endorser` is the one that the log's key in `period` named. */
function checkEndorser(endorser, { key, recovery }) {
  const start = `${endorser.text} endorses a new key, but the log's key`;
  if (recovery === null) throw new NoteError(`${start} ${key.text} named no recovery key`);
  if (recovery.recoveryKey.text !== endorser.text) {
    throw new NoteError(`${start} named the recovery key ${recovery.recoveryKey.text}`);
  }
}

function wrongSignature(key) {
  return new NoteError(`the signature by ${key.name} is wrong`);
}
