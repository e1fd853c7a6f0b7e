// Which key may sign a log's trees of which size: the one that the auditor knows, then those that rotations put in its
// place, each endorsed by the key before it (docs/log-format.md, "Another key for the log").

import { utf8 } from "./bytes.mjs";
import { objectOf, stringOf } from "./members.mjs";
import { NoteError, isSignedBy, readVerifierKey, signatureOfBase64, verifyCheckpoint } from "./notes.mjs";

const ROTATION_FIRST_LINE = "nrx-ledger/log-key-rotation/v1";

/** Reads the data of an event log.key_rotated strictly; null when anything is off. Verifies no signature. */
export async function readRotation(value) {
  const data = objectOf(value);
  const lastSize = data?.get("last_size");
  if (data?.size !== 5 || typeof lastSize !== "number" || lastSize <= 0) return null;
  const oldKey = await readVerifierKey(stringOf(data.get("old_verifier_key")) ?? "");
  const newKey = await readVerifierKey(stringOf(data.get("new_verifier_key")) ?? "");
  const oldSignature = signatureOfBase64(data.get("old_signature"));
  const newSignature = signatureOfBase64(data.get("new_signature"));
  if ([oldKey, newKey, oldSignature, newSignature].includes(null)) return null;
  return { oldKey, newKey, oldSignature, newSignature, lastSize: BigInt(lastSize) };
}

async function isValidRotation({ oldKey, newKey, oldSignature, newSignature, lastSize }) {
  const message = utf8(`${ROTATION_FIRST_LINE}\n${oldKey.name}\n${oldKey.text}\n${newKey.text}\n${lastSize}\n`);
  return (
    oldKey.name === newKey.name &&
    oldKey.text !== newKey.text &&
    (await isSignedBy(oldKey, oldSignature, message)) &&
    (await isSignedBy(newKey, newSignature, message))
  );
}

/** A log's keys, oldest first; each but the last may sign trees up to its `lastSize`. */
export class LogKeys {
  constructor(first) {
    this.periods = [{ key: first, lastSize: null }];
  }

  /** The keys that follow from `first` by `rotations`, those before it left out; throws NoteError. */
  static async following(first, rotations) {
    if (rotations.includes(null)) throw new NoteError("a rotation of the log's key cannot be read");
    const keys = new LogKeys(first);
    const start = rotations.findIndex(({ oldKey }) => oldKey.text === first.text);
    for (const rotation of start < 0 ? [] : rotations.slice(start)) await keys.apply(rotation);
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
    if (!(await isValidRotation(rotation))) throw new NoteError(`the signature by ${rotation.oldKey.name} is wrong`);
    current.lastSize = rotation.lastSize;
    this.periods.push({ key: rotation.newKey, lastSize: null });
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
