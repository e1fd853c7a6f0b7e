// The statement by which a log's key names the log's recovery key: one that is kept offline, and that alone may put
// another key in its place should it be lost (docs/log-format.md, "Another key for the log").

import { haveSameBytes, utf8 } from "./bytes.mjs";
import { objectOf, stringOf } from "./members.mjs";
import { NoteError, isSignedBy, readVerifierKey, signatureOfBase64 } from "./notes.mjs";

const RECOVERY_KEY_FIRST_LINE = "nrx-ledger/log-recovery-key/v1";

/** Reads the two members of an event's data; null where both are absent. Throws NoteError. Verifies no signature. */
export async function readRecovery(data, logKey) {
  if (!data.has("recovery_key") && !data.has("recovery_signature")) return null;
  const recoveryKey = await readVerifierKey(stringOf(data.get("recovery_key")) ?? "");
  const signature = signatureOfBase64(data.get("recovery_signature"));
  if (recoveryKey === null || signature === null) {
    throw new NoteError("the recovery key or its signature cannot be read");
  }
  return { logKey, recoveryKey, signature };
}

/** Reads the statement by itself, as a proof's file carries it; null where there is none. Throws NoteError. */
export async function readRecoveryDocument(value) {
  if (value === undefined) return null;
  const data = objectOf(value);
  const logKey = await readVerifierKey(stringOf(data?.get("verifier_key")) ?? "");
  const recovery = logKey === null ? null : await readRecovery(data, logKey);
  if (recovery === null) throw new NoteError("the log's recovery key cannot be read");
  return recovery;
}

/** Whether the log's key named another key than itself, and its signature holds. */
export async function isValidRecovery({ logKey, recoveryKey, signature }) {
  if (haveSameBytes(recoveryKey.publicKey, logKey.publicKey)) return false;
  const message = `${RECOVERY_KEY_FIRST_LINE}\n${logKey.name}\n${logKey.text}\n${recoveryKey.text}\n`;
  return isSignedBy(logKey, signature, utf8(message));
}
