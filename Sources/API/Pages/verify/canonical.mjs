// The canonical form of JSON, RFC 8785 (JCS): the exact bytes that are hashed and signed.

import { utf8 } from "./bytes.mjs";

// RFC 8785 §3.2.2.2 defines the escapes of a string as those of ECMAScript's JSON.stringify.
function canonicalString(text) {
  return JSON.stringify(text);
}

/** `value` as RFC 8785 (JCS) writes it: members sorted, no white space, the shortest escapes. */
export function canonicalJSON(value) {
  if (value instanceof Map) {
    return `{${[...value].map(([name, member]) => `${canonicalString(name)}:${canonicalJSON(member)}`).join(",")}}`;
  }
  if (Array.isArray(value)) return `[${value.map(canonicalJSON).join(",")}]`;
  return typeof value === "string" ? canonicalString(value) : String(value);
}

/** The UTF-8 bytes of the canonical form. */
export function canonicalBytes(value) {
  return utf8(canonicalJSON(value));
}
