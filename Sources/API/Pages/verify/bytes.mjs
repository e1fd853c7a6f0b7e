// Bytes and their spellings. Every spelling is canonical: what is read is written again and compared.

const textEncoder = new TextEncoder();

/** The UTF-8 bytes of `text`. */
export function utf8(text) {
  return textEncoder.encode(text);
}

/** The text that `bytes` are in UTF-8, or null when they are not valid UTF-8. A byte order mark is kept. */
export function textOfUTF8(bytes) {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** Whether two byte arrays are equal. */
export function haveSameBytes(left, right) {
  return left.length === right.length && left.every((byte, index) => byte === right[index]);
}

/** All `parts` behind each other. */
export function joinedBytes(...parts) {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    bytes.set(part, position);
    position += part.length;
  }
  return bytes;
}

/** Two lower-case hex digits a byte. */
export function hexOfBytes(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes that lower-case hex spells. Only for text that was checked to be hex. */
export function bytesOfHex(text) {
  return Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
}

/** Whether `text` is 64 lower-case hex digits, as a SHA-256 is written. */
export function isHashHex(text) {
  return /^[0-9a-f]{64}$/.test(text);
}

/** Base64 with padding (RFC 4648 §4). */
export function base64OfBytes(bytes) {
  let characters = "";
  for (const byte of bytes) characters += String.fromCharCode(byte);
  return btoa(characters);
}

/** The bytes that `text` spells in base64, or null unless it is their one canonical spelling. */
export function bytesOfBase64(text) {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return null;
  let characters;
  try {
    characters = atob(text);
  } catch {
    return null;
  }
  const bytes = Uint8Array.from(characters, (character) => character.charCodeAt(0));
  return base64OfBytes(bytes) === text ? bytes : null;
}
