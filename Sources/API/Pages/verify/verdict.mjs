// The whole verdict on what the auditor dropped: the same levels, results and checks as `nrx-replay verify --json`.

import { NotAProof, verifyProof } from "./proof.mjs";
import { judgeInclusion, judgeKeyPublished, judgment, readProofFile } from "./provenance.mjs";

const FILE_BYTES_MAX = 16 << 20;

/**
 * Examines `bytes`, a proof or a proof with its inclusion.
 *
 * `inclusionProof` is the text of a `.tlog-proof` given apart, `key` the log's key as `readVerifierKey` reads it, both
 * may be null; `keyIsAsserted` says that the key is only the word of the server that this page came from.
 */
export async function examine(bytes, options = {}) {
  const { inclusionProof = null, key = null, keyIsAsserted = false, acceptsMissingLayers = false } = options;
  const file = bytes.length > FILE_BYTES_MAX ? { document: bytes, inclusion: null } : readProofFile(bytes);
  const asksProvenance = inclusionProof !== null || (file.inclusion !== null && key !== null);
  const report = {
    level_asked: asksProvenance ? "provenance" : "integrity",
    levels: {},
    checks: null,
    layers_missing: [],
    failures: [],
  };
  const proof = await judgeDocument(file.document, acceptsMissingLayers, report);
  if (proof !== null) {
    const given = await judgeGiven(file, inclusionProof, key, proof.claims);
    const judged = given !== null && keyIsAsserted ? asserted(given) : given;
    if (judged !== null) report.levels.provenance = judged;
  }
  return { ...report, ...conclusion(report), proof };
}

async function judgeDocument(document, acceptsMissingLayers, report) {
  let verification;
  try {
    verification = await verifyProof(document, acceptsMissingLayers);
  } catch (error) {
    if (!(error instanceof NotAProof)) throw error;
    report.levels.integrity = judgment("failed", error.message);
    return null;
  }
  const { failures, claims, checks, layersMissing } = verification;
  report.checks = checks;
  report.layers_missing = layersMissing;
  report.failures = failures;
  report.document = verification.document;
  if (failures.length > 0 || claims === null) {
    report.levels.integrity = judgment("failed", ...failures.map(({ check, message }) => `${check}: ${message}`));
    return null;
  }
  report.levels.integrity = judgment(
    "reached",
    "the chain, the signature and everything they bind hold together. By itself this is not authenticity:" +
      " anybody can make a document like that under a key of their own",
  );
  report.session_id = claims.sessionID;
  report.key_id = claims.keyID;
  report.destroyed_at = claims.destroyedAt;
  return { claims };
}

async function judgeGiven(file, inclusionProof, key, claims) {
  if (key === null) {
    const carriesProof = file.inclusion !== null || inclusionProof !== null;
    const why = "what you dropped shows that some log holds this proof: give that log's key, and get it from somewhere";
    return carriesProof ? judgment("not_reached", `${why} else than from who gave you the file`) : null;
  }
  const carried =
    file.inclusion === null ? null : await judgeInclusion(file.inclusion, key, claims, file.document);
  // One that is given apart counts too: whichever fails, fails the proof.
  if (inclusionProof === null || carried?.result === "failed") return carried;
  return judgeKeyPublished(inclusionProof, key, claims);
}

/** A key that came with the page is the server's own word: good for finding faults, not for trust. */
function asserted({ result, explanation }) {
  if (result !== "reached") return { result, explanation };
  return judgment("asserted", ...explanation, "but the key is this server's own word: get it from somewhere else");
}

function conclusion({ levels, level_asked: asked }) {
  const judgments = Object.values(levels);
  if (judgments.some(({ result }) => result === "failed")) return { result: "failed", level_reached: null };
  const reached = ["provenance", "integrity"].find((level) => levels[level]?.result === "reached");
  const isVerified = levels[asked]?.result === "reached";
  return { result: isVerified ? "verified" : "lower_level", level_reached: reached ?? null };
}
