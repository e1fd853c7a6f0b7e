// The verdict, the steps and the checks in plain words.

import { canonicalJSON } from "./canonical.mjs";
import { objectOf } from "./members.mjs";

/** What each check is about. */
export const CHECK_WORDS = {
  structure: "Every object has exactly its members, each of the right type and form",
  evidence: "Every evidence document has the hash that the chain says",
  chain_integrity: "Every link of the chain follows, and the steps are the eight in order",
  final_hash: "The final hash is the end of the chain",
  signature: "The Ed25519 signature holds, and the key is a sound one",
  key_binding: "The evidence names this key, and the key's name follows from session and time",
  context_binding: "The evidence names the hashes of both contexts",
  consistency: "What stands twice is equal, and the numbers agree",
  clean_destruction: "The evidence says what a clean destruction says",
};

/** The eight steps: a title, and what of the document is shown, by its path. */
export const STEP_WORDS = [
  {
    title: "The environment and its processes",
    facts: [
      ["processes_before", "processes when the destruction began"],
      ["processes_after", "processes left"],
      ["layers_missing", "isolation layers that were missing"],
    ],
  },
  {
    title: "The file system",
    facts: [
      ["files", "files found"],
      ["bytes", "bytes allocated to them"],
      ["size_bytes", "limit of its size, in bytes"],
      ["open_descriptors_after", "descriptors still open"],
      ["present_after", "still visible"],
    ],
  },
  {
    title: "Overwriting the memory behind it",
    facts: [
      ["passes", "passes"],
      ["bytes_overwritten", "bytes written over all passes"],
      ["bytes_compared", "bytes read back and compared"],
      ["mismatches", "bytes that were not zero"],
      ["init_on_free", "kernel zeroes pages as it frees them"],
      ["swap_active", "host had swap on"],
    ],
  },
  {
    title: "The session's data key",
    facts: [
      ["guarded_memory", "lay in guarded memory"],
      ["locked", "locked into memory"],
      ["zeroed", "overwritten with zeros"],
      ["read_back_zero", "read back as zeros"],
    ],
  },
  {
    title: "Credentials",
    facts: [
      ["revoked.environment_secrets", "secrets of the environment revoked"],
      ["revoked.terminal_tickets", "terminal tickets revoked"],
    ],
  },
  {
    title: "Looking for what is left",
    facts: [
      ["blocks", "blocks of 4,096 bytes read back"],
      ["merkle_root", "root over the blocks as read"],
      ["expected_root", "root of as many blocks of zeros"],
    ],
  },
  {
    title: "Sealed into the log",
    facts: [
      ["log_origin", "the log"],
      ["log_size", "events in it at that time"],
      ["log_root", "its root"],
    ],
  },
  {
    title: "The end of the session",
    facts: [
      ["created_at", "began"],
      ["destroyed_at", "destroyed"],
      ["trigger", "ended by"],
      ["exec_count", "commands it ran"],
      ["key_id", "key that signed"],
    ],
  },
];

/** The value at a path like `revoked.terminal_tickets` in words; null when it is not there. */
export function factText(document, path) {
  const value = path.split(".").reduce((object, name) => objectOf(object)?.get(name), document);
  if (value === undefined) return null;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return value.toLocaleString("en-US");
  if (Array.isArray(value) && value.length === 0) return "none";
  if (Array.isArray(value) && value.every((element) => typeof element === "string")) return value.join(", ");
  return typeof value === "string" ? value : canonicalJSON(value);
}

/** Headline, one sentence, and how it is marked: good, partial or bad. */
export function verdictWords({ result, level_reached: level, levels, checks }) {
  if (result === "failed" && checks === null) {
    return { mark: "bad", title: "This is not a destruction proof", sentence: levels.integrity.explanation[0] };
  }
  if (result === "failed") {
    return {
      mark: "bad",
      title: "Not verified",
      sentence: "This proof does not hold. Do not rely on anything it says.",
    };
  }
  if (level === "provenance") {
    return {
      mark: "good",
      title: "Verified: integrity and provenance",
      sentence: "The document is whole, and the log whose key you gave published its key and issued it.",
    };
  }
  const isLower = result === "lower_level";
  return {
    mark: "partial",
    title: isLower ? "Verified, but only for integrity" : "Verified for integrity",
    sentence: isLower
      ? "The document is whole. Where it comes from could not be established."
      : "The document is whole and says what a clean destruction says. It does not show who made it.",
  };
}

const NOT_SHOWN = [
  "that the server told the truth: the operator's software measured, on the operator's kernel;",
  "that no copy was made while the session lived, by its own command or by anyone with access to the host;",
  "that memory is gone which the kernel had freed or moved before: step 3 says how the host was set;",
  "that any rule or law is complied with.",
];

/** What a verdict of this level does and does not mean. */
export function meaning(level) {
  const integrity = [
    "Nobody changed the document after it was signed: one signature binds every value in it.",
    "It says what a clean destruction says: no process left, every block overwritten four times and read back as" +
      " zeros, the key zeroed.",
  ];
  if (level === null) return { does: [], doesNot: [] };
  if (level === "integrity") {
    const anyone = "who made it: anyone can invent a session, measure nothing and sign with a key of their own;";
    return { does: integrity, doesNot: [anyone, ...NOT_SHOWN] };
  }
  const published =
    "The log whose key you gave published the proof's key for this session and holds this very proof, or its key's" +
    " event, under a checkpoint that it signed.";
  const history = "that the log shows everybody the same: that takes the log itself and a checkpoint you kept;";
  return { does: [...integrity, published], doesNot: [history, ...NOT_SHOWN] };
}

/** How the result of one level is called. */
export const RESULT_WORDS = {
  reached: "Reached",
  not_reached: "Not reached",
  asserted: "Asserted only",
  failed: "Failed",
  not_asked: "Not asked",
};

/** What one level says when nothing was asked of it. */
export const LEVEL_WORDS = {
  integrity: { title: "Integrity", about: "The document alone holds together." },
  provenance: {
    title: "Provenance",
    about: "The log whose key you know published the proof's key.",
    hint:
      "Drop the proof as GET /v1/proofs/SESSION?include=inclusion hands it out, or its .tlog-proof beside it, and give" +
      " the log's key",
  },
  history: {
    title: "History",
    about: "The replayed log holds the session's whole life and extends what you kept.",
    hint: "This takes the log's files: nrx-replay verify proof.json --log LOG --from CHECKPOINT",
  },
};
