// Checks a Cryptographic Destruction Proof of format 1.0 from its bytes alone: recomputes everything in it and trusts
// no member because it is there (docs/cdp.md, "Checking a proof").

import { utf8 } from "./bytes.mjs";
import { canonicalBytes } from "./canonical.mjs";
import { checkClaims } from "./claims.mjs";
import { readDocuments } from "./documents.mjs";
import { hasStrictSignature, isSoundPoint } from "./ed25519.mjs";
import { EMPTY_ROOT_HEX, sha256Hex } from "./hashing.mjs";
import { readJSON } from "./json.mjs";
import { looksLikeProof, readParts } from "./parts.mjs";

const DOCUMENT_BYTES_MAX = 1 << 20;

/** The separate things that are checked, by the names of `POST /v1/verify`. */
export const CHECKS = [
  "structure",
  "evidence",
  "chain_integrity",
  "final_hash",
  "signature",
  "key_binding",
  "context_binding",
  "consistency",
  "clean_destruction",
];

/** Who does what in which step, as the chain binds it. */
export const STEPS = [
  { subsystem: "eee_namespace", operation: "environment_isolation" },
  { subsystem: "eee_tmpfs", operation: "filesystem_destruction" },
  { subsystem: "eee_memory", operation: "multipass_overwrite" },
  { subsystem: "dire_keys", operation: "key_zeroization" },
  { subsystem: "dire_identity", operation: "credential_incineration" },
  { subsystem: "fgx_forensic", operation: "merkle_zero_verification" },
  { subsystem: "rzl_audit", operation: "chain_integrity_seal" },
  { subsystem: "session_destroy", operation: "lifecycle_completion" },
];

/** Gathers what is wrong, under which check, and in which of the steps 1 to 8 where it is about one. */
class Findings {
  constructor() {
    this.failures = [];
  }

  note(check, message, step = null) {
    this.failures.push({ check, message, step });
  }

  noteAll(check, messages, step = null) {
    for (const message of messages) this.note(check, message, step);
  }

  require(holds, check, message, step = null) {
    if (!holds) this.note(check, message, step);
  }

  /** The same, for what is about one step. */
  ofStep(step) {
    return {
      noteAll: (check, messages) => this.noteAll(check, messages, step),
      require: (holds, check, message) => this.require(holds, check, message, step),
    };
  }
}

/** The document is no destruction proof at all. */
export class NotAProof extends Error {}

/**
 * Recomputes everything in `bytes`. Throws NotAProof for what is not strict JSON, or not an object with the members
 * cdp_version, chain and attestation; a proof that fails is no error.
 */
export async function verifyProof(bytes, acceptsMissingLayers) {
  if (bytes.length > DOCUMENT_BYTES_MAX) throw new NotAProof(`the document is larger than ${DOCUMENT_BYTES_MAX} bytes`);
  let document;
  try {
    document = readJSON(bytes);
  } catch (error) {
    throw new NotAProof(`the document is not strict JSON: ${error.message}`);
  }
  if (!looksLikeProof(document)) {
    throw new NotAProof("a destruction proof is an object with cdp_version, chain and attestation; this is none");
  }
  const findings = new Findings();
  const parts = readParts(document, findings);
  const documents = readDocuments(parts.evidence, findings);
  await checkEvidence(parts, findings);
  const lastHash = await recomputeChain(parts, findings);
  const isLast = lastHash !== null && parts.finalHash === lastHash;
  findings.require(isLast, "final_hash", "final_hash is not the chain hash of step 8");
  await checkSignature(parts, findings);
  const claims = await checkClaims(parts, documents, acceptsMissingLayers, findings);
  const { failures } = findings;
  const passed = (check) => !failures.some((failure) => failure.check === check);
  return {
    document,
    failures,
    claims,
    layersMissing: documents.isolation?.layersMissing ?? [],
    checks: { ...Object.fromEntries(CHECKS.map((check) => [check, passed(check)])), step_count: parts.chain.length },
  };
}

async function checkEvidence(parts, findings) {
  const [count, steps] = [parts.evidence.length, parts.chain.length];
  if (count !== STEPS.length || steps !== STEPS.length) {
    findings.note("evidence", `${count} evidence documents for ${steps} steps instead of 8 each`);
    return;
  }
  for (const [index, document] of parts.evidence.entries()) {
    const hash = document === null ? null : await sha256Hex(canonicalBytes(document));
    const holds = hash !== null && hash === parts.chain[index].evidenceHash;
    const message = `the evidence of step ${index + 1} does not have the hash that the chain says`;
    findings.require(holds, "evidence", message, index + 1);
  }
}

/** The chain hash of the last step, in hex; null when there are not exactly the eight. */
async function recomputeChain(parts, findings) {
  if (parts.chain.length !== STEPS.length) {
    findings.note("chain_integrity", `the chain has ${parts.chain.length} steps instead of 8`);
    return null;
  }
  let previous = EMPTY_ROOT_HEX;
  for (const [index, link] of parts.chain.entries()) {
    const { subsystem, operation } = STEPS[index];
    if ([...Object.values(link), parts.destroyedAt].includes(null)) {
      findings.note("chain_integrity", `step ${index + 1} of the chain cannot be recomputed`, index + 1);
      return null;
    }
    const isNamed = link.subsystem === subsystem && link.operation === operation;
    findings.require(isNamed, "chain_integrity", `step ${index + 1} is not ${subsystem}, ${operation}`, index + 1);
    const message = [previous, subsystem, operation, link.evidenceHash, parts.destroyedAt].join("\0");
    previous = await sha256Hex(utf8(message));
    const follows = previous === link.chainHash;
    findings.require(follows, "chain_integrity", `the chain hash of step ${index + 1} does not follow`, index + 1);
  }
  return previous;
}

async function checkSignature(parts, findings) {
  const { publicKey, signature, finalHash } = parts;
  if (publicKey === null || signature === null || finalHash === null) {
    findings.note("signature", "the signature cannot be checked: key, signature or final hash is malformed");
  } else if (!isSoundPoint(publicKey)) {
    findings.note("signature", "the public key is not a point of the prime-order group");
  } else {
    const holds = await hasStrictSignature(signature, utf8(finalHash), publicKey);
    findings.require(holds, "signature", "the signature of the final hash does not hold under the public key");
  }
}
