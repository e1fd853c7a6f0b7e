// What the evidence says against each other, against the rest of the proof, and against what a clean destruction says.

import { haveSameBytes, utf8 } from "./bytes.mjs";
import { canonicalBytes } from "./canonical.mjs";
import { sha256Hex, zeroTreeRootHex } from "./hashing.mjs";

const PASSES = ["00", "ff", "random", "00"];

/** Checks it all; returns what the proof says of itself when all of that could be read, else null. */
export async function checkClaims(parts, documents, acceptsMissingLayers, findings) {
  checkCleanDestruction(documents, acceptsMissingLayers, findings);
  await checkByteCounts(documents, findings);
  const { completion, logHead } = documents;
  if (completion === null) {
    for (const check of ["key_binding", "context_binding", "consistency"]) {
      findings.note(check, "step 8, which binds it, cannot be read", 8);
    }
    return null;
  }
  await checkKeyBinding(parts, completion, findings.ofStep(8));
  await checkContexts(parts, completion, findings.ofStep(8));
  checkRepeatedMembers(parts, completion, findings.ofStep(8));
  const { publicKey, publicKeyText, finalHash, signatureText } = parts;
  if ([publicKey, finalHash, signatureText, logHead].includes(null)) return null;
  const { sessionID, customerID, createdAt, destroyedAt, trigger, execCount, keyID } = completion;
  return {
    ...{ sessionID, customerID, createdAt, destroyedAt, trigger, execCount, keyID },
    ...{ publicKeyText, finalHash, signatureText, logHead },
  };
}

async function checkKeyBinding(parts, completion, findings) {
  const keyHash = parts.publicKey === null ? null : await sha256Hex(parts.spki);
  const isSameKey = keyHash === completion.publicKeySHA256;
  findings.require(isSameKey, "key_binding", "step 8 was made for another public key");
  const isSameID = parts.keyID === completion.keyID;
  findings.require(isSameID, "key_binding", "attestation.key_id is not the key_id of step 8");
  findings.require(
    isDerivedKeyID(completion),
    "key_binding",
    "key_id does not follow from the session's id and the time of its destruction",
  );
}

/** Whether it is `nrx-verify-`, the time's digits and letters, `-`, and the session's first 8 hex characters. */
function isDerivedKeyID({ keyID, destroyedAt, sessionID }) {
  const start = utf8(`nrx-verify-${destroyedAt.replaceAll("-", "").replaceAll(":", "")}-`);
  const expected = Uint8Array.of(...start, ...utf8(sessionID).subarray(5, 13));
  return haveSameBytes(utf8(keyID), expected);
}

async function checkContexts(parts, completion, findings) {
  const hashOf = async (context) => (context === null ? null : sha256Hex(canonicalBytes(context)));
  findings.require(
    (await hashOf(parts.regulatoryContext)) === completion.regulatoryContextSHA256,
    "context_binding",
    "regulatory_context does not have the hash that step 8 says",
  );
  findings.require(
    (await hashOf(parts.sessionContext)) === completion.sessionContextSHA256,
    "context_binding",
    "session_context does not have the hash that step 8 says",
  );
}

function checkRepeatedMembers(parts, completion, findings) {
  const { sessionID, createdAt, destroyedAt } = completion;
  findings.require(parts.sessionID === sessionID, "consistency", "session_id is not that of step 8");
  findings.require(parts.createdAt === createdAt, "consistency", "created_at is not that of step 8");
  findings.require(parts.destroyedAt === destroyedAt, "consistency", "destroyed_at is not that of step 8");
  // Every field has a fixed width, so the order of the texts is the order of the times.
  findings.require(createdAt <= destroyedAt, "consistency", "the session was destroyed before it was made");
}

async function checkByteCounts({ fileSystem, overwrite, zeroBlocks }, findings) {
  if (fileSystem === null || overwrite === null || zeroBlocks === null) {
    findings.note("consistency", "step 2, 3 or 6 cannot be read");
    return;
  }
  const { bytes } = fileSystem;
  const agree = overwrite.bytes === bytes && overwrite.bytesCompared === bytes;
  findings.require(agree, "consistency", "steps 2 and 3 disagree on the number of bytes", 3);
  // The product can be larger than the numbers that JavaScript holds exactly.
  const product = BigInt(bytes) * BigInt(overwrite.passes.length);
  findings.require(
    BigInt(overwrite.bytesOverwritten) === product,
    "consistency",
    "bytes_overwritten is not the number of passes times bytes",
    3,
  );
  findings.require(
    bytes % 4096 === 0 && bytes / 4096 === zeroBlocks.blocks,
    "consistency",
    "blocks is not the number of bytes over 4096",
    6,
  );
  findings.require(
    zeroBlocks.expectedRoot === (await zeroTreeRootHex(zeroBlocks.blocks)),
    "consistency",
    "expected_root is not the root of as many zero blocks",
    6,
  );
}

function checkCleanDestruction(documents, acceptsMissingLayers, findings) {
  const { isolation, fileSystem, overwrite, dataKey, zeroBlocks } = documents;
  const require = (step, holds, message) => findings.require(holds, "clean_destruction", message, step);
  if ([isolation, fileSystem, overwrite, dataKey, zeroBlocks].includes(null)) {
    require(null, false, "step 1, 2, 3, 4 or 6 cannot be read");
    return;
  }
  const { layersMissing, processesAfter } = isolation;
  require(1, processesAfter === 0, `${processesAfter} processes were left`);
  const isComplete = acceptsMissingLayers || layersMissing.length === 0;
  require(1, isComplete, `the session ran without isolation layers: ${layersMissing.join(", ")}`);
  require(2, fileSystem.openDescriptorsAfter === 0, "descriptors were still open on the workspace");
  require(2, !fileSystem.presentAfter, "the workspace was still mounted");
  const { passes, mismatches } = overwrite;
  const arePasses = passes.length === PASSES.length && passes.every((pass, index) => pass === PASSES[index]);
  require(3, arePasses, "the passes are not 00, ff, random, 00");
  require(3, mismatches === 0, `${mismatches} bytes did not read back as zero`);
  require(4, dataKey.guardedMemory && dataKey.locked, "the data key was not in guarded and locked memory");
  require(4, dataKey.zeroed && dataKey.readBackZero, "the data key was not zeroed");
  const areZero = zeroBlocks.merkleRoot === zeroBlocks.expectedRoot;
  require(6, areZero, "the blocks read back are not the zero blocks expected");
}
