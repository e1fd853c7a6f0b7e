// The eight evidence documents as a proof claims them (docs/cdp.md); null where one cannot be read whole.

import { MemberReader } from "./members.mjs";

const TRIGGERS = ["api", "ttl", "oom", "shutdown"];
const NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"];

/** Reads the documents of steps 1 to 8; `findings` gathers what is wrong. */
export function readDocuments(evidence, findings) {
  const readers = [
    ["isolation", readIsolation],
    ["fileSystem", readFileSystem],
    ["overwrite", readOverwrite],
    ["dataKey", readDataKey],
    ["credentials", readCredentials],
    ["zeroBlocks", readZeroBlocks],
    ["logHead", readLogHead],
    ["completion", readCompletion],
  ];
  const documents = {};
  readers.forEach(([name, read], index) => {
    const object = evidence[index] ?? null;
    documents[name] = object === null ? null : whole(read(object, findings.ofStep(index + 1)));
  });
  return documents;
}

/** `members` unless one of them could not be read. */
function whole(members) {
  return Object.values(members).includes(null) ? null : members;
}

function readCounts(object, place, names, findings) {
  if (object === null) return;
  const reader = new MemberReader(object, place);
  for (const name of names) reader.count(name);
  findings.noteAll("structure", reader.finish());
}

function readIsolation(object, findings) {
  const reader = new MemberReader(object, "environment_isolation");
  const layersMissing = reader.strings("layers_missing");
  const namespaces = reader.objectMember("namespaces");
  const processesAfter = reader.count("processes_after");
  reader.count("processes_before");
  findings.noteAll("structure", reader.finish());
  readCounts(namespaces, "namespaces", NAMESPACES, findings);
  return { layersMissing, processesAfter };
}

function readFileSystem(object, findings) {
  const reader = new MemberReader(object, "filesystem_destruction");
  const bytes = reader.count("bytes");
  reader.count("files");
  reader.count("mount_id");
  const openDescriptorsAfter = reader.count("open_descriptors_after");
  const presentAfter = reader.bool("present_after");
  reader.count("size_bytes");
  findings.require(reader.string("source") === "tmpfs", "structure", "the file system is not tmpfs");
  findings.noteAll("structure", reader.finish());
  return { bytes, openDescriptorsAfter, presentAfter };
}

function readOverwrite(object, findings) {
  const reader = new MemberReader(object, "multipass_overwrite");
  const bytes = reader.count("bytes");
  const bytesCompared = reader.count("bytes_compared");
  const bytesOverwritten = reader.count("bytes_overwritten");
  reader.bool("init_on_free");
  const mismatches = reader.count("mismatches");
  const passes = reader.strings("passes");
  reader.bool("swap_active");
  findings.noteAll("structure", reader.finish());
  return { bytes, bytesCompared, bytesOverwritten, mismatches, passes };
}

function readDataKey(object, findings) {
  const reader = new MemberReader(object, "key_zeroization");
  const guardedMemory = reader.bool("guarded_memory");
  const locked = reader.bool("locked");
  const readBackZero = reader.bool("read_back_zero");
  const sealed = reader.objectMember("sealed");
  const zeroed = reader.bool("zeroed");
  findings.noteAll("structure", reader.finish());
  readCounts(sealed, "sealed", ["exec_answers", "spooled_inputs", "terminal_tickets"], findings);
  return { guardedMemory, locked, readBackZero, zeroed };
}

function readCredentials(object, findings) {
  const reader = new MemberReader(object, "credential_incineration");
  const revoked = reader.objectMember("revoked");
  findings.noteAll("structure", reader.finish());
  readCounts(revoked, "revoked", ["environment_secrets", "terminal_tickets"], findings);
  return {};
}

function readZeroBlocks(object, findings) {
  const reader = new MemberReader(object, "merkle_zero_verification");
  findings.require(reader.count("block_bytes") === 4096, "structure", "block_bytes is not 4096");
  const blocks = reader.count("blocks");
  const expectedRoot = reader.hash("expected_root");
  const merkleRoot = reader.hash("merkle_root");
  findings.noteAll("structure", reader.finish());
  return { blocks, expectedRoot, merkleRoot };
}

function readLogHead(object, findings) {
  const reader = new MemberReader(object, "chain_integrity_seal");
  const origin = reader.string("log_origin");
  const root = reader.hash("log_root");
  const size = reader.count("log_size");
  findings.noteAll("structure", reader.finish());
  return { origin, root, size };
}

function readCompletion(object, findings) {
  const reader = new MemberReader(object, "lifecycle_completion");
  const version = reader.string("cdp_version");
  findings.require(version === "1.0", "consistency", "step 8 names another cdp_version");
  const createdAt = reader.second("created_at");
  const customerID = reader.string("customer_id");
  const destroyedAt = reader.second("destroyed_at");
  const execCount = reader.count("exec_count");
  const keyID = reader.string("key_id");
  const publicKeySHA256 = reader.hash("public_key_sha256");
  const regulatoryContextSHA256 = reader.hash("regulatory_context_sha256");
  const sessionContextSHA256 = reader.hash("session_context_sha256");
  const sessionID = reader.string("session_id");
  const named = reader.string("trigger");
  const trigger = TRIGGERS.includes(named) ? named : null;
  const isKnown = trigger !== null;
  findings.require(isKnown, "structure", "lifecycle_completion.trigger is not api, ttl, oom or shutdown");
  findings.noteAll("structure", reader.finish());
  return {
    ...{ createdAt, customerID, destroyedAt, execCount, keyID, publicKeySHA256, regulatoryContextSHA256 },
    ...{ sessionContextSHA256, sessionID, trigger },
  };
}
