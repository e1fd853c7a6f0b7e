// Whether inclusion proofs show that the log published a proof's key for its session, and issued the proof.

import { haveSameBytes } from "./bytes.mjs";
import { canonicalBytes } from "./canonical.mjs";
import { EventError, readEvent } from "./events.mjs";
import { readJSON } from "./json.mjs";
import { LogKeys } from "./keys.mjs";
import { arrayOf, objectOf, stringOf } from "./members.mjs";
import { NoteError, readInclusionProof, verifyInclusion } from "./notes.mjs";

const KEY_PUBLISHED = "verification_key.published";
const PROOF_ISSUED = "proof.issued";

/** What can be said at one level: `result` is reached, not_reached, asserted or failed; `explanation` are sentences. */
export function judgment(result, ...explanation) {
  return { result, explanation };
}

/**
 * What the auditor was given: a bare proof, or `{"cdp":…,"inclusion":…}` as GET /v1/proofs/SESSION?include=inclusion
 * answers it. A file that is not exactly of the second form is taken for a bare proof, and judged as one.
 */
export function readProofFile(bytes) {
  let whole;
  try {
    whole = objectOf(readJSON(bytes));
  } catch {
    // The proof's own verifier says what is wrong with it.
    whole = null;
  }
  if (whole?.size !== 2 || !whole.has("cdp") || !whole.has("inclusion")) return { document: bytes, inclusion: null };
  const inclusion = objectOf(whole.get("inclusion"));
  return {
    document: canonicalBytes(whole.get("cdp")),
    inclusion: {
      keyPublished: stringOf(inclusion?.get("verification_key_published")),
      proofIssued: stringOf(inclusion?.get("proof_issued")),
      keys: {
        rotations: arrayOf(inclusion?.get("key_rotations")) ?? [],
        recovery: inclusion?.get("recovery"),
      },
    },
  };
}

/** Judges both events that a file carries the inclusion of. */
export async function judgeInclusion(inclusion, key, claims, document) {
  const published = await judgeKeyPublished(inclusion.keyPublished, key, claims, inclusion.keys);
  if (published.result !== "reached") return published;
  const { event, problem } = await includedEvent(inclusion.proofIssued, key, inclusion.keys, "the proof's own event");
  if (problem) return problem;
  const difference = differenceOfIssued(event, claims, document);
  if (difference !== null) return judgment("failed", difference);
  return judgment("reached", `${published.explanation[0]}, and issued this proof as event ${event.sequence}`);
}

/** Judges the inclusion of the event of the proof's key alone; `keys` say how the log went on from `key`. */
export async function judgeKeyPublished(text, key, claims, keys = { rotations: [] }) {
  const { event, problem } = await includedEvent(text, key, keys, "the event of the proof's key");
  if (problem) return problem;
  const differences = differencesOfKey(event, claims);
  if (differences.length > 0) return judgment("failed", ...differences);
  if (claims.logHead.origin !== key.name) {
    return judgment("failed", `step 7 of the proof names the log ${claims.logHead.origin}, not ${key.name}`);
  }
  return judgment(
    "reached",
    `the log ${key.name} published this proof's key for this session as event ${event.sequence}, and the` +
      " expected key signed for that",
  );
}

/** The event that the log holds, once everything about its inclusion was verified. */
async function includedEvent(text, key, { rotations, recovery }, what) {
  try {
    if (text === null) throw new NoteError("it is missing");
    const proof = readInclusionProof(text);
    if (proof.extra === null) {
      const why = "the inclusion proof does not carry the event it is about (the line `extra`); have it made by";
      return { problem: judgment("not_reached", `${why} \`nrx-replay prove\``) };
    }
    await verifyInclusion(proof, proof.extra, await LogKeys.following(key, rotations, recovery));
    const event = readEvent(proof.extra);
    if (BigInt(event.sequence) !== proof.index) {
      throw new NoteError("the event that is included says that it has another place");
    }
    return { event };
  } catch (error) {
    if (!(error instanceof NoteError || error instanceof EventError)) throw error;
    return { problem: judgment("failed", `the inclusion proof of ${what} does not hold: ${error.message}`) };
  }
}

function differencesOfKey(event, claims) {
  if (event.type !== KEY_PUBLISHED) {
    return [`event ${event.sequence} is of the type ${event.type} and publishes no verification key`];
  }
  const differences = [];
  const require = (holds, what) => {
    if (!holds) differences.push(`event ${event.sequence} publishes a key ${what}`);
  };
  require(event.stream === claims.sessionID, `for another session, ${event.stream}`);
  require(event.data.get("key_id") === claims.keyID, "of another name");
  require(event.data.get("public_key") === claims.publicKeyText, "that is another than the proof's");
  return differences;
}

function differenceOfIssued(event, claims, document) {
  const { sequence, data } = event;
  if (event.type !== PROOF_ISSUED || event.stream !== claims.sessionID) {
    return `event ${sequence} does not issue a proof for this session`;
  }
  const issued = data.has("cdp") ? canonicalBytes(data.get("cdp")) : new Uint8Array();
  if (!haveSameBytes(issued, canonicalBytes(readJSON(document)))) {
    return `event ${sequence} issued another proof for this session`;
  }
  if (claims.logHead.size > sequence) {
    return `step 7 of the proof names a state of the log from after its own event ${sequence}`;
  }
  return null;
}
