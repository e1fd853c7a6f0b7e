// The members of a proof outside its evidence documents, as far as they can be read.

import { bytesOfBase64, haveSameBytes } from "./bytes.mjs";
import { MemberReader, arrayOf, objectOf, stringOf } from "./members.mjs";

// DER of an Ed25519 SubjectPublicKeyInfo up to the key itself (RFC 8410 §4).
const SPKI_PREFIX = Uint8Array.of(0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00);
const SESSION_ID = /^sess_[0-9a-f]{32}$/;

/** Reads what stands around the evidence; `findings` gathers what is wrong. */
export function readParts(proof, findings) {
  const parts = { publicKey: null, signature: null, signatureText: null, keyID: null };
  const reader = new MemberReader(proof, "the document");
  const attestation = reader.objectMember("attestation");
  if (attestation !== null) readAttestation(attestation, parts, findings);
  findings.require(reader.string("cdp_version") === "1.0", "structure", "cdp_version is not 1.0");
  const chain = reader.array("chain") ?? [];
  parts.createdAt = reader.second("created_at");
  parts.destroyedAt = reader.second("destroyed_at");
  const evidence = reader.array("evidence") ?? [];
  parts.finalHash = reader.prefixedHash("final_hash");
  parts.regulatoryContext = reader.objectMember("regulatory_context");
  parts.sessionContext = reader.objectMember("session_context");
  parts.sessionID = reader.string("session_id");
  const isSession = parts.sessionID === null || SESSION_ID.test(parts.sessionID);
  findings.require(isSession, "structure", "session_id is not sess_ and 32 lower-case hex digits");
  findings.noteAll("structure", reader.finish());
  parts.chain = chain.map((link, index) => readLink(link, index, findings));
  parts.evidence = evidence.map((item, index) => readEvidence(item, index, findings));
  return parts;
}

function readAttestation(attestation, parts, findings) {
  const reader = new MemberReader(attestation, "attestation");
  findings.require(reader.string("algorithm") === "Ed25519", "structure", "the algorithm is not Ed25519");
  parts.keyID = reader.string("key_id");
  parts.publicKeyText = reader.string("public_key");
  const spki = prefixedBytes(parts.publicKeyText, 44);
  parts.spki = spki !== null && haveSameBytes(spki.subarray(0, 12), SPKI_PREFIX) ? spki : null;
  parts.publicKey = parts.spki?.subarray(12) ?? null;
  findings.require(
    parts.publicKey !== null,
    "structure",
    "attestation.public_key is not base64: and the canonical base64 of an Ed25519 SubjectPublicKeyInfo",
  );
  parts.signatureText = reader.string("signature");
  parts.signature = prefixedBytes(parts.signatureText, 64);
  findings.require(
    parts.signature !== null,
    "structure",
    "attestation.signature is not base64: and the canonical base64 of 64 bytes",
  );
  findings.noteAll("structure", reader.finish());
}

function prefixedBytes(text, count) {
  if (!text?.startsWith("base64:")) return null;
  const bytes = bytesOfBase64(text.slice(7));
  return bytes?.length === count ? bytes : null;
}

function readLink(value, index, findings) {
  const object = objectOf(value);
  if (object === null) {
    findings.note("structure", `chain[${index}] is not an object`, index + 1);
    return { subsystem: null, operation: null, evidenceHash: null, chainHash: null };
  }
  const reader = new MemberReader(object, `chain[${index}]`);
  const chainHash = reader.prefixedHash("chain_hash");
  const evidenceHash = reader.prefixedHash("evidence_hash");
  const operation = reader.string("operation");
  findings.require(reader.count("step") === index + 1, "structure", `chain[${index}].step is not ${index + 1}`, index + 1);
  const subsystem = reader.string("subsystem");
  findings.noteAll("structure", reader.finish(), index + 1);
  return { subsystem, operation, evidenceHash, chainHash };
}

function readEvidence(value, index, findings) {
  const object = objectOf(value);
  if (object === null) {
    findings.note("structure", `evidence[${index}] is not an object`, index + 1);
    return null;
  }
  const reader = new MemberReader(object, `evidence[${index}]`);
  const document = reader.objectMember("document");
  findings.require(reader.count("step") === index + 1, "structure", `evidence[${index}].step is not ${index + 1}`, index + 1);
  findings.noteAll("structure", reader.finish(), index + 1);
  return document;
}

/** Whether `value` is a destruction proof at all, good or bad. */
export function looksLikeProof(value) {
  const proof = objectOf(value);
  return (
    stringOf(proof?.get("cdp_version")) !== null &&
    arrayOf(proof?.get("chain")) !== null &&
    objectOf(proof?.get("attestation")) !== null
  );
}
