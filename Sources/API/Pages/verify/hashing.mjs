// SHA-256 by the browser, and the RFC 6962 tree on top of it. Hashes are 32 bytes here, hex where a document has hex.

import { haveSameBytes, hexOfBytes, joinedBytes } from "./bytes.mjs";

const ZERO_BLOCK_BYTES = 4096;

/** SHA-256 of the empty text: the root of a tree without leaves, and where the chain of a proof begins. */
export const EMPTY_ROOT_HEX = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/** The 32 bytes of SHA-256. */
export async function sha256(bytes) {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** SHA-256 in lower-case hex. */
export async function sha256Hex(bytes) {
  return hexOfBytes(await sha256(bytes));
}

/** SHA-256(0x00 ‖ entry), RFC 6962 §2.1. */
export function leafHash(entry) {
  return sha256(joinedBytes([0], entry));
}

/** SHA-256(0x01 ‖ left ‖ right), RFC 6962 §2.1. */
export function nodeHash(left, right) {
  return sha256(joinedBytes([1], left, right));
}

/** The root, in hex, of the tree over `blocks` blocks of 4,096 zeros each. At most 54 levels, whatever the number. */
export async function zeroTreeRootHex(blocks) {
  let complete = await leafHash(new Uint8Array(ZERO_BLOCK_BYTES));
  let root = null;
  for (let rest = BigInt(blocks); rest > 0n; rest >>= 1n) {
    if (rest & 1n) root = root === null ? complete : await nodeHash(complete, root);
    complete = await nodeHash(complete, complete);
  }
  return root === null ? EMPTY_ROOT_HEX : hexOfBytes(root);
}

/** Whether `path` leads from `leaf` at `index` to the root of the tree of `size` leaves (RFC 9162 §2.1.3.2). */
export async function leadsToRoot(leaf, index, size, root, path) {
  if (index >= size) return false;
  let [node, position, last] = [leaf, index, size - 1n];
  for (const sibling of path) {
    if (last === 0n) return false;
    if (position & 1n || position === last) {
      node = await nodeHash(sibling, node);
      while (!(position & 1n) && position !== 0n) {
        position >>= 1n;
        last >>= 1n;
      }
    } else {
      node = await nodeHash(node, sibling);
    }
    position >>= 1n;
    last >>= 1n;
  }
  return last === 0n && haveSameBytes(node, root);
}

